public import Bytes

/// The name of one event in its topic: `ledger:entry`, in Pulsar's words and meaning.
///
/// The ledger is the topic's incarnation (a topic deleted and made anew has a higher one), the
/// entry its sequence number there: dense, from 0, never given out twice. Made by the log only;
/// without a topic's address it opens nothing.
public struct MessageID: Sendable, Hashable, Comparable {
  public let ledger: UInt64
  public let entry: UInt64

  public init(ledger: UInt64, entry: UInt64) {
    self.ledger = ledger
    self.entry = entry
  }

  /// Reads `"1:42"`: two decimal numbers without sign or leading zeros; nil for anything else.
  public init?(parsing text: ByteSlice) {
    guard let (ledger, rest) = DecimalText.number(text, before: ASCII.colon),
      let entry = DecimalText.number(rest)
    else { return nil }
    self.init(ledger: ledger, entry: entry)
  }

  public static func < (left: MessageID, right: MessageID) -> Bool {
    (left.ledger, left.entry) < (right.ledger, right.entry)
  }

  /// Appends `ledger:entry`; at most 41 bytes.
  public func append(to writer: inout ByteWriter) {
    writer.append(decimal: ledger)
    writer.append(ASCII.colon)
    writer.append(decimal: entry)
  }

  public var text: String { "\(ledger):\(entry)" }
}

/// A place between two events of a topic: what `next` and `id:` carry, what reading starts from.
///
/// Held as the entry that is read next. As text it names the event before it, which is why a
/// message id is accepted wherever a cursor is; the place before the first event is written
/// `ledger:-1`.
public struct Cursor: Sendable, Hashable, Comparable {
  public let ledger: UInt64
  /// The entry to be read next.
  public let next: UInt64

  public init(ledger: UInt64, next: UInt64) {
    self.ledger = ledger
    self.next = next
  }

  /// The place right behind an event.
  public init(after id: MessageID) { self.init(ledger: id.ledger, next: id.entry &+ 1) }

  /// The place right before an event.
  public init(before id: MessageID) { self.init(ledger: id.ledger, next: id.entry) }

  /// Reads what `append(to:)` writes; nil for anything else.
  public init?(parsing text: ByteSlice) {
    guard let (ledger, rest) = DecimalText.number(text, before: ASCII.colon) else { return nil }
    if rest.equals("-1") {
      self.init(ledger: ledger, next: 0)
    } else if let entry = DecimalText.number(rest), entry < .max {
      self.init(ledger: ledger, next: entry + 1)
    } else {
      return nil
    }
  }

  public static func < (left: Cursor, right: Cursor) -> Bool {
    (left.ledger, left.next) < (right.ledger, right.next)
  }

  /// Appends the cursor's text; at most 41 bytes, digits, colon and minus only.
  public func append(to writer: inout ByteWriter) {
    writer.append(decimal: ledger)
    writer.append(ASCII.colon)
    if next == 0 {
      writer.append("-1")
    } else {
      writer.append(decimal: next - 1)
    }
  }

  public var text: String { "\(ledger):" + (next == 0 ? "-1" : "\(next - 1)") }
}

/// Where a reader or a new subscription starts.
public enum StartPosition: Sendable, Hashable {
  /// The oldest event that is still kept.
  case earliest
  /// Behind the newest event: only what comes from now on.
  case latest
  /// Behind the event that a cursor or message id names.
  case after(Cursor)
  /// The first event published at this instant or later.
  case from(UnixTime)

  /// Reads `earliest`, `latest`, a cursor, a message id or an RFC 3339 instant; nil for anything
  /// else.
  public init?(parsing text: ByteSlice) {
    if text.equals("earliest") {
      self = .earliest
    } else if text.equals("latest") {
      self = .latest
    } else if let cursor = Cursor(parsing: text) {
      self = .after(cursor)
    } else if let instant = UnixTime(rfc3339: text) {
      self = .from(instant)
    } else {
      return nil
    }
  }
}

/// Decimal numbers as message ids carry them: digits only, no leading zero, within 64 bits.
enum DecimalText {
  /// The whole text as a number.
  static func number(_ text: ByteSlice) -> UInt64? {
    guard !text.isEmpty, text.count <= 20, text.count == 1 || text[0] != ASCII.zero else {
      return nil
    }
    var value: UInt64 = 0
    for index in 0..<text.count {
      guard ASCII.isDigit(text[index]) else { return nil }
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(text[index] - ASCII.zero))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// The number before the first `mark`, and what follows the mark.
  static func number(_ text: ByteSlice, before mark: UInt8) -> (UInt64, ByteSlice)? {
    for index in 0..<min(text.count, 21) where text[index] == mark {
      guard let value = number(text.prefix(index)) else { return nil }
      return (value, text.dropFirst(index + 1))
    }
    return nil
  }
}
