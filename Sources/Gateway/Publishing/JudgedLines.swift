import Bytes
import Events
import HTTPWire
import JSONText
import Schemas
import Synchronization
import Tenancy
import Topics

/// Events of a body of lines that a worker has judged, by the numbers of their lines. What is not
/// among them is judged, and if need be refused with all that is to be said, on the loop.
struct JudgedLines: Sendable {
  private var events: [ConformingEvent?] = []
  private var binding: SchemaBinding?

  init() {}

  /// Takes what is in order: an event that keeps its schema, or whose topic has none.
  fileprivate init(
    _ body: ByteSlice, _ intake: LineIntake, against address: TopicAddress,
    binding: SchemaBinding?, requireSchema: Bool, with scratch: SchemaScratch
  ) {
    self.binding = binding
    var lines = LineSplitter(limit: GatewayLimits.eventOnLoop)
    lines.feed(body)
    while true {
      // Many blank ones in a row are the loop's, too.
      guard var step = lines.next(skipping: GatewayLimits.batchEvents) else { return }
      if step == .needsMore {
        guard let rest = lines.finish() else { return }
        step = rest
      }
      // A long one has a worker of its own, later; those behind it are the loop's.
      // Blank lines count, too: with more of them than a batch has events the loop goes on alone.
      guard case .line(let line, let number) = step, number <= GatewayLimits.batchEvents else {
        return
      }
      while events.count < number - 1 { events.append(nil) }
      if line.isEmpty {
        events.append(nil)
      } else {
        events.append(
          try? SchemaGate.check(
            intake.event(line), against: address, binding: binding, requireSchema: requireSchema,
            scratch: scratch))
      }
    }
  }

  /// What still counts of them: nothing once something else is bound to the topic, or the caller's
  /// grant looks into payloads.
  func holding(under now: SchemaBinding?, at address: TopicAddress) -> JudgedLines {
    binding === now && !address.looksIntoPayloads ? self : JudgedLines()
  }

  /// - Parameter number: from 1.
  func event(ofLine number: Int) -> ConformingEvent? {
    number <= events.count ? events[number - 1] : nil
  }
}

/// Scratches for workers, used again. Any thread.
final class ScratchShelf: Sendable {
  /// SAFETY: `@unchecked Sendable` because a scratch is with one borrower at a time, and changes
  /// hands under the lock.
  private struct Idle: @unchecked Sendable {
    var scratches: [SchemaScratch] = []
  }

  private let idle = Mutex(Idle())
  /// As many as there are workers, usually.
  private static let most = 4

  /// Lends one that explains nothing.
  func lend<Result>(_ body: (SchemaScratch) -> Result) -> Result {
    let scratch = idle.withLock { $0.scratches.popLast() } ?? SchemaScratch()
    scratch.explains = false
    defer {
      idle.withLock { idle in
        if idle.scratches.count < Self.most { idle.scratches.append(scratch) }
      }
    }
    return body(scratch)
  }
}

extension GatewayResponder {
  /// Judges lines by a worker, so that a loop that has all connections is there for the others.
  /// Nothing for few of them, for those that not their schema alone judges, and while the workers
  /// are busy.
  func judgeAside(
    _ body: ByteSlice, _ intake: LineIntake, _ topic: Engine.Topic?, _ address: TopicAddress
  ) async -> JudgedLines {
    guard body.count > GatewayLimits.linesOnLoop, !address.looksIntoPayloads else {
      return JudgedLines()
    }
    let binding = topic?.binding
    let mustHave = mustHaveSchema(topic, binding, at: address)
    let judged = try? await parts.workers.run { [scratches = parts.scratches] in
      scratches.lend { scratch in
        JudgedLines(
          body, intake, against: address, binding: binding, requireSchema: mustHave, with: scratch)
      }
    }
    return judged ?? JudgedLines()
  }
}
