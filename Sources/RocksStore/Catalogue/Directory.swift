import Bytes
import Schemas
import Synchronization
import Tenancy
import Topics

/// Names → what they stand for. Any thread looks up; the committer thread changes it after a
/// commit, the opening thread fills it.
final class Directory: Sendable {
  /// A tenant's number and the next numbers of what belongs to it.
  struct Tenant: Sendable {
    let number: UInt32
    var nextNamespace: UInt32
    var nextTopic: UInt32
    /// Schemas of topics and documents share their numbers.
    var nextSchema: UInt32

    static let firstSchema: UInt32 = 1
  }

  /// A namespace, its policy, its documents, and its live topics in byte order of their names.
  struct Namespace: Sendable {
    let number: UInt32
    var policy: NamespacePolicy?
    var topics: [TopicState] = []
    var documents = DocumentShelf.empty

    /// Index of the first topic not before `name`.
    func index(of name: Name) -> Int {
      var low = 0
      var high = topics.count
      while low < high {
        let middle = (low + high) / 2
        if topics[middle].path.topic.bytes < name.bytes { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  struct Contents: Sendable {
    var topics: [TopicPath: DirectorySeat] = [:]
    var namespaces: [NamespacePath: Namespace] = [:]
    var tenants: [Name: Tenant] = [:]
    /// What the configuration says of a tenant's events where neither topic nor namespace does.
    var retentions: [Name: Retention] = [:]
  }

  let contents = Mutex(Contents())
  /// Compiled schemas of all topics.
  let programs = ProgramCache()

  /// Whoever keeps a seat keeps nothing of a log that nobody uses any more.
  deinit { for seat in contents.withLock({ Array($0.topics.values) }) { seat.vacate() } }

  func topic(_ path: TopicPath) -> TopicState? { seat(path)?.topic }

  func seat(_ path: TopicPath) -> DirectorySeat? { contents.withLock { $0.topics[path] } }

  func namespace(_ path: NamespacePath) -> Namespace? { contents.withLock { $0.namespaces[path] } }

  /// The policy alone, since every publish asks for it.
  func policy(_ path: NamespacePath) -> NamespacePolicy? {
    contents.withLock { $0.namespaces[path]?.policy }
  }

  /// What a namespace and its tenant say of how long events are kept.
  func retention(_ path: NamespacePath) -> (namespace: Retention?, tenant: Retention?) {
    contents.withLock { ($0.namespaces[path]?.policy?.retention, $0.retentions[path.tenant]) }
  }

  func tenant(_ name: Name) -> Tenant? { contents.withLock { $0.tenants[name] } }

  /// Makes a topic visible. Its namespace is known.
  func insert(_ topic: TopicState) {
    contents.withLock { contents in
      contents.topics[topic.path] = DirectorySeat(topic)
      let path = topic.path.namespacePath
      guard let index = contents.namespaces[path]?.index(of: topic.path.topic) else { return }
      contents.namespaces[path]?.topics.insert(topic, at: index)
    }
  }

  func remove(_ topic: TopicState) {
    let seat = contents.withLock { contents in
      contents.namespaces[topic.path.namespacePath]?.topics.removeAll { $0 === topic }
      return contents.topics.removeValue(forKey: topic.path)
    }
    seat?.vacate()
  }

  /// Text of the schemas of a namespace's other topics, in bytes. Looks at each of them.
  func schemaBytes(beside topic: TopicState) -> Int {
    let others = contents.withLock { $0.namespaces[topic.path.namespacePath]?.topics ?? [] }
    return others.reduce(0) { sum, other in
      other === topic ? sum : sum + other.facts.withLock { $0.book.bytes }
    }
  }

  /// All live topics. The seats' own locks are taken behind the directory's.
  var topics: [TopicState] {
    contents.withLock { Array($0.topics.values) }.compactMap(\.topic)
  }
}

/// A topic's place in the directory: what was looked up by its names once is found there again,
/// with a lock that only those wait for who publish to the same topic.
final class DirectorySeat: TopicSeat {
  private let seated: Mutex<TopicState?>

  init(_ topic: TopicState) { seated = Mutex(topic) }

  /// Nil once it has been deleted.
  var topic: TopicState? { seated.withLock { $0 } }

  fileprivate func vacate() {
    // Freed behind the lock.
    _ = seated.withLock { seated in
      defer { seated = nil }
      return seated
    }
  }
}
