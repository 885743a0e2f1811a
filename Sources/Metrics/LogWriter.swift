public import Bytes
import Synchronization

/// The log: JSON lines that wait in a bounded queue until the log's own thread writes them out.
///
/// Whoever logs never waits for a terminal or a disk: a line that finds the queue full, or that
/// where it goes does not take, is dropped and counted, and the next one that comes is preceded by
/// a line that says how many are missing.
public final class LogWriter: Sendable {
  /// A line that says how many are missing.
  private struct Notice {
    let missing: UInt64
    /// Where it ends among the lines that wait.
    let end: Int
  }

  private struct Queue {
    var lines = ByteWriter()
    /// Of `lines`, with `notices`.
    var count = 0
    var notices: [Notice] = []
    /// Dropped, and not told by a line of `notices` or an earlier one.
    var missing: UInt64 = 0
    /// Whether the last line that was handed out was taken in part.
    var isTorn = false
  }

  private let queue = Mutex(Queue())
  private let capacity: Int
  private let least: LogLevel
  private let now: @Sendable () -> UnixTime
  private let wake: @Sendable () -> Void
  private let written = Counter()
  private let dropped = Counter()

  /// - Parameters:
  ///   - capacity: bytes that may wait.
  ///   - least: lines below this level are not made.
  ///   - wake: called by the thread that logs, outside the lock, when a line enters the empty
  ///     queue; it lets the log's thread call `drain`.
  public init(
    capacity: Int = 1 << 20, least: LogLevel = .info, now: @escaping @Sendable () -> UnixTime,
    wake: @escaping @Sendable () -> Void
  ) {
    self.capacity = capacity
    self.least = least
    self.now = now
    self.wake = wake
  }

  /// Logs a constant message with its facts. No secret, token or payload is a fact.
  public func log(
    _ level: LogLevel, _ message: StaticString, _ facts: KeyValuePairs<StaticString, LogValue> = [:]
  ) {
    guard level >= least else { return }
    let time = now()
    let line = LogLine(level, message, facts, at: time).text
    let wasEmpty = queue.withLock { queue -> Bool? in
      guard queue.lines.count + line.count <= capacity else {
        queue.missing += 1
        return nil
      }
      let wasEmpty = queue.lines.count == 0
      if queue.missing > 0 {
        let notice = LogLine(
          .warning, "log lines dropped", ["lines": .integer(Int(queue.missing))], at: time)
        queue.lines.append(notice.text.bytes)
        queue.notices.append(Notice(missing: queue.missing, end: queue.lines.count))
        queue.missing = 0
        queue.count += 1
      }
      queue.lines.append(line.bytes)
      queue.count += 1
      return wasEmpty
    }
    switch wasEmpty {
    case nil: dropped.add()
    case .some(true): wake()
    case .some(false): break
    }
  }

  /// Hands everything that waits to `sink`, whole lines in order. Only the log's thread calls it.
  ///
  /// - Parameter sink: answers how many of the bytes it has taken. Lines that it has not taken to
  ///   their end are dropped.
  public func drain(into sink: ([UInt8]) -> Int) {
    let waiting = queue.withLock { queue in
      let waiting = queue
      queue = Queue(missing: waiting.missing, isTorn: waiting.isTorn)
      return waiting
    }
    guard waiting.count > 0 else { return }
    let lines = waiting.lines.bytes
    // Behind a part of a line the next one would be part of it.
    var isTorn = waiting.isTorn && sink([ASCII.lineFeed]) == 0
    let taken = isTorn ? 0 : sink(lines)
    guard taken < lines.count || waiting.isTorn else { return written.add(waiting.count) }
    let whole = lines.prefix(taken).count { $0 == ASCII.lineFeed }
    if taken > 0 { isTorn = lines[taken - 1] != ASCII.lineFeed }
    let untold = waiting.notices.filter { $0.end > taken }
    let lost = UInt64(waiting.count - whole - untold.count)
    written.add(whole)
    dropped.add(lost)
    queue.withLock { queue in
      queue.missing += untold.reduce(lost) { $0 + $1.missing }
      queue.isTorn = isTorn
    }
  }

  public var writtenLines: UInt64 { written.value }
  public var droppedLines: UInt64 { dropped.value }
  /// Lines that wait.
  public var depth: Int { queue.withLock { $0.count } }
}
