import Bytes
public import Schemas
import Synchronization
public import Tenancy

/// Named schema documents.
extension MemoryLog {
  public func documents(in namespace: NamespaceAddress) -> DocumentShelf {
    state.withLock { $0.shelves[NamespaceKey(namespace)] ?? .empty }
  }

  public func putDocument(
    _ candidate: DocumentCandidate, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> DocumentVersion {
    try CatalogueVerb.governNamespace.check(namespace.action)
    let now = clocks.wall()
    return try change { (state: inout State) throws(CatalogueFailure) in
      var shelf = state.shelves[NamespaceKey(namespace)] ?? .empty
      let number = state.nextDocument
      let version = try shelf.put(
        candidate, replacing: current, by: namespace.caller.principal, at: now, number: { number })
      state.nextDocument += 1
      state.shelves[NamespaceKey(namespace)] = shelf
      return version
    }
  }

  public func deleteDocument(
    _ deletion: DocumentDeletion, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> [UInt32] {
    try CatalogueVerb.governNamespace.check(namespace.action)
    let now = clocks.wall()
    return try change { (state: inout State) throws(CatalogueFailure) in
      var shelf = state.shelves[NamespaceKey(namespace)] ?? .empty
      let versions = try shelf.versions(goingBy: deletion, replacing: current)
      try state.survey(namespace).check(deletion, versions, in: namespace.namespace, shelf)
      shelf.delete(versions, by: deletion, at: now)
      state.shelves[NamespaceKey(namespace)] = shelf
      return versions
    }
  }

  public func editDocument(
    _ edit: DocumentEdit, in namespace: NamespaceAddress, replacing current: UInt32?,
    expecting seen: SchemaState?
  ) async throws(CatalogueFailure) -> SchemaDocument {
    try CatalogueVerb.governNamespace.check(namespace.action)
    let now = clocks.wall()
    return try change { (state: inout State) throws(CatalogueFailure) in
      var shelf = state.shelves[NamespaceKey(namespace)] ?? .empty
      let document = try shelf.apply(edit, replacing: current, expecting: seen, at: now)
      state.shelves[NamespaceKey(namespace)] = shelf
      return document
    }
  }

  public func referrers(
    to name: DocumentName, in namespace: NamespaceAddress
  ) -> [DocumentReferrer] {
    state.withLock { $0.survey(namespace) }.referrers(to: name, in: namespace.namespace)
  }

  public func pinned(_ pins: [SchemaPin], by topic: TopicAddress) -> [DocumentPlace?] {
    let shelves = state.withLock { $0.shelves(of: topic.tenant) }
    return pins.map { $0.place(in: shelves) }
  }
}

extension MemoryLog.State {
  func shelves(of tenant: Name) -> [Name: DocumentShelf] {
    var found: [Name: DocumentShelf] = [:]
    for (key, shelf) in shelves where key.tenant == tenant { found[key.namespace] = shelf }
    return found
  }

  /// That a schema is about to be registered with versions which are still what they were.
  func check(_ pins: [SchemaPin], of tenant: Name) throws(CatalogueFailure) {
    guard !pins.isEmpty else { return }
    try DocumentSurvey.check(pins, in: shelves(of: tenant))
  }

  fileprivate func survey(_ namespace: NamespaceAddress) -> DocumentSurvey {
    var survey = DocumentSurvey(
      tenant: namespace.tenant, shelves: shelves(of: namespace.tenant))
    for (key, topic) in topics where key.tenant == namespace.tenant {
      survey.add(topic.book.versions, of: key.topic, in: key.namespace)
    }
    return survey
  }
}
