import Bytes
import Synchronization

/// How full the volume is, and the ballast: a file that holds space while there is enough and is
/// given up at the low mark, so that what must still be written (acknowledgements, deletions,
/// RocksDB's flushes) finds room when others have taken all the rest.
///
/// Owned by the opening thread, then by the committer thread.
struct SpaceWatch: Sendable {
  private let directory: String
  private let ballast: String
  private let full: String
  private let limits: StoreLimits

  init(_ paths: StorePaths, _ limits: StoreLimits) {
    directory = paths.root
    ballast = paths.ballast
    full = paths.full
    self.limits = limits
  }

  /// Whether appends were stopped when the store was left, or were by a look since.
  var wereAppendsStopped: Bool { Files.exists(full) }

  /// Looks at the volume. Gives the ballast up or takes it back, as the answer demands.
  ///
  /// - Parameter isFull: the answer of the last look.
  /// - Returns: whether appends must stop; nil where the volume does not say, which the next write
  ///   will.
  func look(wasFull isFull: Bool) -> Bool? {
    guard let space = try? Files.space(at: directory) else { return nil }
    let floor = floor(of: space.total)
    if isFull {
      // An eighth above the mark, so that the answer does not flutter around it.
      let missing = Files.exists(ballast) ? 0 : ballastBytes(space.total)
      guard space.free >= floor + floor / 8 + missing else { return true }
      takeBallast(space.total)
      return false
    }
    if space.free < floor {
      Files.remove(ballast)
      // For the next start. Where there is no room even for a name it begins without.
      if !Files.exists(full) { try? Files.write([], to: full) }
      return true
    }
    if !Files.exists(ballast), space.free >= floor + floor / 8 + ballastBytes(space.total) {
      takeBallast(space.total)
    }
    return false
  }

  /// The volume as it is now, for the operator.
  func facts(isFull: Bool) -> VolumeSpace {
    let space = try? Files.space(at: directory)
    return VolumeSpace(
      isFull: isFull, free: space?.free ?? 0, mark: space.map { floor(of: $0.total) } ?? 0)
  }

  private func floor(of total: UInt64) -> UInt64 {
    max(limits.spaceFloorBytes, total / 100 * limits.spaceFloorPercent)
  }

  /// Before anything is opened: makes room where there is little. Whether there is.
  func makeRoom() -> Bool { look(wasFull: false) == true }

  private func ballastBytes(_ total: UInt64) -> UInt64 {
    min(limits.ballastBytes, total / 100 * limits.ballastPercent)
  }

  /// There is space: nothing is stopped any more. Where the file system cannot hold space for a
  /// file there is no ballast.
  private func takeBallast(_ total: UInt64) {
    if Files.exists(full) { Files.remove(full) }
    let bytes = ballastBytes(total)
    if bytes > 0, !Files.exists(ballast) { Files.reserve(ballast, bytes: bytes) }
  }
}

/// What the store does with new work.
enum StoreCondition: UInt8, AtomicRepresentable, Sendable {
  case open
  /// Too little space: no appends, no new things; reading, acknowledging and deleting go on.
  case storageFull
  case closing
  /// A write failed.
  case failed
}

extension Committer {
  /// Changes the condition unless another thread has begun to close.
  func move(from old: StoreCondition, to new: StoreCondition) {
    _ = condition.compareExchange(expected: old, desired: new, ordering: .relaxed)
  }
}
