import Bytes
import Network

/// A line on the terminal that shows how far a command is; nothing where nobody looks. Redrawn at
/// most ten times a second.
struct ProgressBar {
  private let terminal = Terminal.errors
  private let isShown: Bool
  private let total: UInt64?
  private var drawn = MonotonicTime(nanoseconds: 0)

  /// - Parameter total: what counts as all of it; nil when that is not known.
  init(total: UInt64?, isQuiet: Bool) {
    self.total = total
    isShown = !isQuiet && terminal.isInteractive
  }

  mutating func show(_ done: UInt64, _ words: String, isLast: Bool = false) {
    guard isShown else { return }
    let now = Clocks.system.monotonic()
    guard isLast || now - drawn >= .milliseconds(100) else { return }
    drawn = now
    let room = max(10, min(40, terminal.columns - words.count - 10))
    terminal.write("\r\(bar(done, room))\(words)\u{1B}[K")
  }

  /// Leaves the line to what is written next.
  func clear() {
    if isShown { terminal.write("\r\u{1B}[K") }
  }

  private func bar(_ done: UInt64, _ room: Int) -> String {
    guard let total, total > 0 else { return "" }
    let share = min(Double(done) / Double(total), 1)
    let full = Int(share * Double(room))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: room - full)
    return "\(bar) \("\(Int(share * 100))".leftPadded(3)) %  "
  }
}
