import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Named schema documents: shown, described, bundled, listed.
extension GatewayResponder {
  /// `GET …/{name…}`: the current text, or with `?version=N` another one; with `?bundle=true` one
  /// text that holds all it refers to; with `?view=description` what there is to say of it.
  func getDocument(
    _ name: DocumentName, _ reference: NamespaceReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let number = try query.takeVersion()
    let isBundle = try query.takeFlag("bundle") ?? false
    let deleted = try query.takeFlag("deleted") ?? false
    let view = query.take("view")
    try query.finish()
    guard view?.equals("description") ?? true, view == nil || !isBundle else {
      throw Refusal(.badParameter, "'view' is description, and goes with no bundle")
    }
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, forAnyOf: [.subscribe, .publish, .manage])
      .detached
    guard let document = parts.engine.documents(in: namespace).documents[name] else {
      throw Refusal(.notFound)
    }
    let newest = document.current ?? (deleted ? document.versions.last : nil)
    guard let version = number.map({ document.version($0) }) ?? newest,
      deleted || !version.isDeleted
    else { throw Refusal(.notFound) }

    if view != nil {
      return try await describe(document, version, deleted, namespace, request, &answer)
    }
    if isBundle { return try await bundle(version, name, in: namespace, request, &answer) }
    guard try !startTagged(EntityTag(version), request, &answer) else { return .complete }
    answer.field("Schema-Version", decimal: Int(version.version))
    answer.field("Schema-State", text: version.state.name)
    answer.field("Schema-Fingerprint", version.fingerprint)
    if version.state == .deprecated {
      answer.field("Deprecation", text: "@\(version.changed.nanoseconds / 1_000_000_000)")
    }
    answer.finish(contentType: "application/schema+json", body: version.text)
    return .complete
  }

  private func describe(
    _ document: SchemaDocument, _ version: DocumentVersion, _ deleted: Bool,
    _ namespace: NamespaceAddress, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let review = try await review(
      version.text, version.uri, version.dialect, document.name, in: namespace)
    var json = JSONWriter()
    writeDocument(
      version, document.name, review, of: document, in: namespace, into: &json
    ) { json in
      json.key("versions")
      json.beginArray()
      for version in document.versions where deleted || !version.isDeleted {
        json.beginObject()
        writeIdentity(version, of: document, into: &json)
        json.endObject()
      }
      json.endArray()
    }
    let body = json.slice
    guard try !startTagged(EntityTag(of: body), request, &answer) else { return .complete }
    answer.finish(contentType: "application/json", body: body)
    return .complete
  }

  /// Answers with one text that means the same wherever it is read.
  private func bundle(
    _ version: DocumentVersion, _ name: DocumentName, in namespace: NamespaceAddress,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let place = DocumentPlace(namespace: namespace.namespace, name: name, version: version)
    let finder = parts.engine.finder(for: namespace)
    let home = parts.operations.publicURL.text
    let outcome = try await parts.workers.run { () -> Result<ByteSlice, SchemaFault> in
      do throws(SchemaFault) {
        return .success(try SchemaBundle.text(of: place, finder, home: home))
      } catch {
        return .failure(error)
      }
    }
    return try finishBundle(try outcome.get(), formats: nil, request, &answer)
  }

  func finishBundle(
    _ text: ByteSlice, formats: FormatMode?, _ request: HTTPRequest, _ answer: inout AnswerWriter,
    keeping: Keeping = .never
  ) throws -> AnswerEnd {
    guard try !startTagged(EntityTag(of: text), request, &answer, keeping: keeping) else {
      return .complete
    }
    let type = "application/schema+json" + (formats.map { ";formats=\($0.name)" } ?? "")
    answer.finish(contentType: ByteSlice(utf8: type), body: text)
    return .complete
  }

  /// `GET /v1/schemas/{tenant}/{namespace}`: the documents by name, paged by `Link`.
  func listDocuments(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let limit = try query.takeNumber("limit", in: 1...DocumentLimits.perPage)
    let deleted = try query.takeFlag("deleted") ?? false
    let after = try query.take("after").map { text throws(Refusal) -> DocumentName in
      guard let name = DocumentName(text) else {
        throw Refusal(.badParameter, "'after' is \(DocumentName.rule)")
      }
      return name
    }
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, forAnyOf: [.subscribe, .publish, .manage])
    let most = limit ?? DocumentLimits.perPage
    let found = parts.engine.documents(in: namespace)
      .page(after: after, limit: most + 1, deleted: deleted)
    let shown = found.prefix(most)
    let next = found.count > most ? shown.last?.name : nil
    answer.start(200)
    if let next {
      answer.field(
        "Link",
        text: "</v1/schemas/\(namespace.tenant)/\(namespace.namespace)?limit=\(most)&after=\(next)"
          + (deleted ? "&deleted=true" : "") + ">; rel=\"next\"")
    }
    return finish(&answer) { json in
      json.beginObject()
      json.key("documents")
      json.beginArray()
      for document in shown {
        guard let version = document.current ?? document.versions.last else { continue }
        json.beginObject()
        json.key("name")
        json.string(document.name.bytes)
        writeIdentity(version, of: document, into: &json)
        json.endObject()
      }
      json.endArray()
      if let next {
        json.key("next")
        json.string(next.bytes)
      }
      json.endObject()
    }
  }

  // MARK: - Writing

  /// Everything about one version of a document, and what its references come to now.
  func writeDocument(
    _ version: DocumentVersion, _ name: DocumentName, _ review: DocumentReview,
    of document: SchemaDocument? = nil, in namespace: NamespaceAddress,
    into json: inout JSONWriter,
    _ more: (inout JSONWriter) -> Void = { _ in }
  ) {
    json.beginObject()
    json.key("tenant")
    json.string(namespace.tenant.bytes)
    json.key("namespace")
    json.string(namespace.namespace.bytes)
    json.key("name")
    json.string(name.bytes)
    writeIdentity(version, of: document, into: &json)
    json.key("dialect")
    json.string(review.dialect.name)
    json.key("identifiers")
    json.beginArray()
    for uri in version.links.identifiers { json.string(uri) }
    json.endArray()
    json.key("references")
    json.beginArray()
    for (uri, place) in review.places {
      json.beginObject()
      json.key("uri")
      json.string(uri)
      json.key("document")
      json.string(DocumentPath.text(namespace.tenant, place.namespace, place.name))
      json.key("version")
      json.integer(Int(place.version.version))
      json.endObject()
    }
    json.endArray()
    json.key("unresolved")
    json.beginArray()
    for missing in review.unresolved {
      json.beginObject()
      if let holder = missing.holder {
        json.key("document")
        json.string("/v1/schemas/\(namespace.tenant)/\(holder)")
      }
      if let pointer = missing.pointer {
        json.key("pointer")
        json.string(pointer)
      }
      json.key("uri")
      json.string(missing.uri)
      json.endObject()
    }
    json.endArray()
    json.key("warnings")
    SchemaFinding.write(review.warnings, into: &json)
    more(&json)
    json.endObject()
  }

  /// - Parameter document: nil for a version that was just put, which is the current one.
  func writeIdentity(
    _ version: DocumentVersion, of document: SchemaDocument?, into json: inout JSONWriter
  ) {
    json.key("version")
    json.integer(Int(version.version))
    json.key("default")
    json.bool(document.map { $0.current?.version == version.version } ?? true)
    json.key("state")
    json.string(version.state.name)
    json.key("fingerprint")
    json.string(version.fingerprint)
    json.key("type")
    json.string("JSON")
    json.key("uri")
    if let uri = version.uri { json.string(uri) } else { json.null() }
    json.key("registered")
    json.instant(version.registered)
    json.key("author")
    json.string(version.author)
    if version.state != .active {
      json.key("changed")
      json.instant(version.changed)
    }
    if version.isDeleted {
      json.key("deleted")
      json.bool(true)
    }
  }
}
