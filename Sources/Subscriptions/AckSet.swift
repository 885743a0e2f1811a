import Bytes
public import Topics

/// Which entries of a topic one subscription has acknowledged: all below the mark-delete position,
/// and beyond it those noted in chunks.
///
/// In memory no acknowledged entry lies at or below the mark's neighbour unnoticed: the mark itself
/// is never acknowledged, so it always stands before the oldest event that somebody still has to
/// handle. Changed chunks are remembered until `takeChange`, so that only they are written.
public struct AckSet: Sendable {
  /// The oldest entry that is not acknowledged; never goes back but by `reset`.
  public private(set) var mark: UInt64
  /// How many entries beyond the mark are acknowledged.
  public private(set) var countBeyondMark: UInt64 = 0
  private var chunks: [UInt64: AckChunk] = [:]
  /// Chunks to be written; those that are gone are to be deleted.
  private var dirty: Set<UInt64> = []
  private var markIsDirty = false
  private var isReset = false

  public init(mark: UInt64) { self.mark = mark }

  /// Rebuilds the set from what is stored.
  public init(_ state: SubscriptionState) throws(AckSetFault) {
    self.init(mark: state.markDelete.next)
    for (index, bytes) in state.chunks {
      guard index <= UInt64.max / AckChunk.span else {
        throw AckSetFault(chunk: index, .disordered)
      }
      do {
        var chunk = try AckChunk(decoding: bytes)
        // A chunk is not rewritten because the mark has moved into it, nor deleted in the same
        // breath.
        if index == mark / AckChunk.span {
          _ = chunk.removeAll(below: Int(mark % AckChunk.span))
        }
        if index < mark / AckChunk.span || chunk.isEmpty {
          dirty.insert(index)
          continue
        }
        chunks[index] = chunk
        countBeyondMark += UInt64(chunk.count)
      } catch {
        throw AckSetFault(chunk: index, error)
      }
    }
    settleMark()
  }

  /// Chunks held; a bound on memory (at most ≈ 600 B each, full ones ≈ 60 B).
  public var chunkCount: Int { chunks.count }

  public func contains(_ entry: UInt64) -> Bool {
    entry < mark
      || chunks[entry / AckChunk.span]?.contains(Int(entry % AckChunk.span)) ?? false
  }

  /// Acknowledges one entry; false when it already was.
  public mutating func insert(_ entry: UInt64) -> Bool {
    guard entry >= mark else { return false }
    if entry == mark {
      mark += 1
      markIsDirty = true
      settleMark()
      return true
    }
    let index = entry / AckChunk.span
    guard chunks[index, default: AckChunk()].insert(Int(entry % AckChunk.span)) else {
      return false
    }
    countBeyondMark += 1
    dirty.insert(index)
    return true
  }

  /// Acknowledges every entry below `entry`; returns how many were not before.
  public mutating func advance(to entry: UInt64) -> UInt64 {
    guard entry > mark else { return 0 }
    let passed = entry - mark
    var known: UInt64 = 0
    let target = entry / AckChunk.span
    for index in Array(chunks.keys) where index <= target {
      known += drop(index, below: index < target ? Int(AckChunk.span) : Int(entry % AckChunk.span))
    }
    countBeyondMark -= known
    mark = entry
    markIsDirty = true
    settleMark()
    return passed - known
  }

  /// Starts over at `entry` with nothing beyond it acknowledged.
  public mutating func reset(to entry: UInt64) {
    mark = entry
    countBeyondMark = 0
    chunks = [:]
    dirty = []
    markIsDirty = true
    isReset = true
  }

  /// The first entry at or behind `entry` that is not acknowledged.
  public func firstUnacknowledged(from entry: UInt64) -> UInt64 {
    var entry = max(entry, mark)
    while let chunk = chunks[entry / AckChunk.span] {
      let start = entry / AckChunk.span * AckChunk.span
      if let offset = chunk.firstMissing(from: Int(entry - start)) {
        return start + UInt64(offset)
      }
      entry = start + AckChunk.span
    }
    return entry
  }

  /// Whether `takeChange` would return something.
  public var hasChange: Bool { markIsDirty || isReset || !dirty.isEmpty }

  /// What changed since the last call, to be written; nil when nothing did.
  public mutating func takeChange(ledger: UInt64, epoch: UInt64) -> SubscriptionChange? {
    guard hasChange else { return nil }
    var change = SubscriptionChange(
      markDelete: Cursor(ledger: ledger, next: mark), epoch: epoch, replacesAll: isReset)
    for index in dirty {
      change.chunks[index] = .some(chunks[index]?.encoded)
    }
    dirty = []
    markIsDirty = false
    isReset = false
    return change
  }

  /// What was taken did not reach the store, or nobody knows: the next change carries everything.
  public mutating func changeWasLost() {
    dirty = Set(chunks.keys)
    markIsDirty = true
    isReset = true
  }

  /// Moves the mark over entries that were acknowledged before their turn.
  private mutating func settleMark() {
    while let chunk = chunks[mark / AckChunk.span] {
      let index = mark / AckChunk.span
      let offset = Int(mark % AckChunk.span)
      let missing = chunk.firstMissing(from: offset) ?? Int(AckChunk.span)
      guard missing > offset else { return }
      countBeyondMark -= drop(index, below: missing)
      mark = index * AckChunk.span + UInt64(missing)
      markIsDirty = true
    }
  }

  /// Forgets what a chunk holds below `offset`, and the chunk when nothing is left.
  private mutating func drop(_ index: UInt64, below offset: Int) -> UInt64 {
    let removed = chunks[index]?.removeAll(below: offset) ?? 0
    if chunks[index]?.isEmpty ?? false {
      chunks[index] = nil
      dirty.insert(index)
    }
    return UInt64(removed)
  }
}

/// A stored chunk that cannot be read.
public struct AckSetFault: Error, Hashable, Sendable {
  public let chunk: UInt64
  public let fault: AckChunkFault

  public init(chunk: UInt64, _ fault: AckChunkFault) {
    self.chunk = chunk
    self.fault = fault
  }
}
