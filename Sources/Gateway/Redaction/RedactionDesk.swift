import Bytes
import HTTPWire
import Schemas
import Tenancy
import Topics

/// What redacting costs a loop, and what workers do of it. One per loop.
///
/// One event costs its loop no more than checking it did; those of one turn together about
/// `GatewayLimits.redactionTurn`, so that a page of them does not hold up others. What takes more
/// is done by a worker, once for all of the loop's readers who may see the same.
final class RedactionDesk {
  /// What one redaction is told from others by.
  struct Key: Hashable {
    let topic: TopicAddress
    let classes: ClassSet
    let id: MessageID
    let edition: SchemaEdition?
  }

  private typealias Outcome = Result<Redaction, WorkersBusy>

  private let timers: any LoopTimers
  private let redactor = Redactor()
  private var turn: MonotonicTime
  /// In this turn, in the units of `SchemaLimits.fuel`.
  private var spent = 0
  /// How often somebody has waited for another turn; for tests.
  private(set) var turns = 0
  private var waiting: [Key: [CheckedContinuation<Outcome, Never>]] = [:]
  /// What workers have done lately, oldest first.
  private var recent: [(key: Key, redaction: Redaction)] = []

  /// A crowd of readers comes to an event within moments.
  private static let mostRecent = 4

  init(_ timers: any LoopTimers) {
    self.timers = timers
    turn = timers.now
  }

  /// Whether this turn has spent what it may.
  var isTurnOver: Bool { timers.now == turn && spent >= GatewayLimits.redactionTurn }

  /// Comes back in the loop's next turn.
  func nextTurn() async {
    await timers.nextTurn()
    // Where no time has passed, as in tests, a turn is what lies between two waits.
    (turn, spent) = (timers.now, 0)
    turns += 1
  }

  /// Of at most `GatewayLimits.eventOnLoop` bytes, on the loop; `tooCostly` where it takes more.
  func redact(_ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView?) -> Redaction {
    if timers.now != turn { (turn, spent) = (timers.now, 0) }
    let redaction = redactor.redact(payload, own, other)
    spent += redactor.spent
    return redaction
  }

  /// The same on a worker.
  func redactAside(
    _ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView?, as key: Key,
    _ workers: Workers
  ) async throws(WorkersBusy) -> Redaction {
    if let known = recent.last(where: { $0.key == key }) { return known.redaction }
    if waiting[key] != nil {
      let outcome = await withCheckedContinuation { waiting[key, default: []].append($0) }
      return try outcome.get()
    }
    waiting[key] = []
    let outcome: Outcome
    do throws(WorkersBusy) {
      outcome = .success(
        try await workers.run { Redactor().redact(payload, own, other, aside: true) })
    } catch {
      outcome = .failure(error)
    }
    if case .success(let redaction) = outcome {
      if recent.count == Self.mostRecent { recent.removeFirst() }
      recent.append((key, redaction))
    }
    for reader in waiting.removeValue(forKey: key) ?? [] { reader.resume(returning: outcome) }
    return try outcome.get()
  }
}
