public import Bytes
public import Schemas
public import Tenancy

/// What a log promises to those who read it. Two engines keep it: `MemoryLog` and RocksStore.
///
/// Entries of a topic are dense and start at 0. Nothing can be read before it is durable, and what
/// has been read once is read again with the same bytes until it is trimmed. All reading verbs want
/// an address that was granted for `subscribe`. Any thread may call.
public protocol TopicLog: AnyObject, Sendable {
  associatedtype Topic: OpenTopic
  associatedtype Appender: TopicAppender where Appender.Topic == Topic

  /// The topic at an address, looked up once for all that one request does with it; nil when there
  /// is none. Never blocks.
  func open(_ address: TopicAddress) -> Topic?

  /// A stage for appends, to be owned by one event loop, on which its answers are given out.
  func makeAppender(answeringBy post: @escaping LoopPost) -> Appender

  /// Records from the in-memory tail. Never blocks.
  func tail(of topic: TopicAddress, from cursor: Cursor, budget: ByteBudget) throws(ReadFailure)
    -> TailRead

  /// Records from wherever they lie. May block on the disk: callers run it on `Workers`.
  func readStored(_ topic: TopicAddress, from cursor: Cursor, budget: ByteBudget)
    throws(ReadFailure) -> Page

  /// Turns a wish into a place. Never blocks.
  func resolve(_ start: StartPosition, in topic: TopicAddress) throws(ReadFailure) -> ResolvedStart

  /// The place before the first event published at `instant` or later; behind the newest event when
  /// there is none. May block on the disk: callers run it on `Workers`.
  func locate(_ instant: UnixTime, in topic: TopicAddress) throws(ReadFailure) -> Cursor

  /// The level that rises with each append; one object per incarnation of the topic.
  func growth(of topic: TopicAddress) throws(ReadFailure) -> Growth

  /// What the topic holds right now. Never blocks; any granted action may ask.
  func bounds(of topic: TopicAddress) throws(ReadFailure) -> TopicBounds
}

/// A topic that has been looked up: one incarnation of it, and no proof that anybody may use it.
/// Not to be kept beyond a request; what is appended to one that was deleted is refused.
///
/// A class, as the log itself is, so that those who are generic over the log know the layout of
/// what they hold.
public protocol OpenTopic: AnyObject, Sendable {
  var info: TopicInfo { get }
  /// What payloads are checked against now; nil when the topic has no schema.
  var binding: SchemaBinding? { get }
}

/// Where a log has found the topic of an address, to find it again without a look at its names. May
/// be kept for as long as one likes: once the topic is deleted it holds nothing of it.
public struct TopicPlace: Sendable {
  /// The log's own.
  public let seat: any TopicSeat
  /// For which it was found: of no use under another proof, even for the same topic.
  public let address: TopicAddress

  public init(_ seat: any TopicSeat, of address: TopicAddress) {
    self.seat = seat
    self.address = address
  }
}

/// What a log keeps of one topic for `TopicPlace`.
public protocol TopicSeat: AnyObject, Sendable {}

/// Runs a piece of work on the event loop it belongs to, soon and once; any thread may call it.
public typealias LoopPost = @Sendable (@escaping @Sendable () -> Void) -> Void

/// The answer of the in-memory tail.
public enum TailRead: Sendable {
  /// Without records when the reader has caught up.
  case page(Page)
  /// The cursor lies before what memory holds: read it with `readStored`.
  case behind
}

/// A start position made concrete.
public enum ResolvedStart: Sendable, Hashable {
  case at(Cursor)
  /// The wished place is gone; the gap says where reading can continue.
  case gap(Gap)
  /// Only the disk knows: ask `locate` on a worker.
  case lookUp(UnixTime)
}

/// The extent of a topic.
public struct TopicBounds: Sendable, Hashable {
  public let ledger: UInt64
  /// The oldest entry kept; equal to `end` when there is none.
  public let first: UInt64
  /// The entry that the next event will get.
  public let end: UInt64
  /// Stored size of the kept events, in bytes; an estimate within one commit.
  public let bytes: UInt64

  public init(ledger: UInt64, first: UInt64, end: UInt64, bytes: UInt64) {
    self.ledger = ledger
    self.first = first
    self.end = end
    self.bytes = bytes
  }

  public var events: UInt64 { end - first }
  public var earliest: Cursor { Cursor(ledger: ledger, next: first) }
  public var latest: Cursor { Cursor(ledger: ledger, next: end) }

  /// What is missing between a cursor and the first event that can be read; nil when nothing is.
  /// Engines begin every read with it, so that both mean the same by a gap.
  ///
  /// - Parameter until: no event that is gone was published later.
  public func gap(at cursor: Cursor, until: UnixTime? = nil) throws(ReadFailure) -> Gap? {
    if cursor.ledger < ledger {
      return Gap(
        cause: .earlierIncarnation, requested: cursor, earliest: earliest, lost: nil, until: nil)
    }
    guard cursor.ledger == ledger, cursor.next <= end else { throw .positionAhead(end: latest) }
    guard cursor.next < first else { return nil }
    return Gap(
      cause: .trimmed, requested: cursor, earliest: earliest, lost: first - cursor.next,
      until: until)
  }
}

extension TopicAddress {
  /// Whether the address lets its holder read; every reading verb asks.
  public func checkReading() throws(ReadFailure) {
    guard action == .subscribe else { throw .notGranted(action) }
  }

  /// Whether the address lets its holder find places in the topic and see how far it reaches:
  /// readers, and those who look after subscriptions.
  public func checkPlacing() throws(ReadFailure) {
    guard action == .subscribe || action == .manage else { throw .notGranted(action) }
  }

  /// Whether the address lets its holder append; every append asks.
  public func checkAppending() throws(AppendFailure) {
    guard action == .publish else { throw .notGranted(action) }
  }
}

/// One loop's way into the log; confined to that loop.
///
/// Appends wait in the stage until `flush()` hands all of them to the committer, which the loop
/// calls at the end of each of its turns; a full stage goes before. An append that was staged is
/// never cancelled: the caller learns its outcome even when its task is cancelled.
public protocol TopicAppender: AnyObject {
  associatedtype Topic: OpenTopic

  /// `TopicLog.open`, for who comes again: without a look at the names where `place` holds what an
  /// earlier call under the same proof has left there.
  func open(_ address: TopicAddress, at place: inout TopicPlace?) -> Topic?

  /// Stores one event; returns when it is durable. `topic` is the one at the event's address: under
  /// another name it counts as unknown. The log stores `draft.attributes`, key and payload as they
  /// are: whoever minted the event has already added the gateway's own attributes.
  func append(_ event: ConformingEvent, to topic: Topic) async throws(AppendFailure) -> Receipt

  /// The same without a task. `observer` is told on the loop, not before the call has returned, and
  /// kept until then; where the call throws it is told nothing.
  func append(
    _ event: ConformingEvent, to topic: Topic, telling observer: AppendObserver
  ) throws(AppendFailure)

  /// Stores events of one topic in one commit: all or none, in order, with adjacent entries.
  func appendAll(_ events: [ConformingEvent], to topic: Topic) async throws(AppendFailure)
    -> [Receipt]

  /// Hands what was staged to the committer. Cheap when nothing was.
  func flush()
}

/// Proof that an event is durable.
public struct Receipt: Sendable, Hashable {
  public let id: MessageID
  public let publishTime: UnixTime
  /// When it became durable.
  public let durableAt: MonotonicTime
  /// How long the commit that carried it took.
  public let commit: TimeSpan

  public init(
    id: MessageID, publishTime: UnixTime, durableAt: MonotonicTime, commit: TimeSpan
  ) {
    self.id = id
    self.publishTime = publishTime
    self.durableAt = durableAt
    self.commit = commit
  }
}

/// Why nothing was stored, or why nobody knows.
public enum AppendFailure: Error, Hashable, Sendable {
  case unknownTopic
  /// The address was granted for this action, not for publishing.
  case notGranted(Action)
  /// One atomic batch must be of one topic and not empty.
  case mixedBatch
  /// More than one commit may carry, in bytes.
  case tooLarge(limit: Int)
  case storageFull(retryAfter: TimeSpan)
  case overloaded(retryAfter: TimeSpan)
  case closing
  /// The write failed half-way: the event may be stored or not.
  case outcomeUnknown
}

/// Why a read found nothing.
public enum ReadFailure: Error, Hashable, Sendable {
  case unknownTopic
  /// The address was granted for this action, not for subscribing.
  case notGranted(Action)
  /// The cursor lies behind the newest event, which is at this place.
  case positionAhead(end: Cursor)
  /// Stored bytes fail their checks; entries of this range cannot be read.
  case corrupt(ledger: UInt64, first: UInt64, last: UInt64)
  case unavailable(retryAfter: TimeSpan)
  case closing
}
