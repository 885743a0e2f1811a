private import CLinux
import Glibc

/// Carries a closure into a new thread.
final class ThreadStart: Sendable {
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  /// Starts a detached thread that runs the closure and ends.
  ///
  /// - Parameter name: what tools show; its first 15 bytes.
  /// - Returns: false when the system has no more threads.
  func launch(named name: String) -> Bool {
    // SAFETY: the retain made here is the thread's, which takes it over; without a thread it is
    // given back below.
    let box = unsafe Unmanaged.passRetained(self)
    var handle = pthread_t()
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      unsafe box.release()
      return false
    }
    _ = unsafe pthread_setname_np(handle, String(name.prefix(15)))
    _ = pthread_detach(handle)
    return true
  }
}
