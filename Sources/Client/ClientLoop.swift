package import Bytes
package import Network

/// An event loop for a process that asks instead of answers. Connections belong to the loop they
/// were opened on; code that uses them is isolated to it.
package typealias ClientLoop = Loop

extension Loop {
  /// Makes a loop and starts its thread.
  ///
  /// - Parameter grain: how late timers may be.
  package static func open(
    number: Int = 0, grain: TimeSpan = .milliseconds(1)
  ) throws(ClientFault) -> ClientLoop {
    do throws(NetworkFailure) {
      return try Loop(number: number, grain: grain)
    } catch {
      throw .unreachable("no event loop: \(error)")
    }
  }

  /// Ends the loop's thread; its connections must be closed.
  package nonisolated func retire() async { await stop() }

  /// The clock of this loop's deadlines.
  var now: MonotonicTime { clock.clocks.monotonic() }

  /// Runs `body` on the loop once `instant` has come.
  package func call(
    at instant: MonotonicTime, _ body: @escaping @Sendable (isolated ClientLoop) -> Void
  ) {
    // SAFETY: a loop fires its timers on its own thread; `assumeIsolated` looks.
    let fire: @Sendable () -> Void = { [weak self] in self?.assumeIsolated { body($0) } }
    _ = clock.schedule(at: instant, fire)
  }

  /// Runs a task's work on the loop, and nowhere else while it waits.
  package nonisolated func host<Outcome: Sendable, Failure: Error>(
    _ body: @Sendable (isolated ClientLoop) async throws(Failure) -> Outcome
  ) async throws(Failure) -> Outcome {
    try await run(body)
  }

  /// Runs `body` on a loop made for it.
  package static func once<Outcome: Sendable, Failure: Error>(
    _ body: @Sendable (isolated ClientLoop) async throws(Failure) -> Outcome
  ) async throws(Failure) -> Result<Outcome, ClientFault> {
    let loop: ClientLoop
    do throws(ClientFault) {
      loop = try open()
    } catch {
      return .failure(error)
    }
    do throws(Failure) {
      let outcome = try await loop.run(body)
      await loop.retire()
      return .success(outcome)
    } catch {
      await loop.retire()
      throw error
    }
  }
}
