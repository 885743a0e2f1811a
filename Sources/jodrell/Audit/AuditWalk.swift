import Bytes
import Crypto
import Gateway
import Glibc
import JSONText

/// A walk over the lines of an audit log's file.
struct AuditWalk {
  struct Fault {
    let line: Int
    let text: String
  }

  /// An entry that must be there.
  struct End {
    let sequence: UInt64
    let hash: String
    /// Whether nothing may follow it.
    let isLast: Bool
    /// When that was signed, in words for a fault.
    let time: String?

    init(_ end: AuditLine.End) {
      sequence = end.sequence
      hash = end.hash
      isLast = !end.isAtLeast
      time = end.signed?.time
    }

    init(_ head: SignedHead) {
      sequence = head.sequence
      hash = head.hash
      isLast = false
      time = head.time
    }
  }

  private(set) var entries = 0
  private(set) var torn = 0
  /// Entries that were dropped because the log could not keep up, as it says itself.
  private(set) var missing = 0
  private(set) var signatures = 0
  /// Whether the walk has come by the entry that must be there.
  private(set) var hasMetEnd = false
  /// What the first line says of the file before it.
  private(set) var after: AuditLine.End?
  private(set) var fault: Fault?
  private(set) var head = AuditChain.start.head
  private let key: PublicKey?
  private var end: End?
  private var sequence: UInt64 = 0
  private var line = 0
  /// A line that is none: cut short by a crash, if the next one says so.
  private var broken: Int?

  /// - Parameter key: what signatures are held against; nil to leave them unread.
  init(key: PublicKey? = nil) { self.key = key }

  /// The walk must come by this entry.
  mutating func expect(_ end: End) { self.end = end }

  /// What was found, for people.
  ///
  /// - Parameters:
  ///   - isSigned: signatures were held against a key.
  ///   - isFollowing: the file before this one was walked, too.
  func summary(isSigned: Bool, isFollowing: Bool) -> String {
    var text = "entries \(entries)"
    if isSigned {
      text += " · signatures \(signatures)"
      if let end, !end.isLast, let time = end.time {
        text += " · head signed \(time)"
      }
    }
    if let end, hasMetEnd, sequence > end.sequence {
      text += " · entries behind it \(sequence - end.sequence)"
    }
    if let after, !isFollowing { text += " · follows entry \(after.sequence), not given" }
    if torn > 0 { text += " · lines cut short by a crash \(torn)" }
    if missing > 0 { text += " · entries dropped \(missing)" }
    return text + " · head \(head)"
  }

  /// Reads a file to its end or to the first fault.
  mutating func read(_ path: String) throws(FileFault) {
    let descriptor = try FileAccess.openToRead(path)
    defer { close(descriptor) }
    var lines = LineSplitter(limit: AuditFile.longestLine)
    while fault == nil, let piece = try FileAccess.readPiece(descriptor, path, upTo: 1 << 16) {
      lines.feed(ByteSlice(piece))
      take(&lines)
    }
    guard fault == nil else { return }
    if let rest = lines.finish() { take(rest) }
    if fault == nil, let broken { fault = Fault(line: broken, text: "no line of an audit log") }
    if fault == nil, let end, sequence < end.sequence {
      let when = end.time.map { " at \($0)" } ?? ""
      fault = Fault(
        line: line + 1,
        text: "the end is missing: entry \(end.sequence) was there\(when), the last one here is "
          + "\(sequence)")
    }
  }

  private mutating func take(_ lines: inout LineSplitter) {
    while fault == nil {
      let step = lines.next()
      if case .needsMore = step { return }
      take(step)
    }
  }

  private mutating func take(_ step: LineSplitter.Step) {
    switch step {
    case .needsMore: return
    case .tooLong(let number): fault = Fault(line: number, text: "the line is too long")
    case .line(let text, let number): take(text, number)
    }
  }

  private mutating func take(_ text: ByteSlice, _ number: Int) {
    line = number
    guard let entry = AuditLine(text) else {
      guard broken == nil else {
        fault = Fault(line: number, text: "no line of an audit log")
        return
      }
      broken = number
      return
    }
    if let broken {
      guard entry.isTorn else {
        fault = Fault(line: broken, text: "no line of an audit log")
        return
      }
      torn += 1
      self.broken = nil
    }
    if let text = breach(of: entry) {
      fault = Fault(line: number, text: text)
      return
    }
    sequence = entry.sequence
    head = entry.hash
    entries += 1
    if entries == 1 { after = entry.after }
    if let end, entry.sequence == end.sequence { hasMetEnd = true }
    let (sum, isTooMuch) = missing.addingReportingOverflow(entry.missing)
    missing = isTooMuch ? .max : sum
  }

  /// What is wrong with a line behind those before it; nil when nothing is.
  private mutating func breach(of entry: AuditLine) -> String? {
    guard entry.isWhole else { return "the line was altered" }
    guard entry.sequence == sequence + 1, entry.previous == head else {
      return "the chain is broken: behind \(sequence) comes \(entry.sequence)"
    }
    if let signed = entry.signed, let key {
      guard signed.sequence == sequence, signed.hash == head else {
        return "signs other lines than those before it"
      }
      guard signed.isSigned(by: key) else { return "the signature is not this key's" }
      signatures += 1
    }
    guard let end else { return nil }
    if entry.sequence == end.sequence, entry.hash != end.hash {
      let when = end.time.map { " at \($0)" } ?? ""
      return "not the entry \(end.sequence) that was signed\(when)"
    }
    if end.isLast, entry.sequence > end.sequence {
      return "the file that follows says that this one ended with entry \(end.sequence)"
    }
    return nil
  }
}
