import Bytes
import HTTPWire
import JSONText
import Metrics
import Tenancy

/// Health, metrics, identity, tickets: what operators and clients ask about the gateway itself.
extension GatewayResponder {
  /// `GET /healthz`: the process lives.
  func health(_ answer: inout AnswerWriter) -> AnswerEnd {
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

  /// `GET /readyz`: the log is open and the keys are loaded.
  func readiness(_ answer: inout AnswerWriter) throws -> AnswerEnd {
    switch parts.operations.unreadiness() {
    case .storageFull: throw Refusal(.storageFull, "the log takes no events until there is space")
    case .logClosed: throw Refusal(.draining, "the log takes no events any more")
    case nil: break
    }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("status")
      json.string("ready" as StaticString)
      json.endObject()
    }
  }

  /// `GET /metrics`: everything on the management listener and in development mode; otherwise the
  /// caller's own tenant, for a caller with `admin`; else 404.
  func metrics(_ request: HTTPRequest, _ answer: inout AnswerWriter) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    var visible: (@Sendable (ByteSlice) -> Bool)?
    if request.listener != .management, !parts.operations.isDevelopment {
      guard let scope = try? admit(request, nil), scope.isOperator else {
        throw Refusal(.notFound)
      }
      let tenant = scope.tenant
      visible = { $0 == tenant.bytes }
    }
    let scrape = parts.operations.scrape
    let text = try await parts.workers.run { [visible] in scrape(visible) }
    answer.start(200)
    answer.finish(contentType: Scrape.contentType, body: text)
    return .complete
  }

  /// `GET /v1/whoami`: how the gateway sees the caller.
  func whoami(_ request: HTTPRequest, _ answer: inout AnswerWriter) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, nil)
    answer.start(200)
    answer.field("Cache-Control", "no-store")
    return finish(&answer) { json in
      json.beginObject()
      json.key("principal")
      json.string(scope.principal)
      json.key("tenant")
      json.string(scope.tenant.bytes)
      json.key("namespace")
      if let namespace = scope.namespace { json.string(namespace.bytes) } else { json.null() }
      json.key("issuer")
      json.string(scope.issuer)
      if let service = scope.service {
        json.key("service")
        json.string(service)
      }
      json.key("grants")
      write(scope.grants, into: &json)
      json.key("denials")
      write(scope.denials, into: &json)
      json.key("expires")
      json.instant(scope.expires)
      json.endObject()
    }
  }

  private func write(_ grants: [Grant], into json: inout JSONWriter) {
    json.beginArray()
    for grant in grants {
      json.beginObject()
      json.key("rule")
      json.string(grant.rule)
      json.key("action")
      json.string(grant.action.word)
      json.key("pattern")
      json.string(grant.patternText)
      json.endObject()
    }
    json.endArray()
  }

  /// `POST /v1/tickets` `{"path":"/v1/topics/…/events"}`: a ticket for one stream.
  func issueTicket(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    var members = try BodyMembers(parsing: body)
    guard let path = try members.takeText("path") else {
      throw Refusal(.badParameter, "'/path' is missing")
    }
    try members.finish()
    guard case .topic(let reference, .events) = try Route(path) else {
      throw Refusal(.badParameter, "'/path' is not the path of a topic's events")
    }
    let scope = try admit(request, reference.tenant)
    _ = try scope.address(of: reference, for: .subscribe)
    guard let ticket = parts.tickets.issue(for: path, to: scope, at: request.receivedAt) else {
      throw Refusal(.overloaded, "too many tickets are out")
    }
    let expires = min(scope.expires, request.receivedAt + StreamTickets.patience)
    answer.start(201)
    answer.field("Cache-Control", "no-store")
    return finish(&answer) { json in
      json.beginObject()
      json.key("ticket")
      json.string(ticket)
      json.key("expires")
      json.instant(expires)
      json.endObject()
    }
  }

  /// `GET /.well-known/oauth-protected-resource` (RFC 9728 §3).
  func resourceMetadata(_ answer: inout AnswerWriter) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("resource")
      json.string(parts.operations.publicURL)
      json.key("authorization_servers")
      json.beginArray()
      for issuer in parts.operations.issuers { json.string(issuer) }
      json.endArray()
      json.key("bearer_methods_supported")
      json.beginArray()
      json.string("header" as StaticString)
      json.endArray()
      json.endObject()
    }
  }

  /// `GET /openapi.json`: this contract (OpenAPI 3.1).
  func openAPI(_ answer: inout AnswerWriter) -> AnswerEnd {
    answer.start(200)
    answer.finish(contentType: "application/json", body: OpenAPIDocument.text)
    return .complete
  }
}
