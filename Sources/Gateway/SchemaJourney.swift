import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Schemas of a topic: register, show, remove, try a payload.
extension GatewayResponder {
  /// `PUT …/{topic}/schema`: registers the body as the next version of a line.
  func putSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let change = try ChangeTerms(of: request, &query)
    let wished = try query.takeSubject()
    let lint = try query.takeLint()
    let override = try query.takeFlag("override") ?? false
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    guard !override || scope.isOperator else {
      throw Refusal(.forbidden, "'override' needs an admin grant")
    }
    let subject = try line(wished, of: address)
    let terms = try SchemaTerms(contentType: request.head.fields.first("content-type"))
    let text = try await request.body.collect(upTo: SchemaLimits.sourceBytes)
    try change.conditions.check(
      parts.engine.schemaBook(of: address).defaultVersion(of: subject).map { EntityTag($0) })
    let candidate = try await compile(
      ByteSlice(copying: text.span), terms, for: subject, of: address)
    let registration = try await register(
      candidate, lint: lint, at: address, change, at: request.receivedAt,
      overriding: override ? request : nil)
    start(
      registration.isNew ? 201 : 200, change,
      tag: registration.isDefault ? EntityTag(registration.schema) : nil, &answer)
    if registration.isNew {
      answer.field(
        "Location", text: "/v1/topics/\(address)/schemas/\(registration.schema.version)")
    }
    let isDefault = registration.isDefault
    return finish(&answer) { json in
      write(
        registration.schema, isDefault: isDefault, warnings: registration.warnings, into: &json)
    }
  }

  /// `GET …/{topic}/schema`: the text that a line's events are checked against; with
  /// `?bundle=true` with all it refers to.
  func getSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let subject = try query.takeSubject() ?? .topic
    let isBundle = try query.takeFlag("bundle") ?? false
    try query.finish()
    let address = try readable(reference, request)
    guard let current = parts.engine.schemaBook(of: address).defaultVersion(of: subject) else {
      throw Refusal(.notFound)
    }
    // An Avro definition refers to nobody: it is its own bundle.
    if isBundle, current.type == .json {
      return try await bundle(current, of: address, request, &answer)
    }
    return try show(current, request, &answer)
  }

  /// `GET …/{topic}/schemas/{version}`: one version's text, of softly deleted ones too: stored
  /// events name them.
  func getSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let address = try readable(reference, request)
    guard let number = UInt32(decimal: version),
      let stored = parts.engine.schemaBook(of: address).version(number)
    else { throw Refusal(.notFound) }
    return try show(stored, request, &answer)
  }

  /// `GET …/{topic}/schemas`: all versions, oldest first; `deleted=true`: softly deleted ones too.
  func listSchemas(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let subject = try query.takeSubject()
    let deleted = try query.takeFlag("deleted") ?? false
    try query.finish()
    let address = try readable(reference, request)
    guard parts.engine.topic(address) != nil else { throw Refusal(.notFound) }
    let book = parts.engine.schemaBook(of: address)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("schemas")
      json.beginArray()
      for stored in book.versions where deleted || stored.state.isLive {
        if let subject, stored.subject != subject { continue }
        write(
          stored, isDefault: book.defaults[stored.subject] == stored.version, warnings: nil,
          into: &json)
      }
      json.endArray()
      json.key("defaults")
      json.beginObject()
      for (line, version) in book.defaults.sorted(by: { $0.key < $1.key }) {
        if let subject, line != subject { continue }
        json.key(line.bytes)
        json.integer(Int(version))
      }
      json.endObject()
      json.key("revision")
      json.integer(book.revision)
      json.endObject()
    }
  }

  /// `DELETE …/{topic}/schema`: softly deletes all versions of one line, or of all lines together
  /// with the binding: the topic takes anything again.
  func deleteSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let change = try ChangeTerms(of: request, &query)
    let subject = try query.takeSubject()
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    let book = parts.engine.schemaBook(of: address)
    if let subject {
      guard !book.live(subject).isEmpty else { throw Refusal(.notFound) }
    } else {
      guard !book.subjects.isEmpty || book.terms != nil else { throw Refusal(.notFound) }
    }
    // What is there may be other lines or the binding alone.
    let shown = book.defaultVersion(of: subject ?? .topic).map { EntityTag($0) }
    try change.conditions.check(shown ?? EntityTag(binding: book, of: address))
    try await edit(address, subject.map { .deleteSubject($0) } ?? .clear, of: book, change)
    return finishGone(change, &answer)
  }

  /// `POST …/{topic}/schema/validate`: what publishing the body would say, without publishing it.
  func validatePayload(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let type = query.take("type")
    let number = try query.takeNumber("version", in: 1...Int(Int32.max))
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, forAnyOf: [.publish, .manage, .subscribe])
      .detached
    let (version, program) = try await schema(for: type, number: number, of: address)
    let payload = try await request.body.collect(upTo: GatewayLimits.event)
    switch program.validate(payload, scratch) {
    case nil: return verdict([], truncated: false, version, &answer)
    case .violations(let violations, let truncated):
      return verdict(violations, truncated: truncated, version, &answer)
    case .some(let refusal): throw refusal
    }
  }

  /// What a payload would be checked against: a version by its number, else what the binding says
  /// for a type.
  private func schema(
    for type: ByteSlice?, number: Int?, of address: TopicAddress
  ) async throws -> (UInt32, CompiledSchema) {
    if let number {
      let book = parts.engine.schemaBook(of: address)
      guard let stored = book.version(UInt32(number)) else { throw Refusal(.notFound) }
      return (stored.version, try await program(of: stored, in: book, at: address))
    }
    guard let binding = parts.engine.binding(of: address) else { throw Refusal(.notFound) }
    guard let bound = binding.schema(for: type) else {
      throw SchemaRefusal.unknownType(binding.types)
    }
    if let program = bound.program { return (bound.version, program) }
    let book = parts.engine.schemaBook(of: address)
    guard let stored = book.version(bound.version) else { throw Refusal(.notFound) }
    return (bound.version, try await program(of: stored, in: book, at: address, keeping: true))
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

  /// For what whoever has anything to do with the topic may see of its schemas.
  func readable(
    _ reference: TopicReference, _ request: HTTPRequest
  ) throws -> TopicAddress {
    let scope = try admit(request, reference.tenant)
    return try scope.address(of: reference, forAnyOf: [.subscribe, .publish, .manage])
  }

  private func show(
    _ stored: StoredSchema, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    guard try !startTagged(EntityTag(stored), request, &answer) else { return .complete }
    answer.field("Schema-Version", decimal: Int(stored.version))
    answer.field("Schema-Subject", stored.subject.bytes)
    answer.field("Schema-State", text: stored.state.name)
    answer.field("Schema-Fingerprint", stored.fingerprint)
    answer.finish(contentType: stored.type.mediaType, body: stored.text)
    return .complete
  }
}

/// What a registration's media type says:
/// `application/schema+json;version=draft-07;formats=assert`, or
/// `application/vnd.apache.avro+json` for an Avro record definition over plain JSON payloads.
struct SchemaTerms: Sendable {
  var type = SchemaType.json
  var dialect: SchemaDialect?
  var formats: FormatMode?

  init(_ type: SchemaType) { self.type = type }

  init(contentType: ByteSlice?) throws(Refusal) {
    let type = try MediaType(contentType)
    if type.isOneOf("text/x-protobuf") {
      throw Refusal(.notSupported, "schemas of Protocol Buffers are not supported yet")
    }
    if type.isOneOf("application/vnd.apache.avro+json") {
      self.type = .pulsarJSON
      for (name, value) in type.parameters where name != "charset" {
        // Definitions of all versions of Avro 1 are read alike.
        guard name == "version", value == "1" || value.hasPrefix("1.") else {
          throw Refusal(.mediaType, "the media type's parameter '\(name)' is unknown")
        }
      }
      return
    }
    guard type.isOneOf("application/schema+json", "application/json", "") else {
      throw Refusal(
        .mediaType, "send application/schema+json or application/vnd.apache.avro+json")
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
