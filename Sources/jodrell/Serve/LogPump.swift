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

    static let more: UInt8 = 1
    static let end: UInt8 = 0
  }

  /// Nil when the system has no descriptors or threads left.
  init?(level: LogLevel = .info) {
    guard let bell = Bell() else { return nil }
    let writer = LogWriter(least: level, now: Clocks.system.wall) { bell.ring(Bell.more) }
    let thread = BackgroundThread {
      while bell.hear() { writer.drain { Terminal.errors.write(bytes: $0) } }
    }
    guard let thread else { return nil }
    self.bell = bell
    self.writer = writer
    self.thread = thread
  }

  /// Writes what is left and ends the thread. Called once, when nobody else logs any more; blocks.
  func finish() {
    bell.ring(Bell.end)
    thread.join()
    writer.drain { Terminal.errors.write(bytes: $0) }
  }
}
