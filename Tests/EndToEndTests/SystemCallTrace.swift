/// What `strace -f -y` wrote: the order in which requests came in, files were synced and answers
/// left.
///
/// strace writes a call when it returns; one that others overtake stands twice, as `<unfinished
/// ...>` and as `resumed`. So a line's number tells the order, which is all that is needed.
struct SystemCallTrace {
  /// Answers that left although no sync of the log had both begun after their request and ended.
  private(set) var premature: [String] = []
  /// Answers of 2xx to a POST seen.
  private(set) var answers = 0
  private(set) var syncs = 0

  private struct Sync { let began: Int, ended: Int }
  private var finished: [Sync] = []
  private var running: [Substring: Int] = [:]
  /// Descriptor → line of its last request with a body.
  private var asked: [Substring: Int] = [:]
  /// Thread → descriptor of a receive that has not returned.
  private var receiving: [Substring: Substring] = [:]

  init(_ text: String) {
    for (number, line) in text.split(separator: "\n").enumerated() { read(line, number) }
  }

  private mutating func read(_ line: Substring, _ number: Int) {
    guard let parts = line.firstMatch(of: #/^(\d+) +(.*)$/#) else { return }
    let (thread, call) = (parts.1, parts.2)
    if call.hasPrefix("fdatasync(") {
      guard call.contains(".log>") else { return }
      if call.contains("<unfinished") {
        running[thread] = number
      } else if call.hasSuffix("= 0") {
        note(Sync(began: number, ended: number))
      }
    } else if call.contains("fdatasync resumed>") {
      guard let began = running.removeValue(forKey: thread), call.hasSuffix("= 0") else { return }
      note(Sync(began: began, ended: number))
    } else if call.hasPrefix("recvfrom("), let descriptor = Self.descriptor(call) {
      if call.contains("<unfinished") {
        receiving[thread] = descriptor
      } else if call.contains("\"POST ") {
        asked[descriptor] = number
      }
    } else if call.contains("recvfrom resumed>"),
      let descriptor = receiving.removeValue(forKey: thread)
    {
      if call.contains("\"POST ") { asked[descriptor] = number }
    } else if call.hasPrefix("sendto("), call.contains("\"HTTP/1.1 2"),
      let descriptor = Self.descriptor(call), let request = asked[descriptor]
    {
      answers += 1
      // A call that stands on one line was not overtaken: its line is the moment it began, too.
      if !finished.contains(where: { $0.began > request && $0.ended < number }) {
        premature.append(String(line))
      }
      asked[descriptor] = nil
    }
  }

  private mutating func note(_ sync: Sync) {
    finished.append(sync)
    syncs += 1
  }

  private static func descriptor(_ call: Substring) -> Substring? {
    call.firstMatch(of: #/^\w+\((\d+)/#)?.1
  }
}
