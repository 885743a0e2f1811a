import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// What topics' schemas have to do with documents, conditions and dry runs.
extension GatewayResponder {
  /// Makes the topic that a schema is registered for, where its namespace lets topics come into
  /// being on first use.
  ///
  /// - Returns: false in a dry run of what would make the topic: it is not there.
  func prepareTopic(_ address: TopicAddress, _ change: ChangeTerms) async throws -> Bool {
    guard change.isTrial, parts.engine.topic(address) == nil else {
      _ = try await openTopic(address)
      return true
    }
    try checkMaking(address)
    _ = try await parts.engine.trial.createTopic(address, TopicConfiguration())
    return false
  }

  /// Refuses what is about a topic that is not there and is not made on first use.
  func checkMaking(_ address: TopicAddress) throws(Refusal) {
    try parts.engine.checkMaking(address)
  }

  /// The version that a candidate would be on a topic which is not there yet.
  func firstSchema(
    _ candidate: SchemaCandidate, of address: TopicAddress, at now: UnixTime
  ) throws(CatalogueFailure) -> StoredSchema {
    var book = SchemaBook.empty
    return try book.register(
      candidate, at: book.revision, by: address.caller.principal, now: now, limit: 1, beside: 0,
      in: ProgramCache())
  }

  /// Makes one change of a topic's schemas, where they are still `book`. Under conditions it fails
  /// otherwise; else it is judged again by what is there now.
  ///
  /// - Parameter tenure: of the caller, who must still have the right when it has been judged.
  @discardableResult
  func edit(
    _ address: TopicAddress, _ edit: SchemaEdit, of book: SchemaBook, _ change: ChangeTerms,
    _ tenure: Tenure
  ) async throws -> SchemaBook {
    var book = book
    var attempts = GatewayLimits.registrationAttempts
    while true {
      attempts -= 1
      try await checkClassification(edit, of: book, at: address)
      try await confirm(tenure, judgedAs: address)
      do throws(CatalogueFailure) {
        return try await engine(change).editSchemas(of: address, edit, at: book.revision)
      } catch .schemaBookChanged where !change.conditions.isEmpty {
        throw Refusal(.preconditionFailed, "the topic's schemas were changed meanwhile")
      } catch .schemaBookChanged where attempts > 0 {
        book = parts.engine.schemaBook(of: address)
      } catch {
        throw error
      }
    }
  }

  /// `?bundle=true`: one text that means what the version was registered to mean.
  func bundle(
    _ schema: StoredSchema, _ keeping: Keeping, of address: TopicAddress, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let address = address.detached
    let pinned = parts.engine.pinned(schema.references, by: address)
    let home = parts.operations.publicURL.text
    let outcome = try await parts.workers.run { () -> Result<ByteSlice, SchemaFault> in
      do throws(SchemaFault) {
        return .success(try SchemaBundle.text(of: schema, pinned, of: address, home: home))
      } catch {
        return .failure(error)
      }
    }
    return try finishBundle(
      try outcome.get(), formats: schema.formats, request, &answer, keeping: keeping)
  }

  /// The documents that a version was registered with.
  func writeReferences(of schema: StoredSchema, into json: inout JSONWriter) {
    json.beginArray()
    for pin in schema.references {
      json.beginObject()
      json.key("uri")
      json.string(pin.uri)
      json.key("document")
      json.string(pin.document)
      json.key("version")
      json.integer(Int(pin.version))
      json.endObject()
    }
    json.endArray()
  }
}

extension Catalogue {
  /// Refuses what is about a topic that is not there and is not made on first use.
  func checkMaking(_ address: TopicAddress) throws(Refusal) {
    guard topic(address) != nil || TopicRules(of: address.inNamespace, in: self).autoCreate else {
      throw Refusal(.notFound, "topics of this namespace are not made on first use")
    }
  }
}

extension EntityTag {
  /// Of one version of a topic's schema.
  init(_ schema: StoredSchema) {
    self.init { json in
      json.string("schema")
      json.integer(Int(schema.version))
      json.string(schema.fingerprint)
      json.string(schema.state.name)
      json.string(schema.text)
      guard schema.notice != .none else { return }
      json.beginObject()
      schema.notice.write(into: &json)
      json.endObject()
    }
  }
}
