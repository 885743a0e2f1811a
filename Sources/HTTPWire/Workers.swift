/// The way off a loop for work that blocks or takes more than a millisecond: a few threads behind a
/// bounded queue. `Network` owns the threads; everybody may hold this.
public struct Workers: Sendable {
  private let submit: @Sendable (@escaping @Sendable () -> Void) -> Bool

  /// - Parameter submit: takes a piece of work and runs it exactly once elsewhere; false when its
  ///   queue is full, the work is dropped then.
  public init(submit: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool) {
    self.submit = submit
  }

  /// Runs everything at once on the caller's thread: for tests and tools.
  public static let inline = Workers { work in
    work()
    return true
  }

  /// Runs `work` on a worker thread and comes back to the caller's loop with its result. Ignores
  /// cancellation: what has been started is finished.
  public func run<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result
  ) async throws(WorkersBusy) -> Result {
    let result: Result? = await withCheckedContinuation { waiting in
      let taken = submit { waiting.resume(returning: work()) }
      if !taken { waiting.resume(returning: nil) }
    }
    guard let result else { throw WorkersBusy() }
    return result
  }
}

/// The workers' queue is full: answer 503 and let the client come again.
public struct WorkersBusy: Error, Equatable, Sendable {
  public init() {}
}
