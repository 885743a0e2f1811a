import Bytes

/// Compares a log, read from its front, with a journal. Pure: events in, findings out.
///
/// An event of the run carries `run.sender.sequence` as its CloudEvents id. Events of others are
/// counted and otherwise ignored.
struct LogAudit {
  /// What is wrong with a log; the first five are the faults a run must not find.
  enum Finding: String, CaseIterable, Sendable {
    /// Acknowledged, but not in the log.
    case missing
    /// The same event stands in the log twice.
    case duplicated
    /// Stands before an event that its sender sent earlier, or ids do not rise.
    case reordered
    /// The payload is not what was sent.
    case altered
    /// Stands under another id than the one acknowledged, or was refused and stored all the same.
    case contradicted
  }

  struct Key: Hashable, Sendable {
    let sender: Int
    let sequence: Int
  }

  private struct Expectation {
    let entry: JournalEntry
    var seen = false
  }

  private let run: UInt64
  private var expected: [Key: Expectation] = [:]
  /// Events of the run that are not in the journal: its writer died with them unanswered.
  private var unjournaled: [Key: UInt64] = [:]
  private var lastOfSender: [Int: Int] = [:]
  private var lastPosition: MessagePosition?
  private(set) var counts: [Finding: Int] = [:]
  /// The first few findings in words.
  private(set) var examples: [String] = []
  private(set) var eventsRead = 0
  private(set) var foreignEvents = 0
  private(set) var unknownStored = 0

  init(_ journal: JournalFile) {
    run = journal.run
    expected.reserveCapacity(journal.entries.count)
    for entry in journal.entries {
      expected[Key(sender: entry.sender, sequence: entry.sequence)] = Expectation(entry: entry)
    }
  }

  var faults: Int { counts.values.reduce(0, +) }

  /// Takes the next event of the log.
  mutating func read(id: String, at position: MessagePosition, payload: ByteSlice) {
    eventsRead += 1
    if let last = lastPosition, position <= last {
      note(.reordered, "\(position.text) follows \(last.text)")
    }
    lastPosition = position
    guard let key = Self.key(id, of: run) else {
      foreignEvents += 1
      return
    }
    let name = "event \(key.sender).\(key.sequence) at \(position.text)"
    let hash = contentHash(payload)
    guard let expectation = expected[key] else {
      if unjournaled.updateValue(hash, forKey: key) != nil { note(.duplicated, name) }
      return
    }
    if expectation.seen { note(.duplicated, name) }
    expected[key]?.seen = true
    if let last = lastOfSender[key.sender], key.sequence < last {
      note(.reordered, "\(name) follows \(key.sender).\(last)")
    }
    lastOfSender[key.sender] = max(lastOfSender[key.sender] ?? 0, key.sequence)
    if hash != expectation.entry.hash { note(.altered, name) }
    switch expectation.entry.fate {
    case .acknowledged(let promised):
      if promised != position { note(.contradicted, "\(name) was promised \(promised.text)") }
    case .unknown: unknownStored += expectation.seen ? 0 : 1
    case .refused(let status): note(.contradicted, "\(name) was refused with \(status)")
    }
  }

  /// The log's end: what was acknowledged and has not come is missing.
  mutating func finish() {
    let absent = expected.values.filter { expectation in
      if case .acknowledged = expectation.entry.fate { return !expectation.seen }
      return false
    }
    for expectation in absent.sorted(by: {
      ($0.entry.sender, $0.entry.sequence) < ($1.entry.sender, $1.entry.sequence)
    }) {
      guard case .acknowledged(let position) = expectation.entry.fate else { continue }
      let entry = expectation.entry
      note(.missing, "event \(entry.sender).\(entry.sequence), acknowledged as \(position.text)")
    }
  }

  private mutating func note(_ finding: Finding, _ text: String) {
    counts[finding, default: 0] += 1
    if examples.count < 20 { examples.append("\(finding.rawValue): \(text)") }
  }

  /// The CloudEvents id of an event of a run.
  static func eventID(run: UInt64, _ key: Key) -> String {
    let digits = String(run, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
      + ".\(key.sender).\(key.sequence)"
  }

  static func key(_ id: String, of run: UInt64) -> Key? {
    let parts = id.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count == 16, UInt64(parts[0], radix: 16) == run,
      let sender = Int(parts[1]), let sequence = Int(parts[2])
    else { return nil }
    return Key(sender: sender, sequence: sequence)
  }
}
