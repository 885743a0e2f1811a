import Bytes
import Events
import LogConformance
import RocksStore
import Tenancy
import Topics

/// What a store owes after a crash at some place of a trace, and whether it keeps it.
struct Promise {
  struct Broken: Error {
    let text: String
  }

  private struct Topic {
    var isMade = false
    var isSubscribed = false
    /// The first number of each append that was tried, and how many events it had.
    var tried: [Int: Int] = [:]
    /// Which number was answered for which entry.
    var stored: [Int: Int] = [:]
    /// The front may lie between these two.
    var trimmed = 0, trimming = 0
    /// What may be stored of the subscription: the first is what was answered, the others are what
    /// was staged after it. Which change each came of: no number for one that was just made.
    var states: [(number: Int?, state: SubscriptionState)] = []
  }

  /// Stands for the ledger that a topic has.
  private static let ledger: UInt64 = 0

  private var topics: [String: Topic] = [:]
  private let proofs = Proofs()

  mutating func note(_ mark: Mark) {
    switch mark {
    case .topic(let topic): topics[topic, default: Topic()].isMade = true
    case .trying(let topic, let number, let count):
      topics[topic, default: Topic()].tried[number] = count
    case .stored(let topic, let entry, let number, let count):
      for place in 0..<count {
        topics[topic, default: Topic()].stored[entry + place] = number + place
      }
    case .subscribing(let topic):
      topics[topic, default: Topic()].isSubscribed = false
      topics[topic, default: Topic()].states.append((nil, Progress.start(ledger: Self.ledger)))
    case .subscribed(let topic):
      topics[topic, default: Topic()].isSubscribed = true
      topics[topic, default: Topic()].states = [(nil, Progress.start(ledger: Self.ledger))]
    case .changing(let topic, let number, let next):
      guard var state = topics[topic]?.states.last?.state else { break }
      state.apply(Progress.change(number, to: next, ledger: Self.ledger))
      topics[topic, default: Topic()].states.append((number, state))
    case .changed(let topic, let number):
      topics[topic, default: Topic()].states.trimPrefix { $0.number != number }
    case .trimming(let topic, let first): topics[topic, default: Topic()].trimming = first
    case .trimmed(let topic, let first): topics[topic, default: Topic()].trimmed = first
    }
  }

  /// Looks at everything that was promised.
  func check(_ log: RocksTopicLog) throws {
    for (name, topic) in topics.sorted(by: { $0.key < $1.key }) {
      let address = try proofs.topic(name, .subscribe)
      guard log.topic(address) != nil else {
        if topic.isMade { throw Broken(text: "topic \(name) is gone") }
        continue
      }
      try check(topic, name, log)
      try checkSubscription(of: topic, name, log)
    }
  }

  private func check(_ topic: Topic, _ name: String, _ log: RocksTopicLog) throws {
    let address = try proofs.topic(name, .subscribe)
    while true {
      let bounds = try log.bounds(of: address)
      do {
        return try check(topic, name, log, bounds)
      } catch {
        // Retention may have moved the front meanwhile, which it does a few times and no more.
        if try log.bounds(of: address).first == bounds.first { throw error }
      }
    }
  }

  private func check(
    _ topic: Topic, _ name: String, _ log: RocksTopicLog, _ bounds: TopicBounds
  ) throws {
    let address = try proofs.topic(name, .subscribe)
    let first = Int(bounds.first)
    let isKept =
      if let bytes = Workload.retention[name]?.bytes {
        first == 0 || bounds.bytes >= bytes
      } else {
        first >= topic.trimmed && first <= max(topic.trimming, topic.trimmed)
      }
    guard isKept else { throw Broken(text: "\(name) begins at \(first)") }
    if let last = topic.stored.keys.max(), Int(bounds.end) <= last {
      throw Broken(text: "\(name) ends at \(bounds.end), \(last) was acknowledged")
    }
    var reader = Reader(topic: topic, name: name, entry: first)
    var cursor = bounds.earliest
    while cursor.next < bounds.end {
      let page = try log.readStored(address, from: cursor, budget: .answer)
      for record in page.records { try reader.read(record) }
      guard page.next.next > cursor.next else { throw Broken(text: "\(name) stands still") }
      cursor = page.next
    }
    guard reader.entry == Int(bounds.end) else {
      throw Broken(text: "\(name) ends at \(bounds.end), read up to \(reader.entry)")
    }
    guard reader.left == 0 else { throw Broken(text: "\(name) ends within an atomic batch") }
  }

  /// Follows one topic's events.
  private struct Reader {
    let topic: Topic
    let name: String
    /// The entry that comes next.
    var entry: Int
    /// The number that must come next, and how many of its batch are still to come.
    private var expected = 0
    private(set) var left = 0
    private var seen: Set<Int> = []
    private let front: Int

    init(topic: Topic, name: String, entry: Int) {
      (self.topic, self.name, self.entry, front) = (topic, name, entry, entry)
    }

    mutating func read(_ record: Record) throws {
      guard Int(record.id.entry) == entry else {
        throw Broken(text: "\(name): \(record.id.entry) comes where \(entry) should")
      }
      guard let number = Workload.number(of: record.payload) else {
        throw Broken(text: "\(name): the bytes of \(entry) are not what was sent")
      }
      if let promised = topic.stored[entry], promised != number {
        throw Broken(text: "\(name): \(entry) holds \(number), acknowledged was \(promised)")
      }
      guard seen.insert(number).inserted else {
        throw Broken(text: "\(name): \(number) is there twice, the second time at \(entry)")
      }
      if left > 0 {
        guard number == expected else {
          throw Broken(text: "\(name): a batch is torn at \(entry)")
        }
        left -= 1
      } else if let count = topic.tried[number] {
        left = count - 1
      } else if entry == front,
        let (start, count) = topic.tried.first(where: { $0 < number && number < $0 + $1 })
      {
        // The front may be trimmed in the middle of a batch.
        left = start + count - number - 1
      } else {
        throw Broken(text: "\(name): \(entry) holds \(number), which begins nothing that was sent")
      }
      expected = number + 1
      entry += 1
    }
  }

  /// A subscription's state is one of those that a change left, whole: no chunk is older or newer
  /// than its mark.
  private func checkSubscription(of topic: Topic, _ name: String, _ log: RocksTopicLog) throws {
    let address = try proofs.topic(name, .subscribe)
    guard let subscription = log.subscription(try proofs.name("s"), of: address) else {
      if topic.isSubscribed { throw Broken(text: "the subscription of \(name) is gone") }
      return
    }
    var state = try log.loadState(
      of: SubscriptionReference(
        topic: address, name: subscription.name, number: subscription.number))
    state.markDelete = Cursor(ledger: Self.ledger, next: state.markDelete.next)
    guard topic.states.contains(where: { $0.state == state }) else {
      func tell(_ state: SubscriptionState) -> String {
        let chunks = state.chunks.sorted { $0.key < $1.key }
        return "\(state.markDelete.next) in epoch \(state.epoch) with chunks "
          + chunks.map { "\($0.key) of \($0.value.count) B" }.joined(separator: ", ")
      }
      throw Broken(
        text: "the subscription of \(name) stands at \(tell(state)), none of: "
          + topic.states.map { tell($0.state) }.joined(separator: "; "))
    }
  }

  /// Appends one event to each topic that is there: it must get the entry behind the last.
  mutating func append(to log: RocksTopicLog, number: Int) async throws {
    for (place, name) in Workload.topics.enumerated() {
      guard log.topic(try proofs.topic(name, .publish)) != nil else { continue }
      let end = try log.bounds(of: proofs.topic(name, .subscribe)).end
      let event = try proofs.event(
        name, Workload.payload(number + place), kind: .binary, key: nil)
      note(.trying(name, number + place, count: 1))
      let entry = try await AppendLoop(log).append(event).id.entry
      guard entry == end else {
        throw Broken(text: "\(name) ended at \(end), the next event was stored at \(entry)")
      }
      note(.stored(name, Int(entry), number + place, count: 1))
    }
  }
}
