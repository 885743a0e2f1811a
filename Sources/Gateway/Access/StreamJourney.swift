import Authentication
import Bytes
import HTTPWire
import JSONText
import Tenancy

/// What a live stream needs to outlive its token.
extension GatewayResponder {
  /// `POST /v1/streams/{id}/token`: the stream goes on under the token of this request.
  ///
  /// The token must be of the same issuer's same principal and tenant: for everybody else the
  /// stream is not there, and no answer tells whether it is. It must grant what the stream reads,
  /// and end no earlier than the one that the stream has.
  func renewStream(
    _ id: RequestID, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let open = parts.streams.topic(of: id)
    let scope = try admit(
      request, as: admission.scope(of: request, perhapsIn: open?.caller.tenant))
    guard let open else { throw Refusal(.notFound) }
    guard scope.isSameCaller(as: open.caller) else { throw TenancyRefusal.notFound }
    let reference = TopicReference(
      tenant: open.tenant, namespace: open.namespace, topic: open.topic)
    let topic = try scope.address(of: reference, for: open.action).detached
    // A stream ends at its token's own end: one within the skew is over.
    guard timers.clocks.wall() < scope.expires else { throw TokenRefusal.expired }
    guard scope.expires >= open.caller.expires else {
      throw Refusal(.badParameter, "the stream's token ends later than this one")
    }
    guard parts.streams.renew(id, with: topic) else { throw Refusal(.notFound) }
    answer.start(200)
    return finish(&answer) { json in Self.write(id, until: scope.expires, into: &json) }
  }

  /// The data of a `jodrell.challenge` event.
  static func challenge(_ id: RequestID, until expires: UnixTime) -> ByteSlice {
    JSONWriter.text { json in write(id, until: expires, into: &json) }
  }

  private static func write(
    _ id: RequestID, until expires: UnixTime, into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("stream")
    json.string(id.slice)
    json.key("expires")
    json.instant(expires)
    json.key("renew")
    var path = ByteWriter(capacity: 48)
    path.append("/v1/streams/")
    id.append(to: &path)
    path.append("/token")
    json.string(path.slice)
    json.endObject()
  }
}

extension TenantScope {
  /// Whether both are the same principal of the same tenant, by the word of the same issuer.
  fileprivate func isSameCaller(as other: TenantScope) -> Bool {
    tenant == other.tenant && principal == other.principal && issuer == other.issuer
  }
}
