public import Bytes
public import Events

/// One stored event as readers get it. Its slices share the log's buffers: copying is cheap, but a
/// record kept for long keeps a whole commit's bytes alive.
public struct Record: Sendable {
  public let id: MessageID
  /// When the log took it, by the wall clock, never smaller than that of the event before it.
  public let publishTime: UnixTime
  /// The schema version it was checked against; 0 where the topic had none.
  public let schemaVersion: UInt32
  public let flags: RecordFlags
  public let attributes: Attributes
  public let key: ByteSlice?
  public let payload: ByteSlice
  /// When it became durable; nil when it was read back from disk. Delivery latency starts here.
  public let durableAt: MonotonicTime?

  public init(
    id: MessageID, publishTime: UnixTime, schemaVersion: UInt32, flags: RecordFlags,
    attributes: Attributes, key: ByteSlice?, payload: ByteSlice, durableAt: MonotonicTime?
  ) {
    self.id = id
    self.publishTime = publishTime
    self.schemaVersion = schemaVersion
    self.flags = flags
    self.attributes = attributes
    self.key = key
    self.payload = payload
    self.durableAt = durableAt
  }

  /// What the record counts against a `ByteBudget`, in bytes: its variable parts.
  public var cost: Int { attributes.encoded.count + (key?.count ?? 0) + payload.count }
}

/// What else is known of a record, one bit each.
public struct RecordFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The payload is well-formed JSON text and may be emitted verbatim as `data`.
  public static let jsonPayload = RecordFlags(rawValue: 1)
}

/// How much a read may return. The first record is always returned, however large, so that a reader
/// cannot get stuck before an event that exceeds its budget.
public struct ByteBudget: Sendable, Hashable {
  public let records: Int
  /// By `Record.cost`.
  public let bytes: Int

  public init(records: Int, bytes: Int) {
    precondition(records > 0 && bytes > 0, "an empty budget reads nothing")
    self.records = records
    self.bytes = bytes
  }

  /// What one answer of the HTTP contract may hold: 1000 events and 1 MiB.
  public static let answer = ByteBudget(records: 1000, bytes: 1 << 20)

  /// Whether `taken` records of `bytes` bytes leave room for one of `cost` bytes more.
  public func admits(cost: Int, after taken: Int, bytes used: Int) -> Bool {
    taken == 0 || (taken < records && used + cost <= bytes)
  }
}

/// What a read found.
public struct Page: Sendable {
  /// In order and without holes, starting at the requested place or, after a gap, at the oldest
  /// event kept.
  public let records: [Record]
  /// Where to continue.
  public let next: Cursor
  /// The entry behind the newest durable event when the read was made: `next.next == end` means
  /// that there is no more for now.
  public let end: UInt64
  /// What lay at the requested place and is gone.
  public let gap: Gap?

  public init(records: [Record], next: Cursor, end: UInt64, gap: Gap? = nil) {
    self.records = records
    self.next = next
    self.end = end
    self.gap = gap
  }

  public var isUpToDate: Bool { next.next >= end }
}

/// Events that a reader asked for and that no longer exist.
public struct Gap: Sendable, Hashable {
  public enum Cause: Sendable, Hashable {
    /// They were dropped from the front of the topic.
    case trimmed
    /// The topic was deleted and made anew since: the cursor belongs to an earlier incarnation.
    case earlierIncarnation
  }
  public let cause: Cause
  public let requested: Cursor
  /// Where reading can continue: the oldest event kept.
  public let earliest: Cursor
  /// How many events are gone; nil when that cannot be known (an earlier incarnation).
  public let lost: UInt64?
  /// The lost events were published no later than this, where the log still knows. Since when,
  /// nobody knows: what would tell it went with them.
  public let until: UnixTime?

  public init(
    cause: Cause, requested: Cursor, earliest: Cursor, lost: UInt64?, until: UnixTime?
  ) {
    self.cause = cause
    self.requested = requested
    self.earliest = earliest
    self.lost = lost
    self.until = until
  }
}
