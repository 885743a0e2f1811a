import Bytes
public import Schemas
import Synchronization
public import Tenancy
public import Topics

/// Named schema documents.
extension RocksTopicLog {
  public func documents(in namespace: NamespaceAddress) -> DocumentShelf {
    committer.directory.namespace(NamespacePath(namespace))?.documents ?? .empty
  }

  public func putDocument(
    _ candidate: DocumentCandidate, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> DocumentVersion {
    try CatalogueVerb.governNamespace.check(namespace.action)
    let author = namespace.caller.principal
    return try await mutate(growing: true) { committer throws(CatalogueFailure) in
      try committer.putDocument(
        candidate, in: NamespacePath(namespace).detached, replacing: current, by: author)
    }
  }

  public func deleteDocument(
    _ deletion: DocumentDeletion, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> [UInt32] {
    try CatalogueVerb.governNamespace.check(namespace.action)
    return try await mutate { committer throws(CatalogueFailure) in
      try committer.deleteDocument(
        deletion, in: NamespacePath(namespace).detached, replacing: current)
    }
  }

  public func editDocument(
    _ edit: DocumentEdit, in namespace: NamespaceAddress, replacing current: UInt32?,
    expecting state: SchemaState?
  ) async throws(CatalogueFailure) -> SchemaDocument {
    try CatalogueVerb.governNamespace.check(namespace.action)
    return try await mutate { committer throws(CatalogueFailure) in
      try committer.editDocument(
        edit, in: NamespacePath(namespace).detached, replacing: current, expecting: state)
    }
  }

  public func referrers(
    to name: DocumentName, in namespace: NamespaceAddress
  ) -> [DocumentReferrer] {
    committer.directory.survey(of: namespace.tenant)
      .referrers(to: name, in: namespace.namespace)
  }

  public func pinned(_ pins: [SchemaPin], by topic: TopicAddress) -> [DocumentPlace?] {
    let shelves = committer.directory.shelves(of: topic.tenant)
    return pins.map { $0.place(in: shelves) }
  }
}

extension Committer {
  fileprivate func putDocument(
    _ candidate: DocumentCandidate, in path: NamespacePath, replacing current: UInt32?,
    by author: ByteSlice
  ) throws(CatalogueFailure) -> DocumentVersion {
    var shelf = directory.namespace(path)?.documents ?? .empty
    let fresh = directory.tenant(path.tenant)?.nextSchema ?? Directory.Tenant.firstSchema
    let version = try shelf.put(
      candidate, replacing: current, by: author, at: clocks.wall(), number: { fresh })
    guard let document = shelf.documents[candidate.name] else { return version }
    let (tenantNumber, namespaceNumber) = try namespace(path)
    if document.number == fresh {
      var tenant = pendingTenant(path.tenant)
      tenant.nextSchema += 1
      write(tenant, named: path.tenant)
    }
    put(document, tenantNumber, namespaceNumber)
    put(version, of: document, tenantNumber)
    show(shelf, in: path)
    return version
  }

  fileprivate func deleteDocument(
    _ deletion: DocumentDeletion, in path: NamespacePath, replacing current: UInt32?
  ) throws(CatalogueFailure) -> [UInt32] {
    guard let known = directory.namespace(path), let tenant = directory.tenant(path.tenant) else {
      throw .unknownDocument
    }
    var shelf = known.documents
    let versions = try shelf.versions(goingBy: deletion, replacing: current)
    try directory.survey(of: path.tenant).check(deletion, versions, in: path.namespace, shelf)
    guard let number = shelf.documents[deletion.name]?.number else { throw .unknownDocument }
    shelf.delete(versions, by: deletion, at: clocks.wall())
    if deletion.isPermanent {
      for version in versions {
        delete(
          DocumentVersionKey(tenant: tenant.number, document: number, version: version))
      }
      if shelf.documents[deletion.name] == nil {
        delete(
          DocumentKey(
            tenant: tenant.number, namespace: known.number, name: deletion.name.bytes))
        put(
          DocumentKey(tenant: tenant.number, namespace: known.number, name: .empty),
          DocumentKey.Value(number: 0, lastVersion: shelf.floor, chosen: 0))
      }
    } else if let document = shelf.documents[deletion.name] {
      put(document, tenant.number, known.number)
      for version in document.versions where versions.contains(version.version) {
        put(version, of: document, tenant.number)
      }
    }
    show(shelf, in: path)
    return versions
  }

  fileprivate func editDocument(
    _ edit: DocumentEdit, in path: NamespacePath, replacing current: UInt32?,
    expecting state: SchemaState?
  ) throws(CatalogueFailure) -> SchemaDocument {
    guard let known = directory.namespace(path), let tenant = directory.tenant(path.tenant) else {
      throw .unknownDocument
    }
    var shelf = known.documents
    let document = try shelf.apply(
      edit, replacing: current, expecting: state, at: clocks.wall())
    put(document, tenant.number, known.number)
    if let version = document.version(edit.version) { put(version, of: document, tenant.number) }
    show(shelf, in: path)
    return document
  }

  private func put(_ document: SchemaDocument, _ tenant: UInt32, _ namespace: UInt32) {
    put(
      DocumentKey(tenant: tenant, namespace: namespace, name: document.name.bytes),
      DocumentKey.Value(
        number: document.number, lastVersion: document.lastVersion, chosen: document.chosen))
  }

  /// That a schema is about to be registered with versions which are still what they were.
  func check(_ pins: [SchemaPin], of tenant: Name) throws(CatalogueFailure) {
    guard !pins.isEmpty else { return }
    try DocumentSurvey.check(pins, in: directory.shelves(of: tenant))
  }

  private func put(_ version: DocumentVersion, of document: SchemaDocument, _ tenant: UInt32) {
    put(
      DocumentVersionKey(
        tenant: tenant, document: document.number, version: version.version),
      DocumentVersionKey.Value(
        state: version.state, registered: version.registered, changed: version.changed,
        dialect: version.dialect, uri: version.uri ?? .empty, fingerprint: version.fingerprint,
        author: version.author, identifiers: version.links.identifiers.map { ByteSlice(utf8: $0) },
        targets: version.links.targets.map { ByteSlice(utf8: $0) }, text: version.text))
  }

  private func show(_ shelf: DocumentShelf, in path: NamespacePath) {
    afterCommit { [directory] in
      directory.contents.withLock { $0.namespaces[path]?.documents = shelf }
    }
  }
}

extension Directory {
  /// The documents of a tenant's namespaces, those without any left out.
  func shelves(of tenant: Name) -> [Name: DocumentShelf] {
    contents.withLock { contents in
      var found: [Name: DocumentShelf] = [:]
      for (path, namespace) in contents.namespaces
      where path.tenant == tenant && !namespace.documents.documents.isEmpty {
        found[path.namespace] = namespace.documents
      }
      return found
    }
  }

  /// Everything of a tenant that can refer to documents.
  func survey(of tenant: Name) -> DocumentSurvey {
    var survey = DocumentSurvey(tenant: tenant, shelves: shelves(of: tenant))
    let topics = contents.withLock { contents in
      contents.namespaces.filter { $0.key.tenant == tenant }.flatMap(\.value.topics)
    }
    for topic in topics {
      survey.add(
        topic.facts.withLock { $0.book.versions }, of: topic.path.topic, in: topic.path.namespace)
    }
    return survey
  }
}
