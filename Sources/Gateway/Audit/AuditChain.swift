public import Bytes
import Crypto
import JSONText

/// Lines of an audit log, each bound to the one before it: `prev` is the hash of that one, `hash`
/// is the SHA-256 of all that stands before it in its own line. Who alters, drops or inserts a line
/// breaks the chain at that place; who cuts off its end changes the head, which is printed by
/// `jodrell audit verify` for whoever keeps it.
public struct AuditChain: Sendable, Equatable {
  /// The number of the last line; 0 before the first.
  public private(set) var sequence: UInt64
  /// Its hash, in hexadecimal; zeros before the first.
  public private(set) var head: String

  public static let start = AuditChain(
    sequence: 0, head: String(repeating: "0", count: 2 * Digest.byteCount))

  private init(sequence: UInt64, head: String) {
    self.sequence = sequence
    self.head = head
  }

  /// Where a chain ended that was signed.
  public init(endingAt head: SignedHead) {
    self.init(sequence: head.sequence, head: head.hash)
  }

  /// Goes on behind a line that was written before; nil when it is no line of a chain.
  public init?(behind line: ByteSlice) {
    guard let fields = AuditLine(line) else { return nil }
    self.init(sequence: fields.sequence, head: fields.hash)
  }

  /// The next line, with its line feed.
  ///
  /// - Parameter isTorn: the line before it was cut short by the process's end.
  public mutating func append(_ entry: AuditTrail.Entry, isTorn: Bool = false) -> ByteSlice {
    append(entry.members, missing: entry.missing, isTorn: isTorn)
  }

  /// The next line, which says what has been signed of those before it.
  public mutating func append(
    _ head: SignedHead, isTorn: Bool = false
  ) -> ByteSlice {
    var json = JSONWriter()
    json.key("time")
    json.string(head.time)
    json.key("signed")
    head.write(to: &json)
    return append(json.slice, missing: 0, isTorn: isTorn)
  }

  /// The first line of a file that follows another one: where the chain of that one ended, under
  /// its last signature if there was one.
  ///
  /// - Parameters:
  ///   - isAtLeast: more of that one may lie behind it: it is known by its signed head alone, which
  ///     a killed process leaves behind its log.
  ///   - isTorn: this file's line before was cut short.
  public mutating func append(
    after previous: AuditChain, isAtLeast: Bool, _ head: SignedHead?, at now: UnixTime,
    isTorn: Bool = false
  ) -> ByteSlice {
    var json = JSONWriter()
    json.key("time")
    json.instant(now)
    json.key("after")
    json.beginObject()
    json.key("seq")
    json.integer(Int(clamping: previous.sequence))
    json.key("hash")
    json.string(previous.head)
    if isAtLeast {
      json.key("atLeast")
      json.bool(true)
    }
    json.endObject()
    if let head {
      json.key("afterSigned")
      head.write(to: &json)
    }
    return append(json.slice, missing: 0, isTorn: isTorn)
  }

  private mutating func append(_ members: ByteSlice, missing: Int, isTorn: Bool) -> ByteSlice {
    sequence += 1
    var line = ByteWriter(capacity: members.count + 256)
    line.append("{\"seq\":")
    line.append(decimal: sequence)
    line.append(",")
    line.append(members)
    if missing > 0 {
      line.append(",\"missing\":")
      line.append(decimal: UInt64(missing))
    }
    if isTorn { line.append(",\"torn\":true") }
    line.append(",\"prev\":\"")
    line.append(text: head)
    line.append("\"")
    head = Digest.sha256(line.slice).hexadecimal
    line.append(",\"hash\":\"")
    line.append(text: head)
    line.append("\"}\n")
    return line.slice
  }
}

/// A line of an audit log as it lies in a file, and whether it keeps its own word.
public struct AuditLine: Sendable {
  public let sequence: UInt64
  public let previous: String
  public let hash: String
  public let isTorn: Bool
  /// Entries dropped before it.
  public let missing: Int
  /// Whether `hash` is that of the line.
  public let isWhole: Bool
  /// What it says was signed: the lines before it.
  public let signed: SignedHead?
  /// Where the file before this one ended, with its last signature; nil in lines that are no first.
  public let after: End?

  /// Where a file ended.
  public struct End: Sendable {
    public let sequence: UInt64
    public let hash: String
    /// Whether entries may lie behind it.
    public let isAtLeast: Bool
    public let signed: SignedHead?
  }

  private static let tail = 2 * Digest.byteCount + ",\"hash\":\"\"}".utf8.count

  /// Reads a line without its line feed; nil for one that is none.
  public init?(_ line: ByteSlice) {
    guard line.count > Self.tail, let root = try? JSONDocument(parsing: line).root,
      root.kind == .object, let number = root["seq"]?.integer, number > 0,
      let previous = root["prev"]?.text, let hash = root["hash"]?.text,
      let missing = root["missing"].map({ $0.integer }) ?? 0, missing >= 0
    else { return nil }
    sequence = UInt64(number)
    self.previous = previous
    self.hash = hash
    self.missing = Int(clamping: missing)
    isTorn = root["torn"]?.bool == true
    signed = root["signed"].flatMap { SignedHead($0) }
    if let end = root["after"], let number = end["seq"]?.integer, number >= 0,
      let hash = end["hash"]?.text
    {
      after = End(
        sequence: UInt64(number), hash: hash, isAtLeast: end["atLeast"]?.bool == true,
        signed: root["afterSigned"].flatMap { SignedHead($0) })
    } else {
      after = nil
    }
    isWhole = Digest.sha256(line.prefix(line.count - Self.tail)).hexadecimal == hash
  }
}
