public import Bytes
import Synchronization
public import Tenancy
public import Topics

extension RocksTopicLog {
  public func readStored(
    _ address: TopicAddress, from cursor: Cursor, budget: ByteBudget
  ) throws(ReadFailure) -> Page {
    let topic = try readable(address)
    let (front, segments) = try topic.tail.withLock { tail throws(ReadFailure) in
      (try ReadFront(cursor, topic.ledger, tail), tail.segments)
    }
    var collector = PageCollector(topic.ledger, front, budget)
    let deadline = CommitQueue.now() + committer.limits.readTime
    var walk: ChunkWalk
    do throws(StoreFault) {
      walk = try ChunkWalk(committer.database, topic.number, segments, from: front.start)
    } catch {
      throw ReadFailure(error, topic.ledger, at: front.start)
    }
    while !collector.isFull, collector.next < front.end {
      if !collector.records.isEmpty, CommitQueue.now() >= deadline { break }
      do throws(StoreFault) {
        try walk.take(into: &collector, end: front.end)
      } catch {
        // What was read before the damage is sound: the next read starts at the damage and says so.
        if !collector.records.isEmpty { break }
        if case .corruptEvents(let range) = error { damage.met(range, in: topic) }
        throw ReadFailure(error, topic.ledger, at: collector.next)
      }
    }
    return collector.page
  }

  public func locate(
    _ instant: UnixTime, in address: TopicAddress
  ) throws(ReadFailure) -> Cursor {
    let topic = try placeable(address)
    let (first, end, segments) = topic.tail.withLock { ($0.first, $0.end, $0.segments) }
    // Publish times never fall, so the place can be found by halving.
    var low = first
    var high = end
    while low < high {
      let middle = low + (high - low) / 2
      do throws(StoreFault) {
        var walk = try ChunkWalk(committer.database, topic.number, segments, from: middle)
        let found = try walk.next(holding: middle, end: end)
        if found.chunk.baseTime >= instant {
          high = max(low, found.chunk.first(last: found.last))
        } else {
          low = found.last + 1
        }
      } catch .corruptEvents(let range) {
        // Of what cannot be read the time is told by what lies behind it. Where that does not
        // exclude it, it counts as late enough: a reader is told of it rather than led past it.
        damage.met(range, in: topic)
        if let behind = try published(after: range, before: high, topic, segments),
          behind.time < instant
        {
          low = behind.last + 1
        } else {
          high = middle
        }
      } catch {
        throw ReadFailure(error, topic.ledger, at: middle)
      }
    }
    return Cursor(ledger: topic.ledger, next: low)
  }

  /// The publish time and the last entry of the chunk behind `range`; nil where that is no chunk
  /// before `end` that can be read.
  private func published(
    after range: CorruptRange, before end: UInt64, _ topic: TopicState, _ segments: [Segment]
  ) throws(ReadFailure) -> (time: UnixTime, last: UInt64)? {
    let next = range.last + 1
    guard next < end else { return nil }
    do throws(StoreFault) {
      var walk = try ChunkWalk(committer.database, topic.number, segments, from: next)
      let found = try walk.next(holding: next, end: end)
      return (found.chunk.baseTime, found.last)
    } catch .corruptEvents {
      return nil
    } catch {
      throw ReadFailure(error, topic.ledger, at: next)
    }
  }
}

extension ReadFailure {
  /// What a reader is told of a fault met while looking for `entry`.
  init(_ fault: StoreFault, _ ledger: UInt64, at entry: UInt64) {
    switch fault {
    case .corruptEvents(let range):
      self = .corrupt(ledger: ledger, first: range.first, last: range.last)
    case .corruptFile: self = .corrupt(ledger: ledger, first: entry, last: entry)
    case .closed: self = .closing
    default: self = .unavailable(retryAfter: .seconds(1))
    }
  }
}
