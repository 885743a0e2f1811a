import Bytes
public import Schemas
import Synchronization
public import Tenancy
public import Topics

/// Schemas of topics.
extension RocksTopicLog {
  public func binding(of address: TopicAddress) -> SchemaBinding? {
    committer.directory.topic(TopicPath(address))?.facts.withLock { $0.binding }
  }

  public func schemaBook(of address: TopicAddress) -> SchemaBook {
    committer.directory.topic(TopicPath(address))?.facts.withLock { $0.book } ?? .empty
  }

  public func schemaEdition(of address: TopicAddress) -> SchemaEdition? {
    committer.directory.topic(TopicPath(address)).map { topic in
      SchemaEdition(
        ledger: topic.ledger, revision: topic.facts.withLock { $0.book.revision })
    }
  }

  public func registerSchema(
    _ candidate: SchemaCandidate, for address: TopicAddress, at revision: UInt64
  ) async throws(CatalogueFailure) -> StoredSchema {
    try CatalogueVerb.governTopic.check(address.action)
    let author = address.caller.principal
    return try await mutate(growing: true) { committer throws(CatalogueFailure) in
      try committer.registerSchema(
        candidate, for: try committer.topic(address), at: revision, by: author)
    }
  }

  public func retainedSchemas(
    of address: TopicAddress
  ) async throws(CatalogueFailure) -> Set<UInt32> {
    let path = TopicPath(address).detached
    return try await mutate { committer throws(CatalogueFailure) in
      guard let topic = committer.directory.topic(path) else { return [] }
      let oldest = topic.tail.withLock { $0.first }
      let versions = topic.facts.withLock { $0.book.versions.map(\.version) }
      return Set(versions.filter { topic.uses.end(of: $0) > oldest })
    }
  }

  @discardableResult
  public func editSchemas(
    of address: TopicAddress, _ edit: SchemaEdit, at revision: UInt64?
  ) async throws(CatalogueFailure) -> SchemaBook {
    try CatalogueVerb.governTopic.check(address.action)
    return try await mutate { committer throws(CatalogueFailure) in
      try committer.editSchemas(edit, of: try committer.topic(address), at: revision)
    }
  }
}

extension Committer {
  fileprivate func registerSchema(
    _ candidate: SchemaCandidate, for topic: TopicState, at revision: UInt64, by author: ByteSlice
  ) throws(CatalogueFailure) -> StoredSchema {
    try check(candidate.references, of: topic.path.tenant)
    var facts = topic.facts.withLock { $0 }
    let stored = try facts.book.register(
      candidate, at: revision, by: author, now: clocks.wall(),
      limit: limits.schemaVersionsPerTopic, beside: directory.schemaBytes(beside: topic),
      in: directory.programs)
    var tenant = pendingTenant(topic.path.tenant)
    let number = tenant.nextSchema
    tenant.nextSchema += 1
    write(tenant, named: topic.path.tenant)
    put(
      SchemaKey(tenant: tenant.number, schema: number),
      SchemaKey.Value(
        type: stored.type, dialect: stored.dialect, formats: stored.formats,
        fingerprint: stored.fingerprint, text: stored.text, properties: stored.properties))
    put(
      TopicSchemaKey(topic: topic.number, version: stored.version),
      TopicSchemaKey.Value(stored, number: number, usedUntil: .max))
    takingBack(usesOf: topic)
    topic.uses.registered(stored.version)
    write(&facts, withBookOf: topic)
    return stored
  }

  fileprivate func editSchemas(
    _ edit: SchemaEdit, of topic: TopicState, at revision: UInt64?
  ) throws(CatalogueFailure) -> SchemaBook {
    var facts = topic.facts.withLock { $0 }
    let oldest = topic.tail.withLock { $0.first }
    let change = try facts.book.apply(edit, at: revision, now: clocks.wall()) { version in
      topic.uses.end(of: version) > oldest
    }
    let rows = try reading { () throws(StoreFault) -> [UInt32: TopicSchemaKey.Value] in
      try storedRows(of: change.written + change.removed, topic)
    }
    takingBack(usesOf: topic)
    for version in change.written {
      guard let stored = facts.book.version(version), let row = rows[version] else { continue }
      let key = TopicSchemaKey(topic: topic.number, version: version)
      let isDeleted = stored.state == .deleted
      let value = TopicSchemaKey.Value(
        stored, number: row.schema, usedUntil: isDeleted ? topic.uses.end(of: version) : .max)
      topic.uses.deleted[version] = isDeleted ? value : nil
      put(key, value)
    }
    for version in change.removed {
      guard let row = rows[version] else { continue }
      deleteSchema(row, as: version, of: topic)
      topic.uses.removed(version)
    }
    write(&facts, withBookOf: topic)
    return facts.book
  }

  /// Deletes the rows of a version for good, its text too.
  func deleteSchema(_ row: TopicSchemaKey.Value, as version: UInt32, of topic: TopicState) {
    delete(TopicSchemaKey(topic: topic.number, version: version))
    delete(SchemaKey(tenant: topic.number.tenant, schema: row.schema))
  }

  /// The stored records of versions.
  func storedRows(
    of versions: [UInt32], _ topic: TopicState
  ) throws(StoreFault) -> [UInt32: TopicSchemaKey.Value] {
    var rows: [UInt32: TopicSchemaKey.Value] = [:]
    for version in versions {
      guard let row = try database.get(TopicSchemaKey(topic: topic.number, version: version)) else {
        throw .corruptRecord(family: KeyFamily.topicSchema.byte)
      }
      rows[version] = row
    }
    return rows
  }

  /// Writes what changed of a topic's book; visible after the commit.
  private func write(_ facts: inout TopicFacts, withBookOf topic: TopicState) {
    let book = facts.book
    put(
      TopicBindingKey(topic: topic.number),
      TopicBindingKey.Value(
        revision: book.revision,
        defaults: book.defaults.sorted { $0.key < $1.key }.map {
          TopicBindingKey.Value.Pointer(subject: $0.key, version: $0.value)
        },
        terms: book.terms.map(BindingCoding.encode) ?? .empty))
    facts.binding = book.binding(untyped: topic.path.untypedEvents)
    write(facts, of: topic)
    afterCommit { book.releaseUnused() }
  }

  /// Puts into the commit how far softly deleted versions reach that some of its events were
  /// checked against before they were deleted.
  ///
  /// - Returns: whether there was something to put.
  func writeLateUses(of topic: TopicState) -> Bool {
    let settled = topic.uses.settle(at: topic.next)
    for (version, value) in settled {
      put(TopicSchemaKey(topic: topic.number, version: version), value)
    }
    return !settled.isEmpty
  }
}

extension TopicSchemaKey.Value {
  fileprivate init(_ stored: StoredSchema, number: UInt32, usedUntil: UInt64) {
    self.init(
      state: stored.state, schema: number, registered: stored.registered, changed: stored.changed,
      usedUntil: usedUntil, subject: stored.subject, author: stored.author,
      references: stored.references, notice: stored.notice, isOverridden: stored.isOverridden)
  }
}
