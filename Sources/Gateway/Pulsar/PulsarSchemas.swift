import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Pulsar's admin API of schemas over the same registry: the line `default` of a topic, as far as
/// its versions are Avro record definitions (type `JSON` in Pulsar's words).
extension GatewayResponder {
  func serve(
    _ resource: PulsarSchemaResource, of topic: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    switch (resource, request.head.method) {
    case (.current, .get), (.current, .head): return try getPulsarSchema(topic, request, &answer)
    case (.current, .post): return try await postPulsarSchema(topic, request, &answer)
    case (.current, .delete): return try await deletePulsarSchema(topic, request, &answer)
    case (.version(let version), .get), (.version(let version), .head):
      return try getPulsarSchema(version, topic, request, &answer)
    case (.all, .get), (.all, .head): return try listPulsarSchemas(topic, request, &answer)
    case (.compatibility, .post): return try await checkPulsarSchema(topic, request, &answer)
    case (.lookup, .post): return try await findPulsarSchema(topic, request, &answer)
    default: throw Refusal.method(resource.methods)
    }
  }

  /// Which gateway owns the topic is no question here.
  private func readPulsarQuery(_ request: HTTPRequest) throws(Refusal) {
    var query = try QueryParameters(request.head.query)
    _ = try query.takeFlag("authoritative")
    try query.finish()
  }

  /// The same of a change, which takes the conditions and dry runs of `/v1`.
  ///
  /// - Returns: its terms, and whether a deletion is for good.
  private func readPulsarChange(
    _ request: HTTPRequest
  ) throws(Refusal) -> (terms: ChangeTerms, isForced: Bool) {
    var query = try QueryParameters(request.head.query)
    let change = try ChangeTerms(of: request, &query)
    _ = try query.takeFlag("authoritative")
    let isForced = request.head.method == .delete ? try query.takeFlag("force") ?? false : false
    try query.finish()
    return (change, isForced)
  }

  /// `GET …/schema`
  private func getPulsarSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try readPulsarQuery(request)
    let address = try readable(reference, request)
    guard let current = parts.engine.schemaBook(of: address).defaultVersion(of: .topic) else {
      throw Refusal(.notFound, "Schema not found")
    }
    return try show(pulsar: current, request, &answer)
  }

  /// `GET …/schema/{version}`, of deleted ones too.
  private func getPulsarSchema(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try readPulsarQuery(request)
    let address = try readable(reference, request)
    guard let number = version.equals("0") ? 0 : UInt32(decimal: version), number < .max else {
      throw Refusal(.badParameter, "'\(QueryParameters.shown(version))' is no version")
    }
    guard let stored = parts.engine.schemaBook(of: address).version(number + 1),
      stored.subject == .topic
    else { throw Refusal(.notFound, "Schema not found") }
    return try show(pulsar: stored, request, &answer)
  }

  private func show(
    pulsar stored: StoredSchema, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws(Refusal) -> AnswerEnd {
    guard stored.type == .pulsarJSON else {
      throw Refusal(
        .notFound, "Schema not found: the topic's schema is a JSON Schema, which /v1 shows")
    }
    guard try !startTagged(EntityTag(stored), request, &answer) else { return .complete }
    return finish(&answer) { stored.writePulsar(into: &$0) }
  }

  /// `GET …/schemas`: all versions that were not deleted, oldest first.
  private func listPulsarSchemas(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try readPulsarQuery(request)
    let address = try readable(reference, request)
    let versions = parts.engine.schemaBook(of: address).live(.topic)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("getSchemaResponses")
      json.beginArray()
      for stored in versions where stored.type == .pulsarJSON { stored.writePulsar(into: &json) }
      json.endArray()
      json.endObject()
    }
  }

  /// `POST …/schema`: registers a version, unless it is there.
  private func postPulsarSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try readPulsarChange(request).terms
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let draft = try await readPulsarDraft(request, of: address)
    // The same schema again is no change, and no reason to overlook a condition.
    try change.conditions.check(
      parts.engine.schemaBook(of: address).defaultVersion(of: .topic).map { EntityTag($0) })
    let outcome = try await tellingFaults {
      try await register(
        draft, lint: .warn, at: address, change, tenure, at: request.receivedAt)
    }
    start(200, change, tag: outcome.isDefault ? EntityTag(outcome.schema) : nil, &answer)
    return finish(&answer) { json in
      json.beginObject()
      json.key("version")
      json.beginObject()
      json.key("version")
      json.integer(PulsarAdmin.version(outcome.schema.version))
      json.endObject()
      json.endObject()
    }
  }

  /// `DELETE …/schema`: all versions go; their mark of deletion is a version too. With `force=true`
  /// they go for good, deleted ones too, and leave no mark.
  private func deletePulsarSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let (change, isForced) = try readPulsarChange(request)
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let known = parts.engine.schemaBook(of: address)
    if isForced {
      try change.conditions.check(known.defaultVersion(of: .topic).map { EntityTag($0) })
      try await edit(address, .erase(.topic), of: known, change, tenure)
      return finishPulsar(PulsarAdmin.noVersion, change, &answer)
    }
    guard !known.live(.topic).isEmpty else { throw Refusal(.notFound, "Schema not found") }
    try change.conditions.check(known.defaultVersion(of: .topic).map { EntityTag($0) })
    let book = try await edit(address, .retire(.topic), of: known, change, tenure)
    return finishPulsar(PulsarAdmin.version(book.lastVersion), change, &answer)
  }

  /// Pulsar's `DeleteSchemaResponse` and `LongSchemaVersionResponse`.
  private func finishPulsar(
    _ version: Int, _ change: ChangeTerms, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    start(200, change, &answer)
    return finish(&answer) { json in
      json.beginObject()
      json.key("version")
      json.integer(version)
      json.endObject()
    }
  }

  /// `POST …/compatibility`: what registering the body would come to. A no is said in the answer,
  /// where Pulsar's broker fails with status 500.
  private func checkPulsarSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try readPulsarQuery(request)
    let address = try admit(request, to: reference, forAnyOf: [.manage, .publish]).detached
    let draft = try await readPulsarDraft(request, of: address)
    let report = try await tellingFaults { try await judge(draft, at: address) }.report
    answer.start(202)
    return finish(&answer) { json in
      json.beginObject()
      json.key("compatibility")
      json.bool(report.isCompatible == true)
      json.key("schemaCompatibilityStrategy")
      json.string(PulsarAdmin.strategy(report.terms.level))
      json.endObject()
    }
  }

  /// `POST …/version`: the version that says the same as the body.
  private func findPulsarSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try readPulsarQuery(request)
    let address = try readable(reference, request).detached
    let draft = try await readPulsarDraft(request, of: address)
    let candidate = try await tellingFaults { try await compile(draft, of: address) }
    let known = parts.engine.schemaBook(of: address).identical(
      to: candidate.fingerprint, references: [], in: .topic)
    return finishPulsar(
      known.map { PulsarAdmin.version($0.version) } ?? PulsarAdmin.noVersion, .unconditional,
      &answer)
  }

  private func readPulsarDraft(
    _ request: HTTPRequest, of address: TopicAddress
  ) async throws -> SchemaDraft {
    let type = try MediaType(request.head.fields.first("content-type"))
    guard type.isOneOf("application/json", "") else {
      throw Refusal(.mediaType, "send application/json")
    }
    // Escapes make a text up to six times as long.
    let body = try await body(of: request, upTo: GatewayLimits.pulsarBody, for: address)
    let payload = try PulsarSchemaPayload(reading: body)
    guard payload.text.count <= SchemaLimits.sourceBytes else {
      throw Refusal(.tooLarge, "a schema has at most \(SchemaLimits.sourceBytes) bytes")
    }
    return SchemaDraft(
      text: payload.text, terms: SchemaTerms(.pulsarJSON), subject: .topic,
      properties: payload.properties)
  }

  /// What is wrong with a text, in the words of Pulsar's broker.
  private func tellingFaults<Answer>(
    _ judge: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await judge()
    } catch let fault as SchemaFault {
      throw Refusal(
        .schemaInvalid,
        "Invalid schema definition data for JSON schema: \(fault.pointer) \(fault.reason.message)")
    }
  }
}
