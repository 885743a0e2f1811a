/// The way off a loop for work that blocks or takes more than a millisecond: a few threads behind a
/// bounded queue. `Network` owns the threads; everybody may hold this.
public struct Workers: Sendable {
  /// What becomes of a piece of work that was taken.
  public enum Turn: Sendable {
    /// It is to run now.
    case run
    /// Its turn does not come: it is to answer its caller and do nothing else.
    case refused(WorkersBusy)
  }

  /// A piece of work as the threads see it: called exactly once.
  public typealias Work = @Sendable (Turn) -> Void

  /// Takes a piece of work and calls it exactly once elsewhere; or says why not, the work is
  /// dropped then. Any thread.
  public let submit: @Sendable (@escaping Work) -> WorkersBusy?

  public init(submit: @escaping @Sendable (@escaping Work) -> WorkersBusy?) {
    self.submit = submit
  }

  /// Runs everything at once on the caller's thread: for tests and tools.
  public static let inline = Workers { work in
    work(.run)
    return nil
  }

  /// Runs `work` on a worker thread and comes back to the caller's loop with its result. Ignores
  /// cancellation: what has been started is finished.
  public func run<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result
  ) async throws(WorkersBusy) -> Result {
    let outcome: Swift.Result<Result, WorkersBusy> = await withCheckedContinuation { waiting in
      let busy = submit { turn in
        switch turn {
        case .run: waiting.resume(returning: .success(work()))
        case .refused(let busy): waiting.resume(returning: .failure(busy))
        }
      }
      if let busy { waiting.resume(returning: .failure(busy)) }
    }
    return try outcome.get()
  }
}

/// Why the workers do not do a piece of work: answer 503 and let the client come again.
public enum WorkersBusy: Error, Equatable, Sendable {
  /// Their queue is full.
  case full
  /// The process ends.
  case stopping
}
