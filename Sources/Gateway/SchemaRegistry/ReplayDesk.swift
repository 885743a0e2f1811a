import Bytes
import Synchronization

/// Who may run a long check on the workers now, of stored events or of what a new compatibility
/// level concerns: one per tenant and per topic, few at once, and after each a pause as long as it
/// took, so that checks of one tenant take at most half of a worker. Shared by the loops; its lock
/// is a leaf.
public final class ReplayDesk: Sendable {
  private struct State {
    /// What is checked now, by the tenant that asked for it.
    var running: [ByteSlice: ByteSlice] = [:]
    /// When the next check of a topic, or of a tenant, may begin: no tenant is named like a topic.
    var notBefore: [ByteSlice: MonotonicTime] = [:]
  }

  private let state = Mutex(State())
  private let atOnce: Int
  private let pause: TimeSpan

  /// For replay checks.
  public convenience init() { self.init(atOnce: ReplayLimits.atOnce, pause: ReplayLimits.pause) }

  /// - Parameter pause: at least so long after each; what took less than a tenth of a second needs
  ///   none beyond that. Zero: there are no pauses, however long it took.
  init(atOnce: Int, pause: TimeSpan) {
    self.atOnce = atOnce
    self.pause = pause
  }

  /// Takes a place for a check of `topic`, which `leave` gives back.
  ///
  /// - Parameter tenant: of the caller. Kept in storage of its own.
  /// - Returns: nil with a place, else when to come again.
  func enter(_ topic: ByteSlice, of tenant: ByteSlice, at now: MonotonicTime) -> TimeSpan? {
    state.withLock { state in
      if state.running[tenant] != nil || state.running.values.contains(topic) {
        return ReplayLimits.pause
      }
      let due = [topic, tenant].compactMap { state.notBefore[$0] }.max()
      if let due, due > now { return due - now }
      guard state.running.count < atOnce else { return ReplayLimits.pause }
      state.running[ByteSlice(copying: tenant.span)] = topic
      return nil
    }
  }

  /// The check of `topic` that began at `start` is over.
  func leave(
    _ topic: ByteSlice, of tenant: ByteSlice, from start: MonotonicTime, at now: MonotonicTime
  ) {
    state.withLock { state in
      state.running[tenant] = nil
      if state.notBefore.count >= ReplayLimits.pauses {
        state.notBefore = state.notBefore.filter { $0.value > now }
      }
      // Pauses beyond that many would take more than a day of checks; the topic is let off.
      guard pause > .zero, state.notBefore.count < ReplayLimits.pauses else { return }
      let took = now - start
      let due = now + (took < .milliseconds(100) ? pause : max(took, pause))
      state.notBefore[topic] = due
      state.notBefore[ByteSlice(copying: tenant.span)] = due
    }
  }
}
