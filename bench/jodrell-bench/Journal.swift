import Bytes
import Foundation
import Synchronization

/// What became of one event that a verify run sent, as far as its sender knows.
struct JournalEntry: Sendable, Equatable {
  enum Fate: Sendable, Equatable {
    /// The server said it is stored, under this id.
    case acknowledged(MessagePosition)
    /// No answer came, or one that leaves it open: stored or not, but at most once.
    case unknown
    /// The server said it is not stored.
    case refused(status: Int)
  }

  let sender: Int
  let sequence: Int
  let hash: UInt64
  let fate: Fate
}

/// A message id, `ledger:entry`.
struct MessagePosition: Sendable, Hashable, Comparable {
  let ledger: UInt64
  let entry: UInt64

  init(ledger: UInt64, entry: UInt64) {
    self.ledger = ledger
    self.entry = entry
  }

  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let ledger = UInt64(parts[0]), let entry = UInt64(parts[1]) else {
      return nil
    }
    self.init(ledger: ledger, entry: entry)
  }

  var text: String { "\(ledger):\(entry)" }

  static func < (left: MessagePosition, right: MessagePosition) -> Bool {
    (left.ledger, left.entry) < (right.ledger, right.entry)
  }
}

/// The FNV-1a hash of a payload in 64 bits: catches damage, not forgery.
func contentHash(_ bytes: ByteSlice) -> UInt64 {
  let span = bytes.span
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for index in span.indices {
    hash = (hash ^ UInt64(span[index])) &* 0x0000_0100_0000_01B3
  }
  return hash
}

/// A verify run's memory, outside the server: one line per event, handed to the system after its
/// answer and before the sender goes on, so that a run that is killed leaves what it knew. It is on
/// disk when it is closed. Any loop writes.
///
/// ```
/// jodrell-verify 1 5f3a09c1e2d47b86 acme/default/orders
/// a 3 17 1:42 cbf29ce484222325
/// u 3 18 - 84222325cbf29ce4
/// r 3 19 422 e484222325cbf29c
/// ```
final class Journal: Sendable {
  private struct State {
    /// Lines on their way to the file; kept for its memory.
    var lines = ByteWriter(capacity: 4 * 1024)
    var failed = false
    var totals = Totals()
  }

  /// How many events had which fate.
  struct Totals: Sendable, Equatable {
    private(set) var acknowledged = 0
    private(set) var refused = 0
    private(set) var unknown = 0

    fileprivate mutating func count(_ fate: JournalEntry.Fate) {
      switch fate {
      case .acknowledged: acknowledged += 1
      case .refused: refused += 1
      case .unknown: unknown += 1
      }
    }

    /// One JSON object.
    var json: String {
      JSONLine.object([
        ("acknowledged", "\(acknowledged)"), ("refused", "\(refused)"),
        ("unknown", "\(unknown)"), ("journaled", "\(acknowledged + refused + unknown)"),
      ])
    }
  }

  let run: UInt64
  private let file: FileHandle
  private let state = Mutex(State())

  /// Creates or replaces the file at `path`, and writes its first line.
  init?(creating path: String, run: UInt64, topic: String) {
    var header = ByteWriter()
    header.append("jodrell-verify 1 ")
    header.append(hexadecimal: run)
    header.append(text: " \(topic)\n")
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path),
      (try? file.write(contentsOf: Data(header.bytes))) != nil
    else { return nil }
    self.file = file
    self.run = run
  }

  /// Writes the lines of one request's events.
  func write(_ entries: [JournalEntry]) {
    state.withLock { state in
      for entry in entries {
        Self.append(entry, to: &state.lines)
        state.totals.count(entry.fate)
      }
      do {
        try file.write(contentsOf: Data(state.lines.bytes))
      } catch {
        state.failed = true
      }
      state.lines.removeAll()
    }
  }

  /// What the entries so far say.
  var totals: Totals { state.withLock { $0.totals } }

  /// Puts everything on disk; false when a write has failed at any time.
  func close() -> Bool {
    state.withLock { state in
      if (try? file.synchronize()) == nil || (try? file.close()) == nil { state.failed = true }
      return !state.failed
    }
  }

  private static func append(_ entry: JournalEntry, to text: inout ByteWriter) {
    switch entry.fate {
    case .acknowledged: text.append("a ")
    case .unknown: text.append("u ")
    case .refused: text.append("r ")
    }
    text.append(decimal: entry.sender)
    text.append(" ")
    text.append(decimal: entry.sequence)
    text.append(" ")
    switch entry.fate {
    case .acknowledged(let position):
      text.append(decimal: position.ledger)
      text.append(":")
      text.append(decimal: position.entry)
    case .unknown: text.append("-")
    case .refused(let status): text.append(decimal: status)
    }
    text.append(" ")
    text.append(hexadecimal: entry.hash)
    text.append("\n")
  }
}

/// A journal read back. A last line that was cut is left out: its event counts as unjournaled.
struct JournalFile {
  let run: UInt64
  let topic: String
  let entries: [JournalEntry]

  init?(_ text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 2 else { return nil }
    lines.removeLast()
    let header = lines[0].split(separator: " ")
    guard header.count == 4, header[0] == "jodrell-verify", header[1] == "1",
      let run = UInt64(header[2], radix: 16)
    else { return nil }
    var entries: [JournalEntry] = []
    entries.reserveCapacity(lines.count)
    for line in lines.dropFirst() {
      let words = line.split(separator: " ")
      guard words.count == 5, let sender = Int(words[1]), let sequence = Int(words[2]),
        let hash = UInt64(words[4], radix: 16)
      else { return nil }
      let fate: JournalEntry.Fate
      switch words[0] {
      case "a":
        guard let position = MessagePosition(words[3]) else { return nil }
        fate = .acknowledged(position)
      case "u": fate = .unknown
      case "r":
        guard let status = Int(words[3]) else { return nil }
        fate = .refused(status: status)
      default: return nil
      }
      entries.append(JournalEntry(sender: sender, sequence: sequence, hash: hash, fate: fate))
    }
    self.run = run
    topic = String(header[3])
    self.entries = entries
  }
}
