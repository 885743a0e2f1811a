import Bytes
import Events
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Schemas of a topic: register, show, remove.
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
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    guard !override || address.caller.isOperator else {
      throw Refusal(.forbidden, "'override' needs an admin grant")
    }
    let subject = try line(wished, of: address)
    let terms = try SchemaTerms(contentType: request.head.fields.first("content-type"))
    let text = try await body(of: request, upTo: SchemaLimits.sourceBytes, for: address)
    try change.conditions.check(
      parts.engine.schemaBook(of: address).defaultVersion(of: subject).map { EntityTag($0) })
    let draft = SchemaDraft(
      text: ByteSlice(copying: text.span), terms: terms, subject: subject)
    let registration = try await register(
      draft, lint: lint, at: address, change, tenure, at: request.receivedAt,
      overriding: override ? request : nil)
    start(
      registration.isNew ? 201 : 200, change,
      tag: registration.isDefault ? EntityTag(registration.schema) : nil, &answer)
    if registration.isNew {
      answer.field(
        "Location", address.schemas().name(of: registration.schema.version))
    }
    let isDefault = registration.isDefault
    return finish(&answer) { json in
      write(
        registration.schema, isDefault: isDefault, warnings: registration.warnings, into: &json)
    }
  }

  /// `GET …/{topic}/schema`: the text that a line's events are checked against, or with `?version=`
  /// any version's; with `?bundle=true` with all it refers to.
  func getSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let subject = try query.takeSubject()
    let number = try query.takeNumber("version", in: 1...Int(Int32.max))
    let form = try SchemaForm(&query)
    try query.finish()
    let address = try readable(reference, request)
    let book = parts.engine.schemaBook(of: address)
    let stored = try book.wanted(number, of: subject)
    return try await show(
      stored, form, number == nil ? .never : .long, of: address, request, &answer)
  }

  /// `GET …/{topic}/schemas/{version}`: one version's text, of softly deleted ones too: stored
  /// events name them. With `?bundle=true` with all it was registered with.
  func getSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let form = try SchemaForm(&query)
    try query.finish()
    let address = try readable(reference, request)
    guard let number = UInt32(decimal: version),
      let stored = parts.engine.schemaBook(of: address).version(number)
    else { throw Refusal(.notFound) }
    return try await show(stored, form, .long, of: address, request, &answer)
  }

  /// `GET …/{topic}/schemas`: all versions, oldest first, paged by `Link`; `deleted=true`: softly
  /// deleted ones too.
  func listSchemas(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let subject = try query.takeSubject()
    let deleted = try query.takeFlag("deleted") ?? false
    let limit = try query.takeNumber("limit", in: 1...GatewayLimits.schemasPerPage)
    let after = try query.takeNumber("after", in: 0...Int(Int32.max)) ?? 0
    try query.finish()
    let address = try readable(reference, request)
    guard parts.engine.topic(address) != nil else { throw Refusal(.notFound) }
    let book = parts.engine.schemaBook(of: address)
    let most = limit ?? GatewayLimits.schemasPerPage
    let found = book.versions.lazy.filter { stored in
      Int(stored.version) > after && (deleted || stored.state.isLive)
        && (subject == nil || stored.subject == subject)
    }.prefix(most + 1)
    let shown = Array(found.prefix(most))
    answer.start(200)
    if found.count > most, let last = shown.last {
      let terms = (subject.map { "&subject=\($0)" } ?? "") + (deleted ? "&deleted=true" : "")
      answer.field(
        "Link",
        text: "</v1/topics/\(address)/schemas?limit=\(most)&after=\(last.version)\(terms)>; "
          + "rel=\"next\"")
    }
    return finish(&answer) { json in
      json.beginObject()
      json.key("schemas")
      json.beginArray()
      for stored in shown {
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
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let book = parts.engine.schemaBook(of: address)
    if let subject {
      guard !book.live(subject).isEmpty else { throw Refusal(.notFound) }
    } else {
      guard !book.subjects.isEmpty || book.terms != nil else { throw Refusal(.notFound) }
    }
    // What is there may be other lines or the binding alone.
    let shown = book.defaultVersion(of: subject ?? .topic).map { EntityTag($0) }
    try change.conditions.check(shown ?? EntityTag(binding: book, of: address))
    try await edit(
      address, subject.map { .deleteSubject($0) } ?? .clear, of: book, change, tenure)
    return finishGone(change, &answer)
  }

  /// For what whoever has anything to do with the topic may see of its schemas.
  func readable(
    _ reference: TopicReference, _ request: HTTPRequest
  ) throws -> TopicAddress {
    return try admit(request, to: reference, forAnyOf: [.subscribe, .publish, .manage])
  }

  private func show(
    _ stored: StoredSchema, _ form: SchemaForm, _ keeping: Keeping, of address: TopicAddress,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    // An Avro definition refers to nobody: it is its own bundle.
    if form.isBundle, stored.type == .json {
      return try await bundle(stored, keeping, of: address, request, &answer)
    }
    if form.isJSONSchema, stored.type != .json {
      let text = try await parts.workers.run { () -> Result<ByteSlice, SchemaFault> in
        Result { () throws(SchemaFault) in try AvroJSONSchema.text(of: stored.text) }
      }
      return try finishBundle(
        try text.get(), formats: .assert, request, &answer, keeping: keeping)
    }
    guard try !startTagged(EntityTag(stored), request, &answer, keeping: keeping) else {
      return .complete
    }
    if !stored.references.isEmpty {
      // Whoever resolves its relative references against this place finds nothing there.
      answer.field(
        "Link",
        text: "<\(address.schemas().name(of: stored.version))?bundle=true>; rel=\"alternate\"")
    }
    answer.field("Schema-Version", decimal: Int(stored.version))
    answer.field("Schema-Subject", stored.subject.bytes)
    answer.field("Schema-State", text: stored.state.name)
    answer.field("Schema-Fingerprint", stored.fingerprint)
    answer.finish(contentType: stored.type.mediaType, body: stored.text)
    return .complete
  }
}

extension SchemaBook {
  /// The version of that number, else the default one of a line; 404 where it is not there, or not
  /// of the line.
  func wanted(_ number: Int?, of subject: SchemaSubject?) throws(Refusal) -> StoredSchema {
    let stored = number.map { version(UInt32($0)) } ?? defaultVersion(of: subject ?? .topic)
    guard let stored, subject == nil || stored.subject == subject else { throw Refusal(.notFound) }
    return stored
  }
}

/// What `bundle` and `as` ask for.
private struct SchemaForm {
  let isBundle: Bool
  /// `as=json-schema`: in JSON Schema, whatever language it was registered in.
  let isJSONSchema: Bool

  init(_ query: inout QueryParameters) throws(Refusal) {
    isBundle = try query.takeFlag("bundle") ?? false
    let language = query.take("as")
    guard language == nil || language?.equals("json-schema") == true else {
      throw Refusal(.badParameter, "'as' is json-schema")
    }
    isJSONSchema = language != nil
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
