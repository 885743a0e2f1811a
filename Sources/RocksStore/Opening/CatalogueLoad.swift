import Bytes
import Schemas
import Synchronization
import Tenancy
import Topics

/// The catalogue in memory.
struct LoadedCatalogue {
  let directory: Directory
  /// Topics that may hold more than was found: their last chunks may lie in a block that cannot be
  /// read.
  let doubtful: [TopicState]
}

/// Reads the whole catalogue and the end of every topic into a directory. One pass per key family,
/// so that opening is bounded by bytes and not by topics. Opening thread only.
struct CatalogueLoad: ~Copyable {
  private struct SchemaSource: Hashable {
    let text: ByteSlice
    let dialect: SchemaDialect
    let formats: FormatMode
  }

  private let database: Database
  private var buckets: [UInt32: EventBucket] = [:]
  private var namespaces: [NamespaceKey: Name] = [:]
  private var tenants: [UInt32: Name] = [:]
  private var trims: [TopicNumber: TrimKey.Value] = [:]
  private var segments: [TopicNumber: [Segment]] = [:]
  private var versions: [TopicNumber: [(version: UInt32, value: TopicSchemaKey.Value)]] = [:]
  private var subscriptions: [TopicNumber: [Name: SubscriptionDefinition]] = [:]
  /// Topics often share a schema; each is compiled once.
  private var programs: [SchemaSource: CompiledSchema] = [:]
  private var doubtful: [TopicState] = []

  init(_ database: Database) {
    self.database = database
  }

  consuming func catalogue() throws(StoreFault) -> LoadedCatalogue {
    var open: EventBucket?
    try database.scan(BucketKey.self) { (key, value) throws(StoreFault) in
      let name = key.familyName(value.retentionClass)
      guard let family = database.family(named: name) else {
        throw .corruptRecord(family: KeyFamily.bucket.byte)
      }
      buckets[key.bucket] = EventBucket(number: key.bucket, family: family)
      if value.state == .open { open = buckets[key.bucket] }
    }
    guard let open, let counters = try database.get(CountersKey()) else {
      throw .corruptRecord(family: KeyFamily.counters.byte)
    }
    let directory = Directory(openBucket: open)
    directory.contents.withLock {
      $0.nextTenant = counters.nextTenant
      $0.nextBucket = counters.nextBucket
    }
    try loadNames(into: directory)
    try loadTopicParts()
    try loadTopics(into: directory)
    return LoadedCatalogue(directory: directory, doubtful: doubtful)
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

  private mutating func loadTopicParts() throws(StoreFault) {
    try database.scan(TrimKey.self) { key, value in trims[key.topic] = value }
    try database.scan(SegmentKey.self) { (key, value) throws(StoreFault) in
      guard let bucket = buckets[value.bucket] else {
        throw .corruptRecord(family: KeyFamily.segment.byte)
      }
      segments[key.topic, default: []].append(Segment(first: key.first, bucket: bucket))
    }
    try database.scan(TopicSchemaKey.self) { key, value in
      guard value.state == .live else { return }
      versions[key.topic, default: []].append((key.version, value))
    }
    try database.scan(SubscriptionKey.self) { (key, value) throws(StoreFault) in
      guard value.state == .live else { return }
      let name = try Self.name(value.name, .subscription)
      subscriptions[key.topic, default: [:]][name] = SubscriptionDefinition(
        name: name, number: UInt64(key.subscription), terms: value.terms, created: value.created)
    }
  }

  private mutating func loadTopics(into directory: Directory) throws(StoreFault) {
    var live: [(TopicKey, TopicKey.Value)] = []
    try database.scan(TopicKey.self) { key, value in
      if value.state == .live { live.append((key, value)) }
    }
    let ends = TopicEnds(database)
    for (key, value) in live {
      let number = key.topic
      guard let tenant = tenants[number.tenant], let segments = segments[number],
        let last = segments.last,
        let namespace = namespaces[
          NamespaceKey(tenant: number.tenant, namespace: value.namespace)]
      else { throw .corruptRecord(family: KeyFamily.topic.byte) }
      let path = TopicPath(
        tenant: tenant, namespace: namespace, topic: try Self.name(value.name, .topic))
      let end = try ends.end(of: number, in: segments)
      let topic = TopicState(
        path: path, number: number, namespace: value.namespace,
        ledger: UInt64(value.incarnation), created: value.created,
        end: max(end.next, trims[number]?.nextFloor ?? 0),
        lastPublish: end.lastPublish ?? trims[number]?.until ?? value.created,
        bytes: end.bytes ?? trims[number]?.bytesBefore ?? 0, trim: trims[number],
        segments: segments, bucket: last.bucket, facts: try facts(number, value, path))
      directory.insert(topic)
      if !end.isCertain { doubtful.append(topic) }
    }
  }

  private mutating func facts(
    _ number: TopicNumber, _ value: TopicKey.Value, _ path: TopicPath
  ) throws(StoreFault) -> TopicFacts {
    var facts = TopicFacts(configuration: try PolicyCoding.configuration(value.configuration))
    facts.schemaVersion = value.schemaVersion
    facts.nextSchemaVersion = value.nextSchemaVersion
    facts.nextSubscription = value.nextSubscription
    facts.subscriptions = subscriptions[number] ?? [:]
    for (version, reference) in versions[number] ?? [] {
      let key = SchemaKey(tenant: number.tenant, schema: reference.schema)
      guard let stored = try database.get(key) else {
        throw .corruptRecord(family: KeyFamily.schema.byte)
      }
      let schema = StoredSchema(
        version: version, text: stored.text, dialect: stored.dialect, formats: stored.formats,
        fingerprint: stored.fingerprint, registered: reference.registered)
      facts.schemas.append(schema)
      if version == value.schemaVersion {
        facts.binding = SchemaBinding(version: version, program: try program(schema, path))
      }
    }
    guard (facts.binding == nil) == (value.schemaVersion == 0) else {
      throw .corruptRecord(family: KeyFamily.topicSchema.byte)
    }
    return facts
  }

  private mutating func program(
    _ schema: StoredSchema, _ path: TopicPath
  ) throws(StoreFault) -> CompiledSchema {
    let source = SchemaSource(
      text: schema.text, dialect: schema.dialect, formats: schema.formats)
    if let program = programs[source] { return program }
    let program: CompiledSchema
    do throws(SchemaFault) {
      program = try CompiledSchema.compile(
        schema.text, dialect: schema.dialect, formats: schema.formats)
    } catch {
      throw .unusableSchema(topic: path.text, version: schema.version)
    }
    programs[source] = program
    return program
  }

  private static func name(_ bytes: ByteSlice, _ family: KeyFamily) throws(StoreFault) -> Name {
    guard let name = Name(bytes) else { throw .corruptRecord(family: family.byte) }
    return name
  }
}
