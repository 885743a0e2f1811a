import Bytes
import Schemas
import Synchronization
public import Tenancy
public import Topics

/// Topics: made, configured, deleted, trimmed. Each change is one mutation on the committer thread;
/// bodies look, refuse, and only then write.
extension RocksTopicLog: Catalogue {
  public func topic(_ address: TopicAddress) -> TopicInfo? {
    committer.directory.topic(TopicPath(address))?.info
  }

  public func topics(
    in namespace: NamespaceAddress, after: Name?, limit: Int
  ) -> [TopicInfo] {
    guard let known = committer.directory.namespace(NamespacePath(namespace)) else { return [] }
    var start = after.map(known.index(of:)) ?? 0
    if let after, start < known.topics.count, known.topics[start].path.topic == after { start += 1 }
    return known.topics[start...].prefix(max(limit, 0)).map(\.info)
  }

  public func usage() -> [NamespaceUsage] {
    committer.directory.contents.withLock { $0.namespaces }.compactMap { path, namespace in
      if namespace.topics.isEmpty { return nil }
      let bytes = namespace.topics.reduce(UInt64(0)) { sum, topic in
        sum + topic.tail.withLock { $0.bounds(topic.ledger).bytes }
      }
      return NamespaceUsage(tenant: path.tenant, namespace: path.namespace, bytes: bytes)
    }
  }

  public func createTopic(
    _ address: TopicAddress, _ configuration: TopicConfiguration
  ) async throws(CatalogueFailure) -> Made<TopicInfo> {
    try CatalogueVerb.createTopic.check(address.action)
    if let existing = topic(address) { return .existing(existing) }
    return try await mutate(growing: true) { committer throws(CatalogueFailure) in
      try committer.createTopic(TopicPath(address).detached, configuration)
    }
  }

  public func configureTopic(
    _ address: TopicAddress, _ configuration: TopicConfiguration,
    expecting expected: Expected<TopicInfo>
  ) async throws(CatalogueFailure) -> TopicInfo {
    try CatalogueVerb.governTopic.check(address.action)
    return try await mutate { committer throws(CatalogueFailure) in
      let topic = try committer.topic(address)
      let old = topic.info
      try expected.check { old.isConfigured(as: $0) }
      var facts = topic.facts.withLock { $0 }
      facts.configuration = configuration
      committer.write(facts, of: topic)
      return TopicInfo(
        name: old.name, ledger: old.ledger, configuration: configuration, created: old.created,
        schemaVersion: old.schemaVersion)
    }
  }

  public func deleteTopic(
    _ address: TopicAddress, expecting expected: Expected<TopicInfo>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governTopic.check(address.action)
    try await mutate { committer throws(CatalogueFailure) in
      let topic = try committer.topic(address)
      let info = topic.info
      try expected.check { info.isConfigured(as: $0) }
      try committer.deleteTopic(topic)
    }
  }

  public func trim(
    _ address: TopicAddress, before first: UInt64
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governTopic.check(address.action)
    try await mutate { committer throws(CatalogueFailure) in
      try committer.trim(try committer.topic(address), before: first)
    }
  }

  public func policy(of namespace: NamespaceAddress) -> NamespacePolicy? {
    committer.directory.policy(NamespacePath(namespace))
  }

  public func setPolicy(
    _ policy: NamespacePolicy, of namespace: NamespaceAddress,
    expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governNamespace.check(namespace.action)
    try await mutate(growing: true) { committer throws(CatalogueFailure) in
      let path = NamespacePath(namespace).detached
      try expected.check(committer.directory.namespace(path)?.policy)
      try committer.write(policy, of: path)
    }
  }

  public func removePolicy(
    of namespace: NamespaceAddress, expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.governNamespace.check(namespace.action)
    try await mutate { committer throws(CatalogueFailure) in
      let path = NamespacePath(namespace)
      let known = committer.directory.namespace(path)?.policy
      try expected.check(known)
      if known == nil { return }
      try committer.write(nil, of: path)
    }
  }

  /// Runs `body` on the committer thread; returns once what it wrote is durable, or at once when it
  /// wrote nothing or this is a trial. `growing`: whether it is refused while space is short.
  func mutate<Result: Sendable>(
    growing: Bool = false,
    _ body: @escaping @Sendable (Committer) throws(CatalogueFailure) -> Result
  ) async throws(CatalogueFailure) -> Result {
    switch committer.condition.load(ordering: .relaxed) {
    case .open: break
    case .storageFull: if growing { throw .storageFull(retryAfter: .seconds(10)) }
    case .closing, .failed: throw .closing
    }
    let outcome = OneShot<Swift.Result<Result, CatalogueFailure>>()
    let mutation = Mutation(
      apply: { [isTrial] committer in
        do throws(CatalogueFailure) {
          if isTrial {
            let result = try committer.tryOut { () throws(CatalogueFailure) in
              try body(committer)
            }
            outcome.settle(.success(result))
            return
          }
          let result = try body(committer)
          committer.afterCommit { outcome.settle(.success(result)) }
        } catch {
          outcome.settle(.failure(error))
        }
      },
      fail: { failure in outcome.settle(.failure(failure)) })
    guard committer.queue.push(mutation) else { throw .closing }
    return try await outcome.value().get()
  }
}

extension NamespacePath {
  init(_ address: NamespaceAddress) {
    self.init(tenant: address.tenant, namespace: address.namespace)
  }

  /// The same names in storage of their own.
  var detached: NamespacePath {
    NamespacePath(tenant: tenant.detached, namespace: namespace.detached)
  }
}
