import Bytes
public import Schemas
import Synchronization
public import Tenancy

extension MemoryLog {
  // MARK: - Topics

  public func topic(_ address: TopicAddress) -> TopicInfo? {
    state.withLock { $0.topics[TopicKey(address)]?.info }
  }

  public func topics(in namespace: NamespaceAddress, after: Name?, limit: Int) -> [TopicInfo] {
    let all = state.withLock { state in
      state.topics.compactMap { key, topic in key.lies(in: namespace) ? topic.info : nil }
    }
    let behind = all.filter { info in after.map { info.name > $0 } ?? true }
    return Array(behind.sorted { $0.name < $1.name }.prefix(limit))
  }

  public func usage() -> [NamespaceUsage] {
    state.withLock { state in
      Dictionary(grouping: state.topics, by: { [$0.key.tenant, $0.key.namespace] }).map {
        names, topics in
        NamespaceUsage(
          tenant: names[0], namespace: names[1],
          bytes: topics.reduce(0) { $0 + $1.value.bounds.bytes })
      }
    }
  }

  public func createTopic(_ address: TopicAddress, _ configuration: TopicConfiguration)
    async throws(CatalogueFailure) -> Made<TopicInfo>
  {
    try CatalogueVerb.createTopic.check(address.action)
    let now = clocks.wall()
    return try change { (state: inout State) throws(CatalogueFailure) in
      if let existing = state.topics[TopicKey(address)] { return .existing(existing.info) }
      guard state.topics.count < limits.topics else {
        throw .tooMany(.topics, limit: limits.topics)
      }
      let key = TopicKey(address).detached
      let topic = TopicState(
        name: key.topic, ledger: state.nextLedger, created: now, configuration: configuration)
      state.nextLedger += 1
      state.topics[key] = topic
      return .created(topic.info)
    }
  }

  public func configureTopic(
    _ address: TopicAddress, _ configuration: TopicConfiguration,
    expecting expected: Expected<TopicInfo>
  ) async throws(CatalogueFailure) -> TopicInfo {
    try CatalogueVerb.governTopic.check(address.action)
    return try changeTopic(address) { (topic: inout TopicState) throws(CatalogueFailure) in
      try expected.check { topic.info.isConfigured(as: $0) }
      topic.configuration = configuration
      return topic.info
    }
  }

  public func deleteTopic(_ address: TopicAddress, expecting expected: Expected<TopicInfo>)
    async throws(CatalogueFailure)
  {
    try CatalogueVerb.governTopic.check(address.action)
    let growth = try change { (state: inout State) throws(CatalogueFailure) in
      guard let topic = state.topics[TopicKey(address)] else { throw .unknownTopic }
      try expected.check { topic.info.isConfigured(as: $0) }
      state.topics[TopicKey(address)] = nil
      state.bytes -= topic.bytes
      return topic.growth
    }
    growth.close()
  }

  public func trim(_ address: TopicAddress, before first: UInt64)
    async throws(CatalogueFailure)
  {
    try CatalogueVerb.governTopic.check(address.action)
    let freed = try changeTopic(address) { (topic: inout TopicState) throws(CatalogueFailure) in
      guard first <= topic.end else { throw .positionAhead(end: topic.bounds.latest) }
      guard first > topic.first else { return 0 }
      let gone = topic.records.prefix(Int(first - topic.first))
      let bytes = gone.reduce(0) { $0 + $1.cost }
      topic.lastTrimmed = gone.last?.publishTime
      topic.records.removeFirst(gone.count)
      topic.first = first
      topic.bytes -= bytes
      return bytes
    }
    state.withLock { $0.bytes -= freed }
  }

  // MARK: - Namespaces

  public func policy(of namespace: NamespaceAddress) -> NamespacePolicy? {
    state.withLock { $0.policies[NamespaceKey(namespace)] }
  }

  public func setPolicy(
    _ policy: NamespacePolicy, of namespace: NamespaceAddress,
    expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governNamespace.check(namespace.action)
    try change { (state: inout State) throws(CatalogueFailure) in
      try expected.check(state.policies[NamespaceKey(namespace)])
      state.policies[NamespaceKey(namespace)] = policy
    }
  }

  public func removePolicy(
    of namespace: NamespaceAddress, expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governNamespace.check(namespace.action)
    try change { (state: inout State) throws(CatalogueFailure) in
      try expected.check(state.policies[NamespaceKey(namespace)])
      state.policies[NamespaceKey(namespace)] = nil
    }
  }

  // MARK: - Schemas

  public func binding(of address: TopicAddress) -> SchemaBinding? {
    state.withLock { $0.topics[TopicKey(address)]?.binding }
  }

  public func registerSchema(
    _ candidate: SchemaCandidate, for address: TopicAddress, at revision: UInt64
  ) async throws(CatalogueFailure) -> StoredSchema {
    try CatalogueVerb.governTopic.check(address.action)
    let now = clocks.wall()
    let untyped = address.untypedEvents
    var others = 0
    return try changeTopic(
      address,
      after: { (state: State) throws(CatalogueFailure) in
        try state.check(candidate.references, of: address.tenant)
        others = state.schemaBytes(beside: TopicKey(address))
      }
    ) { (topic: inout TopicState) throws(CatalogueFailure) in
      let stored = try topic.book.register(
        candidate, at: revision, by: address.caller.principal, now: now,
        limit: limits.schemaVersions, beside: others, in: programs)
      topic.binding = topic.book.binding(untyped: untyped)
      topic.book.releaseUnused()
      return stored
    }
  }

  public func schemaBook(of address: TopicAddress) -> SchemaBook {
    state.withLock { $0.topics[TopicKey(address)]?.book ?? .empty }
  }

  public func schemaEdition(of address: TopicAddress) -> SchemaEdition? {
    state.withLock { state in
      state.topics[TopicKey(address)].map {
        SchemaEdition(ledger: $0.ledger, revision: $0.book.revision)
      }
    }
  }

  public func retainedSchemas(
    of address: TopicAddress
  ) async throws(CatalogueFailure) -> Set<UInt32> {
    state.withLock { state in
      Set(state.topics[TopicKey(address)]?.records.lazy.map(\.schemaVersion) ?? [])
    }
  }

  @discardableResult
  public func editSchemas(
    of address: TopicAddress, _ edit: SchemaEdit, at revision: UInt64?
  ) async throws(CatalogueFailure) -> SchemaBook {
    try CatalogueVerb.governTopic.check(address.action)
    let now = clocks.wall()
    let untyped = address.untypedEvents
    return try changeTopic(address) { (topic: inout TopicState) throws(CatalogueFailure) in
      let records = topic.records
      _ = try topic.book.apply(edit, at: revision, now: now) { version in
        records.contains { $0.schemaVersion == version }
      }
      topic.binding = topic.book.binding(untyped: untyped)
      topic.book.releaseUnused()
      return topic.book
    }
  }

  // MARK: - Changing

  func change<Answer: Sendable>(_ body: (inout State) throws(CatalogueFailure) -> Answer)
    throws(CatalogueFailure) -> Answer
  {
    try state.withLock { (state: inout sending State) throws(CatalogueFailure) -> Answer in
      if state.isClosed { throw .closing }
      return try body(&state)
    }
  }

  func changeTopic<Answer: Sendable>(
    _ address: TopicAddress, after check: (State) throws(CatalogueFailure) -> Void = { _ in },
    _ body: (inout TopicState) throws(CatalogueFailure) -> Answer
  ) throws(CatalogueFailure) -> Answer {
    try change { (state: inout State) throws(CatalogueFailure) in
      try check(state)
      guard let index = state.topics.index(forKey: TopicKey(address)) else {
        throw .unknownTopic
      }
      return try body(&state.topics.values[index])
    }
  }
}

extension MemoryLog.State {
  /// Text of the schemas of a namespace's other topics, in bytes.
  fileprivate func schemaBytes(beside key: TopicKey) -> Int {
    topics.reduce(0) { sum, entry in
      let isOther =
        entry.key != key && entry.key.tenant == key.tenant && entry.key.namespace == key.namespace
      return isOther ? sum + entry.value.book.bytes : sum
    }
  }
}
