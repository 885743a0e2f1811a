import Bytes
import Schemas
import Synchronization
import Tenancy
import Topics

/// The catalogue in memory.
struct LoadedCatalogue {
  let directory: Directory
  let shelf: BucketShelf
  let counters: CountersKey.Value
  /// Column families of buckets that were being dropped or made when the store was closed.
  let leftovers: [ColumnFamily]
  /// Buckets whose records are all that is left of them then.
  let draining: [BucketKey]
  /// Topics that may hold more than was found: their last chunks may lie in a block that cannot be
  /// read.
  let doubtful: [TopicState]
}

/// Reads the whole catalogue and the end of every topic into a directory. One pass per key family,
/// so that opening is bounded by bytes and not by topics. Opening thread only.
struct CatalogueLoad: ~Copyable {
  private let database: Database
  private var buckets: [UInt32: EventBucket] = [:]
  private var namespaces: [NamespaceKey: Name] = [:]
  private var tenants: [UInt32: Name] = [:]
  private var trims: [TopicNumber: TrimKey.Value] = [:]
  private var segments: [TopicNumber: [(first: UInt64, value: SegmentKey.Value)]] = [:]
  private var versions: [TopicNumber: [(version: UInt32, value: TopicSchemaKey.Value)]] = [:]
  private var bindings: [TopicNumber: TopicBindingKey.Value] = [:]
  private var subscriptions: [TopicNumber: [HeldName: SubscriptionDefinition]] = [:]
  /// Where topics' schemas will be compiled to, when somebody publishes.
  private var programs = ProgramCache()
  private var doubtful: [TopicState] = []

  init(_ database: Database) {
    self.database = database
  }

  consuming func catalogue() throws(StoreFault) -> LoadedCatalogue {
    let (kept, draining) = try database.buckets()
    buckets = kept
    guard let counters = try database.get(CountersKey()) else {
      throw .corruptRecord(family: KeyFamily.counters.byte)
    }
    let shelf = BucketShelf(buckets.values.sorted { $0.number < $1.number })
    guard shelf.open(.unlimited) != nil else {
      throw .corruptRecord(family: KeyFamily.bucket.byte)
    }
    let directory = Directory()
    programs = directory.programs
    try loadNames(into: directory)
    try loadDocuments(into: directory)
    try loadTopicParts()
    try loadTopics(into: directory)
    let families = Set(buckets.values.map(\.family.name))
    return LoadedCatalogue(
      directory: directory, shelf: shelf, counters: counters,
      leftovers: database.familyNames
        .filter { FamilyKind(of: $0) == .events && !families.contains($0) }
        .compactMap(database.family(named:)),
      draining: draining,
      doubtful: doubtful)
  }

  private mutating func loadNames(into directory: Directory) throws(StoreFault) {
    try database.scan(TenantKey.self) { (key, value) throws(StoreFault) in
      let name = try Self.name(value.name, .tenant)
      tenants[key.tenant] = name
      directory.contents.withLock {
        $0.tenants[name] = Directory.Tenant(
          number: key.tenant, nextNamespace: value.nextNamespace, nextTopic: value.nextTopic,
          nextSchema: value.nextSchema)
      }
    }
    try database.scan(NamespaceKey.self) { (key, value) throws(StoreFault) in
      let name = try Self.name(value.name, .namespace)
      guard let tenant = tenants[key.tenant] else {
        throw .corruptRecord(family: KeyFamily.namespace.byte)
      }
      namespaces[key] = name
      let policy = try PolicyCoding.policy(value.policy)
      directory.contents.withLock {
        $0.namespaces[NamespacePath(tenant: tenant, namespace: name)] =
          Directory.Namespace(number: key.namespace, policy: policy)
      }
    }
  }

  private mutating func loadDocuments(into directory: Directory) throws(StoreFault) {
    var versions: [DocumentVersionKey: [DocumentVersion]] = [:]
    try database.scan(DocumentVersionKey.self) { (key, value) throws(StoreFault) in
      let document = DocumentVersionKey(tenant: key.tenant, document: key.document, version: 0)
      versions[document, default: []].append(
        DocumentVersion(
          version: key.version, text: value.text, dialect: value.dialect,
          uri: value.uri.isEmpty ? nil : value.uri, fingerprint: value.fingerprint,
          links: DocumentLinks(
            identifiers: value.identifiers.map(\.text), targets: value.targets.map(\.text)),
          registered: value.registered, author: value.author,
          state: value.state, changed: value.changed))
    }
    var documents: [NamespaceKey: [SchemaDocument]] = [:]
    var floors: [NamespaceKey: UInt32] = [:]
    try database.scan(DocumentKey.self) { (key, value) throws(StoreFault) in
      let namespace = NamespaceKey(tenant: key.tenant, namespace: key.namespace)
      if key.name.isEmpty {
        floors[namespace] = value.lastVersion
        documents[namespace, default: []] += []
        return
      }
      let document = DocumentVersionKey(tenant: key.tenant, document: value.number, version: 0)
      guard let name = DocumentName(key.name), let found = versions[document],
        found.last.map({ $0.version <= value.lastVersion }) == true
      else { throw .corruptRecord(family: KeyFamily.document.byte) }
      documents[namespace, default: []].append(
        SchemaDocument(
          name: name, number: value.number, versions: found, lastVersion: value.lastVersion,
          chosen: value.chosen))
    }
    for (key, found) in documents {
      guard let tenant = tenants[key.tenant], let namespace = namespaces[key] else {
        throw .corruptRecord(family: KeyFamily.document.byte)
      }
      let path = NamespacePath(tenant: tenant, namespace: namespace)
      let shelf = DocumentShelf(loading: found, floor: floors[key] ?? 0)
      directory.contents.withLock { $0.namespaces[path]?.documents = shelf }
    }
  }

  private mutating func loadTopicParts() throws(StoreFault) {
    try database.scan(TrimKey.self) { key, value in trims[key.topic] = value }
    try database.scan(SegmentKey.self) { key, value in
      segments[key.topic, default: []].append((key.first, value))
    }
    try database.scan(TopicSchemaKey.self) { key, value in
      versions[key.topic, default: []].append((key.version, value))
    }
    try database.scan(TopicBindingKey.self) { key, value in bindings[key.topic] = value }
    try database.scan(SubscriptionKey.self) { (key, value) throws(StoreFault) in
      guard value.state == .live else { return }
      let name = try Self.name(value.name, .subscription)
      var holder: Name?
      if let bytes = value.holder { holder = try Self.name(bytes, .subscription) }
      let definition = SubscriptionDefinition(
        name: name, heldBy: holder,
        number: UInt64(key.subscription), terms: value.terms, created: value.created,
        creator: value.creator)
      subscriptions[key.topic, default: [:]][definition.heldName] = definition
    }
  }

  private mutating func loadTopics(into directory: Directory) throws(StoreFault) {
    var live: [(TopicKey, TopicKey.Value)] = []
    try database.scan(TopicKey.self) { key, value in
      if value.state == .live { live.append((key, value)) }
    }
    let ends = TopicEnds(database)
    let lastCommit = try database.get(WatermarkKey())?.clock
    for (key, value) in live {
      let number = key.topic
      let segments = try segments(of: number)
      guard let tenant = tenants[number.tenant], let last = segments.last,
        let namespace = namespaces[
          NamespaceKey(tenant: number.tenant, namespace: value.namespace)]
      else { throw .corruptRecord(family: KeyFamily.topic.byte) }
      let path = TopicPath(
        tenant: tenant, namespace: namespace, topic: try Self.name(value.name, .topic))
      let end = try ends.end(of: number, in: segments)
      let trim = trims[number]
      let topic = TopicState(
        path: path, number: number, namespace: value.namespace,
        ledger: UInt64(value.incarnation), created: value.created,
        end: max(end.next, trim?.nextFloor ?? 0),
        lastPublish: Self.lastPublish(end, trim, value, in: last, before: lastCommit),
        bytes: max(end.bytes ?? 0, last.bytesBefore, trim?.bytesBefore ?? 0), trim: trim,
        segments: segments, bucket: last.bucket, facts: try facts(number, value, path),
        deletedSchemas: deletedSchemas(number))
      topic.keep(under: directory.retention(path.namespacePath))
      for segment in segments { segment.bucket.segments += 1 }
      directory.insert(topic)
      if !end.isCertain { doubtful.append(topic) }
    }
  }

  /// When a topic's newest event was published. Where its last chunk cannot be read this is never
  /// too early: age would let go what is young, and whatever lies before it.
  private static func lastPublish(
    _ end: TopicEnds.End, _ trim: TrimKey.Value?, _ topic: TopicKey.Value, in segment: Segment,
    before lastCommit: UnixTime?
  ) -> UnixTime {
    if let known = end.lastPublish { return known }
    guard end.next > 0 else { return trim?.until ?? topic.created }
    return max(lastCommit ?? segment.started, segment.started)
  }

  private func segments(of topic: TopicNumber) throws(StoreFault) -> [Segment] {
    var found: [Segment] = []
    for (first, value) in segments[topic] ?? [] {
      guard let bucket = buckets[value.bucket] else {
        throw .corruptRecord(family: KeyFamily.segment.byte)
      }
      found.append(
        Segment(
          first: first, bucket: bucket, started: value.started, bytesBefore: value.bytesBefore))
    }
    return found
  }

  private mutating func facts(
    _ number: TopicNumber, _ value: TopicKey.Value, _ path: TopicPath
  ) throws(StoreFault) -> TopicFacts {
    var facts = TopicFacts(configuration: try PolicyCoding.configuration(value.configuration))
    facts.nextSubscription = value.nextSubscription
    facts.subscriptions = subscriptions[number] ?? [:]
    facts.book = try book(number, value)
    facts.binding = facts.book.binding(untyped: path.untypedEvents)
    return facts
  }

  private func deletedSchemas(_ number: TopicNumber) -> [UInt32: TopicSchemaKey.Value] {
    var deleted: [UInt32: TopicSchemaKey.Value] = [:]
    for (version, value) in versions[number] ?? [] where value.state == .deleted {
      deleted[version] = value
    }
    return deleted
  }

  /// A topic's schemas. Nothing is compiled: an opening takes no longer for what tenants register.
  private func book(
    _ number: TopicNumber, _ value: TopicKey.Value
  ) throws(StoreFault) -> SchemaBook {
    let lastVersion = value.nextSchemaVersion &- 1
    var stored: [StoredSchema] = []
    for (version, row) in versions[number] ?? [] {
      let key = SchemaKey(tenant: number.tenant, schema: row.schema)
      guard version <= lastVersion, let schema = try database.get(key) else {
        throw .corruptRecord(family: KeyFamily.schema.byte)
      }
      stored.append(
        StoredSchema(
          version: version, subject: row.subject, type: schema.type, text: schema.text,
          dialect: schema.dialect, formats: schema.formats, fingerprint: schema.fingerprint,
          references: row.references, properties: schema.properties, registered: row.registered,
          author: row.author,
          state: row.state, changed: row.changed, notice: row.notice,
          isOverridden: row.isOverridden))
    }
    let binding = bindings[number]
    var defaults: [SchemaSubject: UInt32] = [:]
    if let binding {
      for pointer in binding.defaults { defaults[pointer.subject] = pointer.version }
    } else if value.schemaVersion > 0 {
      defaults[.topic] = value.schemaVersion
    }
    guard (defaults[.topic] ?? 0) == value.schemaVersion else {
      throw .corruptRecord(family: KeyFamily.topicBinding.byte)
    }
    let terms = try BindingCoding.terms(binding?.terms ?? .empty)
    for (subject, version) in defaults {
      guard
        stored.contains(where: {
          $0.version == version && $0.subject == subject && $0.state.isLive
        })
      else { throw .corruptRecord(family: KeyFamily.topicSchema.byte) }
    }
    guard (terms?.rules ?? []).allSatisfy({ defaults[$0.subject] != nil }) else {
      throw .corruptRecord(family: KeyFamily.topicBinding.byte)
    }
    return SchemaBook(
      versions: stored, defaults: defaults, terms: terms, revision: binding?.revision ?? 0,
      lastVersion: lastVersion, programs: programs)
  }

  private static func name(_ bytes: ByteSlice, _ family: KeyFamily) throws(StoreFault) -> Name {
    guard let name = Name(bytes) else { throw .corruptRecord(family: family.byte) }
    return name
  }
}
