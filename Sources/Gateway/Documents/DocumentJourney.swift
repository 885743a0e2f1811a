import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Named schema documents: put, delete, and who refers to them.
extension GatewayResponder {
  func serve(
    _ resource: Route.DocumentResource, _ name: DocumentName, in namespace: NamespaceReference,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    switch (resource, request.head.method) {
    case (.itself, .put): return try await putDocument(name, namespace, request, &answer)
    case (.itself, .get), (.itself, .head):
      return try await getDocument(name, namespace, request, &answer)
    case (.itself, .patch): return try await patchDocument(name, namespace, request, &answer)
    case (.itself, .delete): return try await deleteDocument(name, namespace, request, &answer)
    case (.referrers, .get), (.referrers, .head):
      return try await listReferrers(name, namespace, request, &answer)
    default: throw Refusal.method(Route.document(namespace, name, resource).methods)
    }
  }

  /// `PUT /v1/schemas/{tenant}/{namespace}/{name…}`: makes the body the document's next version.
  private func putDocument(
    _ name: DocumentName, _ reference: NamespaceReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let terms = try ChangeTerms(of: request, &query)
    let uriText = query.take("uri")
    let lint = try query.takeLint()
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: Right.document).detached
    let wish = try WishedURI(uriText, tenant: namespace.tenant)
    let media = try DocumentTerms(contentType: request.head.fields.first("content-type"))
    let body = try await body(of: request, upTo: SchemaLimits.sourceBytes, for: namespace)
    let put = DocumentPut(
      name: name, namespace: namespace, text: ByteSlice(copying: body.span),
      dialect: media.dialect, wish: wish, lint: lint, terms: terms)
    var attempts = GatewayLimits.registrationAttempts
    while true {
      attempts -= 1
      do {
        return try await reviewAndPut(put, &answer)
      } catch CatalogueFailure.documentChanged where terms.conditions.isEmpty {
        // Another version came first, maybe with another URI: the text is read again under that.
        guard attempts > 0 else {
          throw Refusal(.schemaConflict, "other versions of the document keep coming first")
        }
      }
    }
  }

  /// Reads a text by what is there, and stores it; if its URI is that of the version there, only if
  /// that is still current.
  private func reviewAndPut(
    _ put: DocumentPut, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let (name, namespace, terms) = (put.name, put.namespace, put.terms)
    let current = parts.engine.documents(in: namespace).live(name)?.current
    try terms.conditions.check(current.map { EntityTag($0) })
    let uri = put.wish.applied(to: current?.uri)
    let review = try await review(put.text, uri, put.dialect, name, in: namespace)
    try await confirm(namespace)
    if put.lint == .strict, !review.warnings.isEmpty { throw Refusal(refusing: review.warnings) }
    if let current, current.fingerprint == review.fingerprint, current.uri == uri {
      start(200, terms, tag: EntityTag(current), &answer)
      return finish(&answer) { json in
        writeDocument(current, name, review, in: namespace, into: &json)
      }
    }
    let isBound = put.wish.isKept || !terms.conditions.isEmpty
    let stored = try await engine(terms).putDocument(
      DocumentCandidate(
        name: name, text: put.text, dialect: put.dialect, uri: uri,
        fingerprint: review.fingerprint, links: review.links),
      in: namespace, replacing: isBound ? current?.version ?? 0 : nil)
    start(201, terms, tag: EntityTag(stored), &answer)
    let path = DocumentPath.text(namespace.tenant, namespace.namespace, name)
    answer.field("Location", text: "\(path)?version=\(stored.version)")
    return finish(&answer) { json in
      writeDocument(stored, name, review, in: namespace, into: &json)
    }
  }

  /// Reads a document on a worker, with the others as they are now.
  func review(
    _ text: ByteSlice, _ uri: ByteSlice?, _ dialect: SchemaDialect?, _ name: DocumentName,
    in namespace: NamespaceAddress
  ) async throws -> DocumentReview {
    let base = uri?.text ?? DocumentPath.text(namespace.tenant, namespace.namespace, name)
    let finder = parts.engine.finder(for: namespace)
    let home = namespace.namespace
    return try await inOneTurn(of: namespace.caller) {
      try DocumentReview(of: text, as: name, base: base, dialect: dialect, in: home, finder)
    }
  }

  /// `PATCH …/{name…}` `{"default":2}` makes a live version the current one, forward or back;
  /// `PATCH …/{name…}?version=N` `{"state":"deprecated"}` deprecates one, and `active` takes that
  /// back or brings a softly deleted one back.
  private func patchDocument(
    _ name: DocumentName, _ reference: NamespaceReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let terms = try ChangeTerms(of: request, &query)
    let number = try query.takeVersion()
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: Right.document).detached
    let body = try await body(
      of: request, upTo: GatewayLimits.administrativeBody, for: namespace)
    let edit = try DocumentEdit(of: name, version: number, reading: body)
    guard let known = parts.engine.documents(in: namespace).documents[name],
      let meant = known.version(edit.version)
    else { throw Refusal(.notFound) }
    let shown = number == nil ? known.current : meant
    try terms.conditions.check(shown.map { EntityTag($0) })
    let document = try await engine(terms).editDocument(
      edit, in: namespace,
      replacing: terms.conditions.isEmpty || number != nil ? nil : known.current?.version ?? 0,
      expecting: terms.conditions.isEmpty ? nil : shown?.state)
    guard let version = document.version(edit.version) else { throw Refusal(.notFound) }
    start(200, terms, tag: EntityTag(version), &answer)
    return finish(&answer) { json in
      json.beginObject()
      json.key("name")
      json.string(name.bytes)
      writeIdentity(version, of: document, into: &json)
      json.endObject()
    }
  }

  /// `DELETE …/{name…}`: the document, or with `?version=N` one version of it; softly, and then
  /// with `?permanent=true` for good.
  private func deleteDocument(
    _ name: DocumentName, _ reference: NamespaceReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let terms = try ChangeTerms(of: request, &query)
    let version = try query.takeVersion()
    let isPermanent = try query.takeFlag("permanent") ?? false
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: Right.document).detached
    let document = parts.engine.documents(in: namespace).documents[name]
    guard let document else { throw Refusal(.notFound) }
    let meant = version.map { document.version($0) } ?? document.current ?? document.versions.last
    try terms.conditions.check(meant.map { EntityTag($0) })
    do throws(CatalogueFailure) {
      try await engine(terms).deleteDocument(
        DocumentDeletion(name: name, version: version, isPermanent: isPermanent), in: namespace,
        replacing: terms.conditions.isEmpty ? nil : document.current?.version ?? 0)
    } catch .documentInUse(.referredTo(let referrers)) {
      throw Refusal.inUse(referrers, namespace)
    } catch {
      throw error
    }
    return finishGone(terms, &answer)
  }

  /// `GET …/{name…}/referencedby`: the documents and topics' schemas that refer to it.
  private func listReferrers(
    _ name: DocumentName, _ reference: NamespaceReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, forAnyOf: [.subscribe, .publish, .manage])
      .detached
    guard parts.engine.documents(in: namespace).documents[name] != nil else {
      throw Refusal(.notFound)
    }
    let engine = parts.engine
    let referrers = try await parts.workers.run { engine.referrers(to: name, in: namespace) }
    let shown = ShownReferrers(referrers, namespace)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      shown.write(into: &json)
      json.endObject()
    }
  }
}

/// What a `PUT` of a document asks for.
private struct DocumentPut {
  let name: DocumentName
  let namespace: NamespaceAddress
  let text: ByteSlice
  let dialect: SchemaDialect?
  let wish: WishedURI
  let lint: SchemaLintMode
  let terms: ChangeTerms
}

extension DocumentEdit {
  /// What the body of a `PATCH` asks for: one thing.
  ///
  /// - Parameter version: the one that the query names.
  fileprivate init(of name: DocumentName, version: UInt32?, reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    if let version {
      guard let word = try members.takeText("state"), let state = SchemaState(named: word.text),
        state.isLive
      else { throw members.wrong("state", "'active' or 'deprecated'; DELETE deletes") }
      self = .setState(name, version: version, state)
    } else {
      guard let number = try members.takeNumber("default", in: 1...Int64(UInt32.max)) else {
        throw members.wrong("default", "the number of a version; 'state' goes with ?version=N")
      }
      self = .setCurrent(name, version: UInt32(number))
    }
    try members.finish()
  }
}

extension QueryParameters {
  /// `version=N`, from 1.
  mutating func takeVersion() throws(Refusal) -> UInt32? {
    guard let value = take("version") else { return nil }
    guard let number = UInt32(decimal: value) else {
      throw Refusal(.badParameter, "'version' is a number from 1")
    }
    return number
  }
}
