import Bytes
import Schemas
import Synchronization
import Tenancy
public import Topics

/// One incarnation of one topic in memory.
///
/// Three owners: `tail` and `facts` belong to whoever holds their lock; the rest of the variables
/// belong to the committer thread (before it starts, to the opening thread).
///
/// SAFETY: `@unchecked Sendable` because the unprotected variables are touched by the committer
/// thread only, as each of them says.
public final class TopicState: @unchecked Sendable {
  // What the committer touches with every event stands together, before what others do.
  let number: TopicNumber
  let ledger: UInt64
  /// The sequence of the next event. Committer only.
  var next: UInt64
  /// The newest publish time given out. Committer only.
  var lastPublish: UnixTime
  /// Record bytes of all events ever stored. Committer only.
  var bytes: UInt64
  /// Index of this topic's group in the commit being made, or -1. Committer only.
  var group = -1
  /// The bucket that takes new chunks. Committer only.
  var bucket: EventBucket
  /// Set when the deletion is durable. Committer only.
  var isDeleted = false
  /// The class of bucket that its events go to: where all events have an end, the bucket has one.
  /// Committer only.
  private(set) var retentionClass = BucketKey.Class.unlimited
  /// Which versions its events name. Committer only.
  var uses: SchemaUses
  let growth: Growth
  let tail: Mutex<Tail>

  let path: TopicPath
  let facts: Mutex<TopicFacts>
  let namespace: UInt32
  let created: UnixTime
  /// What its events' age and size are held to, its own, its namespace's or its tenant's; nil keeps
  /// all. Committer only.
  var retention: Retention? {
    didSet { retentionClass = retention == nil ? .unlimited : .bounded }
  }

  init(
    path: TopicPath, number: TopicNumber, namespace: UInt32, ledger: UInt64, created: UnixTime,
    end: UInt64, lastPublish: UnixTime, bytes: UInt64, trim: TrimKey.Value?,
    segments: [Segment], bucket: EventBucket, facts: TopicFacts,
    deletedSchemas: [UInt32: TopicSchemaKey.Value] = [:]
  ) {
    self.path = path
    self.number = number
    self.namespace = namespace
    self.ledger = ledger
    self.created = created
    growth = Growth(end: end)
    next = end
    self.lastPublish = lastPublish
    self.bytes = bytes
    self.bucket = bucket
    var tail = Tail(end: end, bytes: bytes, segments: segments)
    if let trim { tail.trim(trim) }
    self.tail = Mutex(tail)
    uses = SchemaUses(lastVersion: facts.book.lastVersion, end: end, deleted: deletedSchemas)
    self.facts = Mutex(facts)
  }

  /// Lets the topic go on at a later entry than the one found: what lies between may have been
  /// given out, the last of it published at `published`. Opening thread only.
  func move(to end: UInt64, published: UnixTime) {
    next = end
    lastPublish = max(lastPublish, published)
    tail.withLock { $0.move(to: end) }
    growth.advance(to: end)
  }

  /// What the catalogue tells of the topic.
  public var info: TopicInfo {
    facts.withLock { facts in
      TopicInfo(
        name: path.topic, ledger: ledger, configuration: facts.configuration, created: created,
        schemaVersion: facts.book.defaults[.topic] ?? 0)
    }
  }
}

/// The three names of a topic; the key of the directory.
struct TopicPath: Hashable, Sendable {
  let tenant: Name
  let namespace: Name
  let topic: Name

  init(_ address: TopicAddress) {
    tenant = address.tenant
    namespace = address.namespace
    topic = address.topic
  }

  /// Whether these are the names of an address.
  func isPath(of address: TopicAddress) -> Bool {
    topic == address.topic && namespace == address.namespace && tenant == address.tenant
  }

  init(tenant: Name, namespace: Name, topic: Name) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
  }

  /// The same names in one storage of their own: names are otherwise cut from a request's bytes.
  var detached: TopicPath {
    let names = ByteSlice.joined([tenant.bytes, namespace.bytes, topic.bytes])
    return TopicPath(
      tenant: tenant.moved(to: names[0]), namespace: namespace.moved(to: names[1]),
      topic: topic.moved(to: names[2]))
  }

  /// For messages.
  var text: String { "\(tenant.bytes)/\(namespace.bytes)/\(topic.bytes)" }

  var namespacePath: NamespacePath { NamespacePath(tenant: tenant, namespace: namespace) }

  /// As `TopicAddress.untypedEvents`.
  var untypedEvents: ByteSlice {
    var type = ByteWriter(capacity: namespace.bytes.count + topic.bytes.count + 1)
    type.append(namespace.bytes)
    type.append(ASCII.dot)
    type.append(topic.bytes)
    return type.slice
  }
}

/// The two names of a namespace.
struct NamespacePath: Hashable, Sendable {
  let tenant: Name
  let namespace: Name
}

/// What owners set and register for a topic: read by any thread, changed after a commit.
struct TopicFacts: Sendable {
  /// Made of the book. First, beside the lock: every event asks for it.
  var binding: SchemaBinding?
  var configuration: TopicConfiguration
  var nextSubscription: UInt32 = 1
  var book = SchemaBook.empty
  var subscriptions: [HeldName: SubscriptionDefinition] = [:]
}
