import Glibc

/// A thread of the shell's own, for work that only waits: signals, and the log's descriptor.
final class BackgroundThread: Sendable {
  private let handle: pthread_t

  /// Carries the closure into the thread.
  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts the thread; nil when the system has no more of them.
  init?(_ body: @escaping @Sendable () -> Void) {
    // SAFETY: the retain made here is the thread's, which takes it over; without a thread it is
    // given back below.
    let start = unsafe Unmanaged.passRetained(Start(body))
    var handle = pthread_t()
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, start.toOpaque())
    self.handle = handle
    guard code == 0 else {
      unsafe start.release()
      return nil
    }
  }

  /// Waits for the thread's end. Called once; blocks.
  func join() { _ = pthread_join(handle, nil) }
}
