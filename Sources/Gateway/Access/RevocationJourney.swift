import Authentication
import Bytes
import HTTPWire
import JSONText
import Metrics

/// Revocations: what operators take back before it ends. On the management listener only; for
/// everybody else the path names nothing.
extension GatewayResponder {
  /// `GET /v1/revocations`: those in force.
  func revocations(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let revocations = try operatorsRevocations(request)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("configured")
      json.beginArray()
      for revocation in revocations.configured { revocation.write(to: &json) }
      json.endArray()
      json.key("added")
      json.beginArray()
      for revocation in revocations.added(at: request.receivedAt) { revocation.write(to: &json) }
      json.endArray()
      json.endObject()
    }
  }

  /// `POST /v1/revocations`: puts one in force, at once, and answers when it is on disk.
  ///
  /// A body of another type than JSON is refused: a page in the operator's browser can send no JSON
  /// to another origin without asking first, and is never allowed to here.
  func revoke(_ request: HTTPRequest, _ answer: inout AnswerWriter) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let revocations = try operatorsRevocations(request)
    guard try MediaType(request.head.fields.first("content-type")).isOneOf("application/json")
    else { throw Refusal(.mediaType, "send application/json") }
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    let revocation: Revocation
    do throws(RevocationFault) {
      let document: JSONDocument
      do { document = try JSONDocument(parsing: body) } catch { throw RevocationFault.shape }
      revocation = try Revocation(reading: document.root, at: request.receivedAt)
    } catch {
      throw Refusal(.badParameter, error.text)
    }
    guard let issuer = admission.issuer(ofID: revocation.issuer) else {
      throw Refusal(.badParameter, "no issuer '\(QueryParameters.shown(revocation.issuer))'")
    }
    let bounded = revocation.forgotten(by: issuer, at: request.receivedAt)
    remember(bounded, changedBy: request)
    guard revocations.add([bounded], at: request.receivedAt) else {
      throw Refusal(.tooMany, "at most \(Revocations.most) revocations")
    }
    parts.identity.recheckStreams()
    let keep = parts.identity.keepRevocations
    let isKept = (try? await parts.workers.run { keep() }) ?? false
    guard isKept else {
      throw Refusal(
        .storageFailed, "the revocation is in force but could not be written: send it again")
    }
    note("revoked", bounded, request)
    answer.start(201)
    return finish(&answer) { json in bounded.write(to: &json) }
  }

  /// `DELETE /v1/revocations?issuer=…&jti=…` (or `kid`, `sub`): takes back one that was put in
  /// force by mistake, and answers with it when that is on disk.
  ///
  /// What has ended meanwhile stays ended: streams are opened anew.
  func reinstate(_ request: HTTPRequest, _ answer: inout AnswerWriter) async throws -> AnswerEnd {
    let revocations = try operatorsRevocations(request)
    let (issuer, target) = try Self.target(of: request)
    let sought = Revocation(issuer: issuer, target: target, expires: nil)
    remember(sought, changedBy: request)
    guard !revocations.isConfigured(target, of: issuer) else {
      throw Refusal(.notFound, "the configuration lists it: take it out there")
    }
    guard let removed = revocations.remove(target, of: issuer, at: request.receivedAt) else {
      throw Refusal(.notFound, "no such revocation is in force")
    }
    remember(removed, changedBy: request)
    let keep = parts.identity.keepRevocations
    let isKept = (try? await parts.workers.run { keep() }) ?? false
    guard isKept else {
      // Back in force, as the file says, and for what has been opened meanwhile.
      _ = revocations.add([removed], at: request.receivedAt)
      parts.identity.recheckStreams()
      throw Refusal(.storageFailed, "the revocation stays in force: nothing could be written")
    }
    note("revocation taken back", removed, request)
    answer.start(200)
    return finish(&answer) { json in removed.write(to: &json) }
  }

  /// Keeps what a call is about, for the audit log.
  private func remember(_ revocation: Revocation, changedBy request: HTTPRequest) {
    notes[request.id, default: RequestNotes()].revocation = JSONWriter.text { json in
      revocation.write(to: &json)
    }
  }

  private static func target(
    of request: HTTPRequest
  ) throws(Refusal) -> (ByteSlice, Revocation.Target) {
    var query = try QueryParameters(request.head.query)
    let (issuer, token) = (query.take("issuer"), query.take("jti"))
    let (key, subject) = (query.take("kid"), query.take("sub"))
    try query.finish()
    guard let issuer else { throw Refusal(.badParameter, "'issuer' is missing") }
    let target: Revocation.Target
    switch (token, key, subject) {
    case (let token?, nil, nil): target = .token(token)
    case (nil, let key?, nil): target = .key(key)
    case (nil, nil, let subject?): target = .subject(subject, before: request.receivedAt)
    default: throw Refusal(.badParameter, RevocationFault.target.text)
    }
    return (issuer, target)
  }

  private func operatorsRevocations(_ request: HTTPRequest) throws(Refusal) -> Revocations {
    guard request.listener == .management else { throw Refusal(.notFound) }
    return admission.revocations
  }

  private func note(
    _ message: StaticString, _ revocation: Revocation, _ request: HTTPRequest
  ) {
    let kind: StaticString =
      switch revocation.target {
      case .token: "jti"
      case .key: "kid"
      case .subject: "sub"
      }
    parts.log.log(
      .info, message,
      [
        "issuer": .bytes(revocation.issuer), "kind": .text("\(kind)"),
        "until": .text(revocation.expires?.rfc3339 ?? "for good"), "peer": .bytes(request.peer),
      ])
  }
}

extension Revocation {
  /// The same revocation, forgotten once no token that it is about can be alive: known only where
  /// the issuer's tokens have a longest life. A key may come back, and stays revoked.
  func forgotten(by issuer: IssuerProfile, at now: UnixTime) -> Revocation {
    guard expires == nil, let longest = issuer.maxLifetime else { return self }
    func end(_ last: UnixTime) -> UnixTime {
      last + longest + issuer.clockSkew + issuer.clockSkew
    }
    switch target {
    case .key: return self
    case .token: return Revocation(issuer: self.issuer, target: target, expires: end(now))
    case .subject(_, let before):
      return Revocation(issuer: self.issuer, target: target, expires: end(max(before, now)))
    }
  }
}

extension Admission {
  /// The revocations that verification goes by.
  var revocations: Revocations { verifier.revocations }

  func issuer(ofID id: ByteSlice) -> IssuerProfile? { verifier.issuer(ofID: id) }
}
