import Bytes
import Gateway
import Glibc
import JSONText

/// `jodrell audit verify`: walks the chain of an audit log's file.
enum AuditCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let isQuiet = arguments.flag("--quiet")
    let expected = try arguments.text("--head")
    let words = try arguments.rest(2...2, called: "audit verify FILE")
    guard words[0] == "verify" else { throw .usage("audit has one verb: verify") }

    let path = words[1]
    var walk = AuditWalk()
    do throws(FileFault) {
      try walk.read(path)
    } catch {
      throw CommandFault(.failed, error.description)
    }
    if let fault = walk.fault {
      throw CommandFault(.damagedStore, "\(path):\(fault.line): \(fault.text)")
    }
    if let expected, expected != walk.head {
      throw CommandFault(
        .damagedStore, "\(path): the head is \(walk.head), not the one given: its end is missing")
    }
    if !isQuiet {
      let torn = walk.torn > 0 ? " · lines cut short by a crash \(walk.torn)" : ""
      let missing = walk.missing > 0 ? " · entries dropped \(walk.missing)" : ""
      Terminal.output.line(
        "\(path): good · entries \(walk.entries)\(torn)\(missing) · head \(walk.head)")
    }
    return .done
  }
}

/// A walk over the lines of an audit log.
struct AuditWalk {
  struct Fault {
    let line: Int
    let text: String
  }

  private(set) var entries = 0
  private(set) var torn = 0
  /// Entries that were dropped because the log could not keep up, as it says itself.
  private(set) var missing = 0
  private(set) var fault: Fault?
  private(set) var head = AuditChain.start.head
  private var sequence: UInt64 = 0
  private var line = 0
  /// A line that is none: cut short by a crash, if the next one says so.
  private var broken: Int?

  /// Reads a file to its end or to the first fault.
  mutating func read(_ path: String) throws(FileFault) {
    let descriptor = try FileAccess.openToRead(path)
    defer { close(descriptor) }
    var lines = LineSplitter(limit: 64 << 10)
    while fault == nil, let piece = try FileAccess.readPiece(descriptor, path, upTo: 1 << 16) {
      lines.feed(ByteSlice(piece))
      take(&lines)
    }
    guard fault == nil else { return }
    if let rest = lines.finish() { take(rest) }
    if let broken { fault = Fault(line: broken, text: "no line of an audit log") }
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
    if !entry.isWhole {
      fault = Fault(line: number, text: "the line was altered")
    } else if entry.sequence != sequence + 1 || entry.previous != head {
      fault = Fault(
        line: number, text: "the chain is broken: behind \(sequence) comes \(entry.sequence)")
    }
    sequence = entry.sequence
    head = entry.hash
    entries += 1
    missing += entry.missing
  }
}
