import Bytes
import HTTPWire
import JSONText
import Metrics
import Tenancy

/// Health, metrics, identity, tickets: what operators and clients ask about the gateway itself.
extension GatewayResponder {
  /// `GET /healthz`: the process lives.
  func health(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws(Refusal) -> AnswerEnd {
    try refuseQuery(of: request)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("status")
      json.string("alive" as StaticString)
      json.key("version")
      json.string(parts.operations.version)
      json.endObject()
    }
  }

  /// `GET /readyz`: the log is open and every issuer's keys are there. Operators also see the state
  /// of each issuer on the network.
  func readiness(_ request: HTTPRequest, _ answer: inout AnswerWriter) throws -> AnswerEnd {
    try refuseQuery(of: request)
    switch parts.operations.unreadiness() {
    case .storageFull: throw Refusal(.storageFull, "the log takes no events until there is space")
    case .logClosed: throw Refusal(.draining, "the log takes no events any more")
    case .keysMissing(let issuers):
      let isOperators = request.listener == .management || parts.operations.isDevelopment
      let names = isOperators ? ": " + issuers.map(\.text).joined(separator: ", ") : ""
      throw Refusal(.authUnavailable, "keys of issuers have not been fetched yet" + names)
    case nil: break
    }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("status")
      json.string("ready" as StaticString)
      if request.listener == .management || parts.operations.isDevelopment {
        write(parts.identity.issuers(), into: &json)
      }
      json.endObject()
    }
  }

  /// `GET /metrics`: everything on the management listener and in development mode; otherwise the
  /// caller's own tenant, for a caller with `admin`; else 404, but for what passes by itself.
  func metrics(_ request: HTTPRequest, _ answer: inout AnswerWriter) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    var visible: (@Sendable (ByteSlice) -> Bool)?
    if request.listener != .management, !parts.operations.isDevelopment {
      let scope = try admitHidden(request)
      guard scope.isOperator else { throw TenancyRefusal.notFound }
      notes[request.id, default: RequestNotes()].operatorLook = .atTenant
      let tenant = scope.tenant
      visible = { $0 == tenant.bytes }
    }
    let scrape = parts.operations.scrape
    let text = try await parts.workers.run { [visible] in scrape(visible) }
    answer.start(200)
    answer.finish(contentType: Scrape.contentType, body: text)
    return .complete
  }

  /// Admits a caller to what is not there for others: who is not let in is told 404, and who may be
  /// in a moment, or later, what everybody would be told.
  private func admitHidden(_ request: HTTPRequest) throws -> TenantScope {
    func hidden(_ error: any Error) -> any Error {
      Refusal(error).code.isRetryable ? error : HiddenDenial(error)
    }
    do {
      return try admit(request, nil)
    } catch let pending as PendingAdmission {
      throw pending.telling(hidden(pending.otherwise))
    } catch {
      throw hidden(error)
    }
  }

  /// `POST /v1/tickets` `{"path":"/v1/topics/…/events"}`: a ticket for one stream.
  func issueTicket(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    // Before the body, which cannot be read twice, should the caller's key have to be looked for.
    _ = try admission.token(of: request)
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    var members = try BodyMembers(parsing: body)
    guard let path = try members.takeText("path") else {
      throw Refusal(.badParameter, "'/path' is missing")
    }
    try members.finish()
    let reference = try Self.topicOfEvents(path)
    let scope = try admit(request, to: reference, for: .subscribe).caller
    // The stream counts that it opens, if its topic is there.
    notes[request.id]?.consumed = nil
    guard let ticket = parts.tickets.issue(for: path, to: scope, at: request.receivedAt) else {
      throw Refusal(.overloaded, "too many tickets are out")
    }
    let expires = min(scope.expires, request.receivedAt + StreamTickets.patience(of: scope))
    answer.start(201)
    return finish(&answer) { json in
      json.beginObject()
      json.key("ticket")
      json.string(ticket)
      json.key("expires")
      json.instant(expires)
      json.endObject()
    }
  }

  /// The topic whose events a path names; a path without host and query, as the stream's request
  /// will have it.
  private static func topicOfEvents(_ path: ByteSlice) throws -> TopicReference {
    do {
      if case .topic(let reference, .events) = try Route(path) { return reference }
    } catch let refusal as Refusal where refusal.code == .notFound {
      // It names nothing: that is the body's fault, not a topic's that is not there.
    }
    throw Refusal(
      .badParameter,
      "'/path' is the path of a topic's events without host and query, such as "
        + "/v1/topics/acme/shop/orders/events")
  }

  private func write(_ issuers: [IssuerState], into json: inout JSONWriter) {
    json.key("issuers")
    json.beginArray()
    for issuer in issuers {
      json.beginObject()
      json.key("id")
      json.string(issuer.id)
      json.key("keys")
      json.integer(issuer.keys)
      json.key("fetched")
      if let fetched = issuer.fetched { json.instant(fetched) } else { json.null() }
      if let fault = issuer.fault {
        json.key("fault")
        json.string(fault)
      }
      json.endObject()
    }
    json.endArray()
  }

  /// `GET /.well-known/oauth-protected-resource` (RFC 9728 §3), followed by the path of the public
  /// URL if it has one.
  func resourceMetadata(
    _ path: ByteSlice, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws(Refusal) -> AnswerEnd {
    try refuseQuery(of: request)
    let ours = ResourceMetadata.resourcePath(of: parts.operations.publicURL)
    // Behind a proxy that takes the path away, the bare document is asked for as well.
    guard path.isEmpty || path == ours else { throw Refusal(.notFound) }
    answer.start(200)
    return finish(&answer) { json in
      ResourceMetadata.write(
        resource: parts.operations.publicURL, issuers: parts.access.current.issuers, into: &json)
    }
  }

  /// `GET /openapi.json`: this contract (OpenAPI 3.1).
  func openAPI(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws(Refusal) -> AnswerEnd {
    try refuseQuery(of: request)
    answer.start(200)
    answer.finish(contentType: "application/json", body: OpenAPIDocument.text)
    return .complete
  }
}
