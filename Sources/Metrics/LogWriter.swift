public import Bytes
import Synchronization

/// The log: JSON lines that wait in a bounded queue until the log's own thread writes them out.
///
/// Whoever logs never waits for a terminal or a disk: a line that finds the queue full is dropped
/// and counted, and the next one written is preceded by a line that says how many are missing.
public final class LogWriter: Sendable {
  private struct Queue {
    var lines = ByteWriter()
    var count = 0
    /// Dropped since the last line was taken in.
    var missing: UInt64 = 0
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
  public func drain(into sink: ([UInt8]) -> Void) {
    let (lines, count) = queue.withLock { queue in
      defer {
        queue.lines = ByteWriter()
        queue.count = 0
      }
      return (queue.lines.bytes, queue.count)
    }
    guard count > 0 else { return }
    sink(lines)
    written.add(count)
  }

  public var writtenLines: UInt64 { written.value }
  public var droppedLines: UInt64 { dropped.value }
  /// Lines that wait.
  public var depth: Int { queue.withLock { $0.count } }
}
