import Glibc
import Synchronization

/// One of the process's output descriptors. What it does not take is noted and ends nothing: a run
/// still has to remove what it has made, and its exit code tells that the report is lost.
final class Output: Sendable {
  static let standard = Output(STDOUT_FILENO)
  static let errors = Output(STDERR_FILENO)

  private let descriptor: Int32
  /// Of the first write that failed.
  private let fault = Mutex<Int32?>(nil)

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Writes everything, or notes why it could not.
  func write(_ text: String) {
    // That nobody reads any more is no failure of whoever writes.
    guard let code = send(Array(text.utf8)), code != EPIPE else { return }
    fault.withLock { if $0 == nil { $0 = code } }
  }

  /// What the process ends with whose run has ended with `code`: a success whose report is lost is
  /// a failure. Says so.
  func ending(_ code: Int32) -> Int32 {
    guard let lost = fault.withLock({ $0 }) else { return code }
    complain("jodrell-bench: the report could not be written: \(Self.words(lost))")
    return code == ExitCode.good ? ExitCode.failed : code
  }

  /// The error's number; nil when all bytes were taken.
  private func send(_ bytes: [UInt8]) -> Int32? {
    // SAFETY: the pointer is used inside the closure only, and never beyond the array's count.
    unsafe bytes.withUnsafeBytes { room -> Int32? in
      var start = 0
      while start < room.count {
        let count = unsafe Glibc.write(
          descriptor, unsafe room.baseAddress?.advanced(by: start), room.count - start)
        if count > 0 {
          start += count
          continue
        }
        let code = count == 0 ? EIO : errno
        if code == EAGAIN {
          awaitRoom()
        } else if code != EINTR {
          return code
        }
      }
      return nil
    }
  }

  /// Waits until a descriptor that somebody else wants not to block takes bytes again.
  private func awaitRoom() {
    var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // SAFETY: one entry, a local variable.
    _ = unsafe poll(&waited, 1, -1)
  }

  /// The system's words. SAFETY: strerror's text is copied before another call could change it;
  /// glibc's is per thread.
  private static func words(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }
}

/// Results go to standard output.
func say(_ text: String) { Output.standard.write(text) }

/// Everything else goes to standard error; what that does not take is lost.
func complain(_ text: String, end: String = "\n") { Output.errors.write(text + end) }
