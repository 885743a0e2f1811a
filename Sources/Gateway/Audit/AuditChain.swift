public import Bytes
import Crypto
import JSONText

/// Lines of an audit log, each bound to the one before it: `prev` is the hash of that one, `hash`
/// is the SHA-256 of all that stands before it in its own line. Who alters, drops or inserts a line
/// breaks the chain at that place; who cuts off its end changes the head, which is printed by
/// `jodrell audit verify` for whoever keeps it.
public struct AuditChain: Sendable {
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

  /// Goes on behind a line that was written before; nil when it is no line of a chain.
  public init?(behind line: ByteSlice) {
    guard let fields = AuditLine(line) else { return nil }
    self.init(sequence: fields.sequence, head: fields.hash)
  }

  /// The next line, with its line feed.
  ///
  /// - Parameter isTorn: the line before it was cut short by the process's end.
  public mutating func append(_ entry: AuditTrail.Entry, isTorn: Bool = false) -> ByteSlice {
    sequence += 1
    var line = ByteWriter(capacity: entry.members.count + 256)
    line.append("{\"seq\":")
    line.append(decimal: sequence)
    line.append(",")
    line.append(entry.members)
    if entry.missing > 0 {
      line.append(",\"missing\":")
      line.append(decimal: UInt64(entry.missing))
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

  private static let tail = 2 * Digest.byteCount + ",\"hash\":\"\"}".utf8.count

  /// Reads a line without its line feed; nil for one that is none.
  public init?(_ line: ByteSlice) {
    guard line.count > Self.tail, let root = try? JSONDocument(parsing: line).root,
      root.kind == .object, let number = root["seq"]?.integer, number > 0,
      let previous = root["prev"]?.text, let hash = root["hash"]?.text
    else { return nil }
    sequence = UInt64(number)
    self.previous = previous
    self.hash = hash
    missing = Int(clamping: root["missing"]?.integer ?? 0)
    isTorn = root["torn"]?.bool == true
    isWhole = Digest.sha256(line.prefix(line.count - Self.tail)).hexadecimal == hash
  }
}
