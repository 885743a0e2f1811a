import Bytes
import Glibc
import Network

/// Runs a shell command for what it prints.
enum SecretCommand {
  /// A command that takes longer is ended: whoever waits for its secret has others to serve.
  static let patience = TimeSpan.seconds(30)

  /// What `/bin/sh -c` prints. Blocks for `patience` at most.
  ///
  /// - Parameter limit: more bytes are refused.
  static func output(
    of command: String, limit: Int, within patience: TimeSpan = Self.patience
  ) throws(SecretFault) -> ByteSlice {
    let deadline = Clocks.system.monotonic() + patience
    var ends: [Int32] = [-1, -1]
    // SAFETY: the call fills in a local array of two.
    guard unsafe pipe(&ends) == 0 else { throw .command("cannot be started") }
    let (reading, writing) = (ends[0], ends[1])
    // Another child that is started meanwhile would keep the pipe open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(reading) }
    let started = try? ChildProcess("/bin/sh", ["-c", command], output: .descriptor(writing))
    close(writing)
    guard let child = started else { throw .command("cannot be started") }
    let wait = "\(patience.nanoseconds / 1_000_000_000) s"
    guard let bytes = read(reading, limit: limit, until: deadline) else {
      child.end()
      throw .command("prints more than \(limit) bytes, or takes longer than \(wait)")
    }
    // It may go on with its output closed.
    while Clocks.system.monotonic() < deadline {
      guard let code = child.exitCode else {
        usleep(2_000)
        continue
      }
      guard code == 0 else { throw .command("ended with status \(code)") }
      return ByteSlice(bytes)
    }
    child.end()
    throw .command("takes longer than \(wait)")
  }

  /// What comes until the other end is closed; nil when that takes too long or is too much.
  private static func read(
    _ descriptor: Int32, limit: Int, until deadline: MonotonicTime
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    while true {
      let left = deadline - Clocks.system.monotonic()
      guard left > .zero else { return nil }
      var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let milliseconds = Int32(clamping: left.nanoseconds / 1_000_000 + 1)
      // SAFETY: one entry, a local variable.
      guard unsafe poll(&waited, 1, milliseconds) > 0 else { continue }
      guard let piece = try? FileAccess.readPiece(descriptor, "the command", upTo: 4096) else {
        return bytes
      }
      bytes += piece
      guard bytes.count <= limit else { return nil }
    }
  }
}
