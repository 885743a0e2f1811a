import Bytes
import Glibc
import Metrics
import Network

/// The log's own thread: takes lines from the bounded queue and writes them to stderr, so that
/// nobody who logs waits for a terminal, a pipe or a disk.
final class LogPump: Sendable {
  let writer: LogWriter
  private let thread: BackgroundThread
  private let bell: Bell
  /// Rung by the thread when it ends.
  private let ended: Bell

  /// A pipe that carries one byte per ring. Rings while the pipe is full are not needed: the thread
  /// has something to read already.
  private struct Bell: Sendable {
    let hearing: Int32
    let ringing: Int32

    init?() {
      // SAFETY: the pointer is to two descriptors, as pipe(2) wants, and lives for the call.
      var ends: [Int32] = [-1, -1]
      guard unsafe pipe(&ends) == 0 else { return nil }
      hearing = ends[0]
      ringing = ends[1]
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      _ = fcntl(ringing, F_SETFL, O_NONBLOCK)
    }

    func ring(_ byte: UInt8) {
      var byte = byte
      _ = unsafe write(ringing, &byte, 1)
    }

    /// Blocks; false when the last ring was the one for the end.
    func hear() -> Bool {
      var byte: UInt8 = 0
      while unsafe read(hearing, &byte, 1) < 0, errno == EINTR {}
      return byte == Self.more
    }

    /// Whether there is a ring to hear, now or in time.
    func rings(within most: TimeSpan) -> Bool {
      var waited = pollfd(fd: hearing, events: Int16(POLLIN), revents: 0)
      let milliseconds = Int32(clamping: most.nanoseconds / 1_000_000)
      while true {
        // SAFETY: one entry, a local variable.
        let count = unsafe poll(&waited, 1, milliseconds)
        guard count < 0, errno == EINTR else { return count > 0 }
      }
    }

    static let more: UInt8 = 1
    static let end: UInt8 = 0
  }

  /// Nil when the system has no descriptors or threads left.
  init?(level: LogLevel = .info, to terminal: Terminal = .errors) {
    guard let bell = Bell(), let ended = Bell() else { return nil }
    let writer = LogWriter(least: level, now: Clocks.system.wall) { bell.ring(Bell.more) }
    let drain: @Sendable () -> Void = {
      writer.drain { bytes in terminal.write(bytes: bytes)?.taken ?? bytes.count }
    }
    let thread = BackgroundThread {
      while bell.hear() { drain() }
      drain()
      ended.ring(Bell.end)
    }
    guard let thread else { return nil }
    self.bell = bell
    self.ended = ended
    self.writer = writer
    self.thread = thread
  }

  /// Has what is left written and the thread ended. Called once, when nobody else logs any more.
  ///
  /// - Parameter most: how long it blocks at most. Where nobody reads the log by then, the process
  ///   ends without its last lines: a pipe that is stuck must not keep it.
  /// - Returns: whether the thread has ended. Where it has not, whatever else is written there
  ///   would wait as it does.
  @discardableResult
  func finish(within most: TimeSpan = .seconds(2)) -> Bool {
    bell.ring(Bell.end)
    guard ended.rings(within: most) else { return false }
    thread.join()
    return true
  }
}
