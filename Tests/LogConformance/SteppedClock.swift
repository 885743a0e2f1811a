package import Bytes
import Synchronization

/// Time that stands still until a test moves it.
package final class SteppedClock: Sendable {
  private struct Instants {
    var wall: UnixTime
    var monotonic: MonotonicTime
  }
  private let instants: Mutex<Instants>

  package init(wall: UnixTime = UnixTime(seconds: 1_777_863_721)) {
    instants = Mutex(Instants(wall: wall, monotonic: MonotonicTime(nanoseconds: 1_000_000)))
  }

  package var clocks: Clocks {
    Clocks(wall: { self.wall }, monotonic: { self.monotonic })
  }

  package var wall: UnixTime { instants.withLock { $0.wall } }
  package var monotonic: MonotonicTime { instants.withLock { $0.monotonic } }

  /// Moves both clocks.
  package func step(_ span: TimeSpan) {
    instants.withLock { instants in
      instants.wall = instants.wall + span
      instants.monotonic = instants.monotonic + span
    }
  }

  /// Moves the wall clock alone, as an administrator might.
  package func set(wall: UnixTime) { instants.withLock { $0.wall = wall } }
}
