import Bytes
import Synchronization
import Topics

/// The recent chunks of one topic, as they were committed, and the topic's extent.
/// Protected by its `TopicState`'s lock.
struct Tail: Sendable {
  /// One committed chunk. Its bytes lie in a block with those of its neighbours.
  struct Entry: Sendable {
    let last: UInt64
    fileprivate(set) var chunk: Chunk
    let durableAt: MonotonicTime

    var first: UInt64 { chunk.first(last: last) }
  }

  /// The oldest entry kept; below is trimmed.
  private(set) var first: UInt64 = 0
  /// Behind the newest durable entry.
  private(set) var end: UInt64
  /// Record bytes ever stored.
  private(set) var bytes: UInt64
  /// Where the record bytes started when the front was trimmed.
  private var trimmedBytes: UInt64 = 0
  private(set) var trimmedUntil: UnixTime?
  private(set) var isDeleted = false
  private(set) var segments: [Segment]
  private var entries: [Entry] = []
  /// Index of the oldest entry still held; those before it are gone.
  private var head = 0

  init(end: UInt64, bytes: UInt64, segments: [Segment]) {
    self.end = end
    self.bytes = bytes
    self.segments = segments
  }

  func bounds(_ ledger: UInt64) -> TopicBounds {
    TopicBounds(ledger: ledger, first: first, end: end, bytes: bytes - min(bytes, trimmedBytes))
  }

  /// The oldest entry in memory; `end` when there is none.
  var firstInMemory: UInt64 { head < entries.count ? entries[head].first : end }

  /// Takes a chunk that is durable now.
  mutating func push(_ entry: Entry, bytes: UInt64) {
    entries.append(entry)
    end = entry.last + 1
    self.bytes = bytes
  }

  /// Lets the oldest chunk go.
  mutating func dropFirst() {
    guard head < entries.count else { return }
    // The entry stays until half of them are such leavings, but no hold on the block.
    entries[head].chunk.records = .empty
    head += 1
    if head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
  }

  /// Nothing is held yet: the topic goes on at `end`.
  mutating func move(to end: UInt64) { self.end = end }

  mutating func trim(_ trim: TrimKey.Value) {
    first = trim.first
    trimmedBytes = trim.bytesBefore
    trimmedUntil = trim.until
  }

  /// Behind its newest entry the topic goes on in another bucket. Returns the segment before it if
  /// that held nothing, since the new one then takes its place.
  mutating func begin(_ segment: Segment) -> Segment? {
    let replaced = segments.last?.first == segment.first ? segments.popLast() : nil
    segments.append(segment)
    return replaced
  }

  /// The segments of which nothing is kept; they are the topic's no longer.
  mutating func leaveSegments() -> [Segment] {
    let gone = segments.dropFirst().prefix { $0.first <= first }.count
    defer { segments.removeFirst(gone) }
    return Array(segments.prefix(gone))
  }

  mutating func delete() {
    isDeleted = true
    entries = []
    head = 0
  }

  /// Index into `held` of the chunk that holds `entry`, which lies in memory.
  private func index(of entry: UInt64) -> Int {
    var low = head
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].last < entry { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The chunks from the one that holds `entry` on, at most `limit` of them; `entry` lies in
  /// memory.
  func chunks(from entry: UInt64, limit: Int) -> ArraySlice<Entry> {
    let start = index(of: entry)
    return entries[start..<min(entries.count, start + limit)]
  }

  /// The first entry in memory that was published at `instant` or later, if the answer is known
  /// here.
  func locate(_ instant: UnixTime) -> UInt64? {
    guard head < entries.count, entries[head].chunk.baseTime < instant else { return nil }
    // Publish times never fall.
    var low = head
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].chunk.baseTime < instant { low = middle + 1 } else { high = middle }
    }
    return low < entries.count ? entries[low].first : end
  }
}

/// Keeps the tails of all topics together within a bound: oldest commits go first.
/// Committer thread only.
struct TailBudget {
  private var queue: [(topic: TopicState, bytes: Int)] = []
  private var head = 0
  private(set) var used = 0
  /// What a chunk takes in memory beside its bytes: its entries here and in its topic's tail.
  static let overhead = 160
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func add(_ topic: TopicState, bytes: Int) {
    queue.append((topic, bytes))
    used += bytes
    while used > limit, head < queue.count {
      let oldest = queue[head]
      head += 1
      used -= oldest.bytes
      oldest.topic.tail.withLock { $0.dropFirst() }
    }
    if head > 1024, head * 2 > queue.count {
      queue.removeFirst(head)
      head = 0
    }
  }

  /// Lets go of topics that were deleted: what their last events lay in is freed then, however few
  /// events come after them.
  mutating func forgetDeleted() {
    queue = queue[head...].filter { !$0.topic.isDeleted }
    head = 0
    used = queue.reduce(0) { $0 + $1.bytes }
  }
}
