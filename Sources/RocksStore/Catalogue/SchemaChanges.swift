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

  public func schemas(of address: TopicAddress) -> [StoredSchema] {
    committer.directory.topic(TopicPath(address))?.facts.withLock { $0.schemas } ?? []
  }

  public func registerSchema(
    _ candidate: SchemaCandidate, for address: TopicAddress, replacing current: UInt32
  ) async throws(CatalogueFailure) -> StoredSchema {
    try CatalogueVerb.governTopic.check(address.action)
    return try await mutate(growing: true) { committer throws(CatalogueFailure) in
      try committer.registerSchema(candidate, for: try committer.topic(address), current)
    }
  }

  public func deleteSchemas(of address: TopicAddress) async throws(CatalogueFailure) {
    try CatalogueVerb.governTopic.check(address.action)
    try await mutate { committer throws(CatalogueFailure) in
      let topic = try committer.topic(address)
      try committer.deleteSchemas(of: topic)
    }
  }
}

extension Committer {
  fileprivate func registerSchema(
    _ candidate: SchemaCandidate, for topic: TopicState, _ current: UInt32
  ) throws(CatalogueFailure) -> StoredSchema {
    var facts = topic.facts.withLock { $0 }
    guard facts.schemaVersion == current else {
      throw .schemaConflict(current: facts.schemaVersion)
    }
    guard facts.schemas.count < limits.schemaVersionsPerTopic else {
      throw .tooMany(.schemaVersions, limit: limits.schemaVersionsPerTopic)
    }
    let stored = StoredSchema(
      version: facts.nextSchemaVersion, text: candidate.text.detached, dialect: candidate.dialect,
      formats: candidate.formats, fingerprint: candidate.fingerprint.detached,
      registered: clocks.wall())
    var tenant = pendingTenant(topic.path.tenant)
    let number = tenant.nextSchema
    tenant.nextSchema += 1
    write(tenant, named: topic.path.tenant)
    put(
      SchemaKey(tenant: tenant.number, schema: number),
      SchemaKey.Value(
        dialect: stored.dialect, formats: stored.formats, fingerprint: stored.fingerprint,
        text: stored.text))
    put(
      TopicSchemaKey(topic: topic.number, version: stored.version),
      TopicSchemaKey.Value(state: .live, schema: number, registered: stored.registered))
    facts.schemaVersion = stored.version
    facts.nextSchemaVersion += 1
    facts.schemas.append(stored)
    facts.binding = SchemaBinding(version: stored.version, program: candidate.program)
    write(facts, of: topic)
    return stored
  }

  fileprivate func deleteSchemas(of topic: TopicState) throws(CatalogueFailure) {
    var facts = topic.facts.withLock { $0 }
    if facts.schemas.isEmpty { return }
    let versions = try reading { () throws(StoreFault) in
      var versions: [(TopicSchemaKey, TopicSchemaKey.Value)] = []
      try database.scan(TopicSchemaKey.self, prefix: topic.number.bytes) { key, value in
        if value.state == .live { versions.append((key, value)) }
      }
      return versions
    }
    for (key, value) in versions {
      var deleted = value
      deleted.state = .deleted
      put(key, deleted)
    }
    facts.schemaVersion = 0
    facts.schemas = []
    facts.binding = nil
    write(facts, of: topic)
  }
}

extension ByteSlice {
  /// The same bytes in storage of their own: a request's bytes must not live as long as the
  /// catalogue.
  fileprivate var detached: ByteSlice { ByteSlice(copying: span) }
}
