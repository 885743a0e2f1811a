import Bytes
import Schemas
import Synchronization
import Tenancy
import Topics

/// The bodies of mutations of topics and namespaces. Committer thread only; what they change in
/// memory they change after the commit.
extension Committer {
  func topic(_ address: TopicAddress) throws(CatalogueFailure) -> TopicState {
    guard let topic = directory.topic(TopicPath(address)) else { throw .unknownTopic }
    return topic
  }

  func createTopic(
    _ path: TopicPath, _ configuration: TopicConfiguration
  ) throws(CatalogueFailure) -> Made<TopicInfo> {
    if let existing = directory.topic(path) { return .existing(existing.info) }
    guard directory.contents.withLock({ $0.topics.count }) < limits.topics else {
      throw .tooMany(.topics, limit: limits.topics)
    }
    let known = directory.namespace(path.namespacePath)
    let earlier = try reading { () throws(StoreFault) in
      guard let known, let tenant = directory.tenant(path.tenant) else {
        return TopicNameKey.Value?.none
      }
      return try database.get(
        TopicNameKey(tenant: tenant.number, namespace: known.number, name: path.topic.bytes))
    }
    let (tenantNumber, namespaceNumber) = try namespace(path.namespacePath)
    var tenant = pendingTenant(path.tenant)
    let number = TopicNumber(tenant: tenantNumber, topic: tenant.nextTopic)
    tenant.nextTopic += 1
    write(tenant, named: path.tenant)
    let incarnation = (earlier?.incarnation ?? 0) + 1
    let now = clocks.wall()
    // Its first event takes it to a bucket of its class.
    let segment = Segment(first: 0, bucket: shelf.newest, started: now, bytesBefore: 0)
    let topic = TopicState(
      path: path, number: number, namespace: namespaceNumber, ledger: UInt64(incarnation),
      created: now, end: 0, lastPublish: now, bytes: 0, trim: nil, segments: [segment],
      bucket: segment.bucket, facts: TopicFacts(configuration: configuration))
    put(
      TopicNameKey(tenant: tenantNumber, namespace: namespaceNumber, name: path.topic.bytes),
      TopicNameKey.Value(state: .live, topic: number.topic, incarnation: incarnation))
    put(
      SegmentKey(topic: number, first: 0), segment.record)
    put(TopicKey(topic: number), record(topic, topic.facts.withLock { $0 }, .live))
    let info = topic.info
    afterCommit { [directory] in
      segment.bucket.segments += 1
      // Now, when what else this commit has changed is in force.
      topic.keep(under: directory.retention(topic.path.namespacePath))
      directory.insert(topic)
    }
    return .created(info)
  }

  func deleteTopic(_ topic: TopicState) throws(CatalogueFailure) {
    let facts = topic.facts.withLock { $0 }
    // All that has to be read first: what fails half-way must have written nothing.
    let schemas = try reading { () throws(StoreFault) in
      try storedRows(of: facts.book.versions.map(\.version), topic)
    }
    if !facts.subscriptions.isEmpty { voidAckChunks(of: topic.number) }
    for definition in facts.subscriptions.values { deleteRows(of: definition, of: topic) }
    for (version, row) in schemas { deleteSchema(row, as: version, of: topic) }
    delete(TopicBindingKey(topic: topic.number))
    delete(TrimKey(topic: topic.number))
    put(TopicKey(topic: topic.number), record(topic, facts, .deleted))
    put(
      TopicNameKey(
        tenant: topic.number.tenant, namespace: topic.namespace, name: topic.path.topic.bytes),
      TopicNameKey.Value(
        state: .deleted, topic: topic.number.topic,
        incarnation: UInt32(truncatingIfNeeded: topic.ledger)))
    for segment in topic.tail.withLock({ $0.segments }) {
      delete(SegmentKey(topic: topic.number, first: segment.first))
    }
    deleted.append(topic)
    afterCommit { [self, directory] in
      topic.isDeleted = true
      hasDeleted = true
      for segment in topic.tail.withLock({ $0.segments }) {
        segment.bucket.segments -= 1
        if segment.first < topic.next { segment.bucket.hasGiven = true }
      }
      directory.remove(topic)
      topic.tail.withLock { $0.delete() }
      // Whoever still holds the topic keeps its schemas no longer; what they took is freed behind
      // the lock.
      _ = topic.facts.withLock { facts in
        defer { (facts.book, facts.binding) = (.empty, nil) }
        return (facts.book, facts.binding)
      }
      topic.growth.close()
    }
  }

  func trim(_ topic: TopicState, before first: UInt64) throws(CatalogueFailure) {
    guard first <= topic.next else {
      throw .positionAhead(end: Cursor(ledger: topic.ledger, next: topic.next))
    }
    let (oldest, segments) = topic.tail.withLock { ($0.first, $0.segments) }
    if first <= oldest { return }
    let end = topic.next
    let gone = try reading { () throws(StoreFault) in
      try extent(of: topic, before: first, segments)
    }
    let trim = TrimKey.Value(
      first: first, nextFloor: end, bytesBefore: gone.bytes, until: gone.until)
    put(TrimKey(topic: topic.number), trim)
    afterCommit {
      topic.tail.withLock { $0.trim(trim) }
      for (index, segment) in segments.enumerated() {
        let behind = index + 1 < segments.count ? segments[index + 1].first : end
        if behind <= first { segment.bucket.hasGiven = true }
      }
    }
  }

  /// How many record bytes lie in the chunks before `first` at least, and the time of the newest of
  /// those entries. The chunk that holds it tells; where that cannot be read, the one behind it.
  private func extent(
    of topic: TopicState, before first: UInt64, _ segments: [Segment]
  ) throws(StoreFault) -> (bytes: UInt64, until: UnixTime) {
    var entry = first - 1
    while entry < topic.next {
      do throws(StoreFault) {
        var walk = try ChunkWalk(database, topic.number, segments, from: entry)
        let (chunk, last) = try walk.next(holding: entry, end: topic.next)
        let bytes = last < first ? UInt64(chunk.records.count) : 0
        return (chunk.bytesBefore + bytes, chunk.baseTime)
      } catch .corruptEvents(let range) {
        entry = range.last + 1
      } catch {
        throw error
      }
    }
    return (topic.bytes, topic.lastPublish)
  }

  /// Writes a namespace's policy, making the namespace if need be.
  func write(_ policy: NamespacePolicy?, of path: NamespacePath) throws(CatalogueFailure) {
    let (tenant, number) = try namespace(path)
    put(
      NamespaceKey(tenant: tenant, namespace: number),
      NamespaceKey.Value(
        name: path.namespace.bytes, policy: policy.map(PolicyCoding.encode) ?? .empty))
    afterCommit { [directory] in
      let topics = directory.contents.withLock { contents in
        contents.namespaces[path]?.policy = policy
        return contents.namespaces[path]?.topics ?? []
      }
      let rules = directory.retention(path)
      for topic in topics { topic.keep(under: rules) }
    }
  }

  /// Keeps events from now on as the tenants say, where neither topic nor namespace does. Looks at
  /// the topics of those tenants alone of which something else is said now.
  func keep(_ retentions: [Name: Retention]) {
    let changed = directory.contents.withLock { contents in
      let before = contents.retentions
      contents.retentions = retentions
      return contents.namespaces.filter { path, namespace in
        before[path.tenant] != retentions[path.tenant] && namespace.policy?.retention == nil
      }
    }
    for (path, namespace) in changed {
      for topic in namespace.topics { topic.keep(under: (nil, retentions[path.tenant])) }
    }
  }

  /// Writes what owners changed of a topic; visible after the commit.
  func write(_ facts: TopicFacts, of topic: TopicState) {
    put(TopicKey(topic: topic.number), record(topic, facts, .live))
    afterCommit { [directory] in
      topic.facts.withLock { $0 = facts }
      topic.keep(under: directory.retention(topic.path.namespacePath))
    }
  }

  func record(_ topic: TopicState, _ facts: TopicFacts, _ state: LifeState) -> TopicKey.Value {
    TopicKey.Value(
      state: state, namespace: topic.namespace,
      incarnation: UInt32(truncatingIfNeeded: topic.ledger),
      nextSubscription: facts.nextSubscription, created: topic.created,
      schemaVersion: facts.book.defaults[.topic] ?? 0,
      nextSchemaVersion: facts.book.lastVersion + 1,
      name: topic.path.topic.bytes, configuration: PolicyCoding.encode(facts.configuration))
  }

  /// The numbers of a namespace, made with its tenant if they are new. Writes nothing where it
  /// refuses.
  func namespace(
    _ path: NamespacePath
  ) throws(CatalogueFailure) -> (tenant: UInt32, namespace: UInt32) {
    let existing = directory.tenant(path.tenant)
    if let known = directory.namespace(path), let existing {
      return (existing.number, known.number)
    }
    // Numbers are given once, and a namespace keeps its own: so many are there.
    guard Int(existing?.nextNamespace ?? 1) - 1 < limits.namespacesPerTenant else {
      throw .tooMany(.namespaces, limit: limits.namespacesPerTenant)
    }
    var tenant = pendingTenant(path.tenant)
    let number = tenant.nextNamespace
    tenant.nextNamespace += 1
    write(tenant, named: path.tenant)
    put(
      NamespaceKey(tenant: tenant.number, namespace: number),
      NamespaceKey.Value(name: path.namespace.bytes, policy: .empty))
    put(
      NamespaceNameKey(tenant: tenant.number, name: path.namespace.bytes), NumberValue(number))
    afterCommit { [directory] in
      directory.contents.withLock {
        $0.namespaces[path] = Directory.Namespace(number: number, policy: nil)
      }
    }
    return (tenant.number, number)
  }

  /// The tenant as this commit leaves it; made if it is new.
  func pendingTenant(_ name: Name) -> Directory.Tenant {
    if let changed = changedTenant, changed.name == name { return changed.tenant }
    if let known = directory.tenant(name) { return known }
    let number = counters.nextTenant
    counters.nextTenant += 1
    put(CountersKey(), counters)
    put(TenantNameKey(name: name.bytes), NumberValue(number))
    return Directory.Tenant(
      number: number, nextNamespace: 1, nextTopic: 1, nextSchema: Directory.Tenant.firstSchema)
  }

  /// Writes a tenant's counters; `pendingTenant` sees them at once, everybody else after the
  /// commit.
  func write(_ tenant: Directory.Tenant, named name: Name) {
    changedTenant = (name, tenant)
    put(
      TenantKey(tenant: tenant.number),
      TenantKey.Value(
        nextNamespace: tenant.nextNamespace, nextTopic: tenant.nextTopic,
        nextSchema: tenant.nextSchema, name: name.bytes))
    afterCommit { [directory] in directory.contents.withLock { $0.tenants[name] = tenant } }
  }

  /// Runs a read of the database for a mutation. When the disk cannot answer, the mutation is
  /// refused as unavailable: nothing was written.
  func reading<Result>(
    _ body: () throws(StoreFault) -> Result
  ) throws(CatalogueFailure) -> Result {
    do throws(StoreFault) {
      return try body()
    } catch {
      throw .overloaded(retryAfter: .seconds(10))
    }
  }
}
