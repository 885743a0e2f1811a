import Bytes
import Crypto
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Schemas of a topic: register, show, remove, try a payload.
extension GatewayResponder {
  /// `PUT …/{topic}/schema`: registers the body as the topic's next version.
  func putSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let override = try query.takeFlag("override") ?? false
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    guard !override || scope.isOperator else {
      throw Refusal(.forbidden, "'override' needs an admin grant")
    }
    let terms = try SchemaTerms(contentType: request.head.fields.first("content-type"))
    let text = try await request.body.collect(upTo: SchemaLimits.sourceBytes)
    let candidate = try await compile(ByteSlice(copying: text.span), terms)
    _ = try await openTopic(address)

    let current = parts.engine.schemas(of: address).last
    switch try await decide(candidate, for: address) {
    case .identical:
      guard let current else { throw Refusal(.internalError) }
      answer.start(200)
      return finish(&answer) { json in write(current, candidate.program.warnings, into: &json) }
    case .incompatible(let report): throw Refusal(.schemaIncompatible, report)
    case .undecided(let report):
      guard isOverridden(report, override, address, request) else {
        throw Refusal(.schemaUndecided, report)
      }
    case .register: break
    }
    let stored = try await parts.engine.registerSchema(
      candidate, for: address, replacing: current?.version ?? 0)
    answer.start(201)
    answer.field("Location", text: "/v1/topics/\(address)/schemas/\(stored.version)")
    return finish(&answer) { json in write(stored, candidate.program.warnings, into: &json) }
  }

  /// `GET …/{topic}/schema`: the text in force.
  func getSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    let address = try readableSchemas(reference, request)
    guard let current = parts.engine.schemas(of: address).last else { throw Refusal(.notFound) }
    return show(current, &answer)
  }

  /// `GET …/{topic}/schemas/{version}`: one version's text.
  func getSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    let address = try readableSchemas(reference, request)
    guard let number = UInt32(version.text),
      let stored = parts.engine.schemas(of: address).first(where: { $0.version == number })
    else { throw Refusal(.notFound) }
    return show(stored, &answer)
  }

  /// `GET …/{topic}/schemas`: all versions, oldest first.
  func listSchemas(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    let address = try readableSchemas(reference, request)
    guard parts.engine.topic(address) != nil else { throw Refusal(.notFound) }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("schemas")
      json.beginArray()
      for stored in parts.engine.schemas(of: address) { write(stored, nil, into: &json) }
      json.endArray()
      json.endObject()
    }
  }

  /// `DELETE …/{topic}/schema`: the topic takes anything again.
  func deleteSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    guard !parts.engine.schemas(of: address).isEmpty else { throw Refusal(.notFound) }
    try await parts.engine.deleteSchemas(of: address)
    answer.start(204)
    answer.finishEmpty()
    return .complete
  }

  /// `POST …/{topic}/schema/validate`: what publishing the body would say, without publishing it.
  func validatePayload(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, forAnyOf: [.publish, .manage, .subscribe])
      .detached
    guard let bound = parts.engine.binding(of: address)?.schema(for: nil) else {
      throw Refusal(.notFound)
    }
    let payload = try await request.body.collect(upTo: GatewayLimits.event)
    switch bound.program.validate(payload, scratch) {
    case nil: return verdict([], truncated: false, bound.version, &answer)
    case .violations(let violations, let truncated):
      return verdict(violations, truncated: truncated, bound.version, &answer)
    case .some(let refusal): throw refusal
    }
  }

  private func verdict(
    _ violations: [Violation], truncated: Bool, _ version: UInt32, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("valid")
      json.bool(violations.isEmpty)
      json.key("schemaVersion")
      json.integer(Int(version))
      json.key("errors")
      json.beginArray()
      for violation in violations { violation.write(into: &json) }
      json.endArray()
      if truncated {
        json.key("truncated")
        json.bool(true)
      }
      json.endObject()
    }
  }

  /// Compiles on a worker: milliseconds, up to a second for the largest.
  func compile(_ text: ByteSlice, _ terms: SchemaTerms) async throws -> SchemaCandidate {
    let outcome = try await parts.workers.run { () -> Result<SchemaCandidate, SchemaFault> in
      do throws(SchemaFault) {
        let program = try CompiledSchema.compile(
          text, dialect: terms.dialect, formats: terms.formats)
        let fingerprint = program.fingerprint { Digest.sha256($0).bytes }
        return .success(
          SchemaCandidate(
            text: text, dialect: program.dialect, formats: program.formats,
            fingerprint: fingerprint, program: program))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private func readableSchemas(
    _ reference: TopicReference, _ request: HTTPRequest
  ) throws -> TopicAddress {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    return try scope.address(of: reference, forAnyOf: [.subscribe, .publish, .manage])
  }

  private func show(_ stored: StoredSchema, _ answer: inout AnswerWriter) -> AnswerEnd {
    answer.start(200)
    answer.field("Schema-Version", decimal: Int(stored.version))
    answer.field("Schema-Fingerprint", stored.fingerprint)
    answer.finish(contentType: "application/schema+json", body: stored.text)
    return .complete
  }

  private func write(
    _ stored: StoredSchema, _ warnings: [SchemaWarning]?, into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("version")
    json.integer(Int(stored.version))
    json.key("fingerprint")
    json.string(stored.fingerprint)
    json.key("type")
    json.string("JSON")
    json.key("dialect")
    json.string(stored.dialect.name)
    json.key("formats")
    json.string(stored.formats.name)
    json.key("registered")
    json.instant(stored.registered)
    if let warnings {
      json.key("warnings")
      json.beginArray()
      for warning in warnings {
        json.beginObject()
        json.key("pointer")
        json.string(warning.pointer)
        json.key("message")
        json.string(warning.message)
        json.endObject()
      }
      json.endArray()
    }
    json.endObject()
  }
}

/// What a registration's media type says:
/// `application/schema+json;version=draft-07;formats=assert`.
struct SchemaTerms: Sendable {
  var dialect: SchemaDialect?
  var formats: FormatMode?

  init(contentType: ByteSlice?) throws(Refusal) {
    let type = try MediaType(contentType)
    if type.isOneOf("application/vnd.apache.avro+json", "text/x-protobuf") {
      throw Refusal(.notSupported, "only JSON Schema is supported yet")
    }
    guard type.isOneOf("application/schema+json", "application/json", "") else {
      throw Refusal(.mediaType, "send application/schema+json")
    }
    for (name, value) in type.parameters {
      switch name {
      case "version":
        guard let dialect = SchemaDialect(named: value) else {
          throw Refusal(.mediaType, "the version is draft-07 or 2020-12")
        }
        self.dialect = dialect
      case "formats":
        guard let formats = FormatMode(named: value) else {
          throw Refusal(.mediaType, "formats is assert or annotate")
        }
        self.formats = formats
      case "charset": continue
      default: throw Refusal(.mediaType, "the media type's parameter '\(name)' is unknown")
      }
    }
  }
}
