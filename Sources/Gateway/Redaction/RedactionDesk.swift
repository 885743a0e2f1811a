import Bytes
import HTTPWire
import Metrics
import Schemas
import Tenancy
import Topics

/// What redacting costs a loop, and what workers do of it. One per loop.
///
/// One event costs its loop no more than checking it did; those of one turn together about
/// `GatewayLimits.redactionTurn`, so that a page of them does not hold up others. Whoever finds it
/// spent waits in a line: one after another is let in, as long as the turn has some left, and at
/// least one in each turn. What takes more is done by a worker, once for all of the loop's readers
/// who may see the same.
///
/// ```
/// nextTurn ──▶ line ──turn begins──▶ let in, one event at least ──turnUsed──▶ the next in line
/// ```
final class RedactionDesk {
  /// What one redaction is told from others by.
  struct Key: Hashable {
    // First, since it tells most of them apart.
    let id: MessageID
    let topic: TopicKey
    let classes: ClassSet
    let edition: SchemaEdition?
  }

  /// What is known of an event before anything is done.
  enum Standing {
    case found(Redaction)
    /// It has been more than a loop may spend.
    case costly
  }

  private let timers: any LoopTimers
  private let redactor = Redactor()
  private var turn: MonotonicTime
  /// In this turn, in the units of `SchemaLimits.fuel`.
  private(set) var spent = 0
  /// Who waits for a turn, in order.
  private var line: ArraySlice<CheckedContinuation<Void, Never>> = []
  /// Whether somebody was let in who is not done.
  private var isBusy = false
  /// When the next turn was asked for; nil where it was not.
  private var asked: MonotonicTime?
  /// How often somebody has waited for another turn; for tests.
  private(set) var turns = 0
  private let aside = SharedWaits<Key, Redaction, WorkersBusy>()
  /// What workers have done lately, oldest first.
  private var recent: [(key: Key, redaction: Redaction)] = []
  /// What has been too much for the loop lately, oldest first.
  private var costly: [Key] = []

  /// A crowd of readers comes to an event within moments.
  private static let mostRecent = 4
  private static let mostCostly = 64

  init(_ timers: any LoopTimers) {
    self.timers = timers
    turn = timers.now
  }

  // MARK: - Turns

  /// Whether this turn has spent what it may; for those who were not let in, also whether others
  /// come first.
  func isTurnOver(isIn: Bool) -> Bool {
    takeTime()
    return spent >= GatewayLimits.redactionTurn || !isIn && (isBusy || !line.isEmpty)
  }

  private func takeTime() {
    if timers.now != turn { (turn, spent) = (timers.now, 0) }
  }

  /// Comes back in a later turn of the loop, when all who came before have had theirs. Then it may
  /// do one piece of work whatever was spent, and says `turnUsed` ahead of waiting for anything.
  func nextTurn() async {
    await withCheckedContinuation { reader in
      line.append(reader)
      if !isBusy { askForTurn() }
    }
  }

  func turnUsed() {
    isBusy = false
    if isTurnOver(isIn: true) { askForTurn() } else { letIn() }
  }

  private func askForTurn() {
    guard asked == nil, !line.isEmpty else { return }
    asked = timers.now
    _ = timers.schedule(at: timers.now) { [weak self] in self?.turnBegan() }
  }

  private func turnBegan() {
    // Where no time has passed, as in tests, a turn is what lies between two of these.
    if turn == asked { spent = 0 }
    takeTime()
    asked = nil
    turns += 1
    letIn()
  }

  private func letIn() {
    guard let reader = line.popFirst() else { return }
    if line.isEmpty { line = [] }
    isBusy = true
    reader.resume()
  }

  // MARK: - Redacting

  /// Nil where nothing is known.
  func standing(of key: Key) -> Standing? {
    if let known = recent.last(where: { $0.key == key }) { return .found(known.redaction) }
    if costly.contains(key) { return .costly }
    return aside.isAsked(key) ? .costly : nil
  }

  /// Of at most `GatewayLimits.eventOnLoop` bytes, on the loop; `tooCostly` where it takes more,
  /// which is remembered.
  func redact(
    _ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView?, as key: Key
  ) -> Redaction {
    takeTime()
    let redaction = redactor.redact(payload, own, other)
    spent += redactor.spent
    if case .tooCostly = redaction, !costly.contains(key) {
      if costly.count == Self.mostCostly { costly.removeFirst() }
      costly.append(key)
    }
    return redaction
  }

  /// The same on a worker.
  func redactAside(
    _ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView?, as key: Key,
    _ workers: Workers
  ) async throws(WorkersBusy) -> Redaction {
    if let known = recent.last(where: { $0.key == key }) { return known.redaction }
    return try await aside.answer(to: key) { () async throws(WorkersBusy) -> Redaction in
      let redaction = try await workers.run {
        Redactor().redact(payload, own, other, aside: true)
      }
      if recent.count == Self.mostRecent { recent.removeFirst() }
      recent.append((key, redaction))
      return redaction
    }
  }
}
