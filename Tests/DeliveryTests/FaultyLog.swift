import Bytes
import LogConformance
import Subscriptions
import Synchronization
import Tenancy
import Topics

@testable import Delivery

/// A log in memory of which some events cannot be read, which settles no change while it hangs,
/// which can refuse changes, and during whose reads something may happen.
final class FaultyLog: TopicLog, SubscriptionStore {
  private struct Change {
    let change: SubscriptionChange
    let subscription: SubscriptionReference
    let settled: ChangeSettlement?
  }
  private struct State {
    var damage: Range<UInt64> = 0..<0
    var hangs = false
    var refuses = false
    /// How many changes came, stored or not.
    var staged = 0
    /// What came since it hangs.
    var held: [Change] = []
    /// How often a state was read.
    var loads = 0
    var whileLoading: @Sendable (Int) -> Void = { _ in }
  }

  static let refusal = CatalogueFailure.overloaded(retryAfter: .seconds(10))

  private let log: MemoryLog
  private let state = Mutex(State())

  init(_ log: MemoryLog) { self.log = log }

  /// How many changes nobody knows the fate of.
  var heldCount: Int { state.withLock { $0.held.count } }

  /// These entries cannot be read any more.
  func lose(_ entries: Range<UInt64>) { state.withLock { $0.damage = entries } }

  var stagedCount: Int { state.withLock { $0.staged } }

  var loadCount: Int { state.withLock { $0.loads } }

  /// What happens whenever a state is read; it is told how often that was so far.
  func whileLoading(_ body: @escaping @Sendable (Int) -> Void) {
    state.withLock { $0.whileLoading = body }
  }

  /// From now on nothing is stored, or everything again.
  func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

  func hang() { state.withLock { $0.hangs = true } }

  /// Stores what it has held back, but for the first `refused` changes.
  func goOn(refusing refused: Int = 0) {
    let held = state.withLock { state in
      state.hangs = false
      defer { state.held = [] }
      return state.held
    }
    for one in held.prefix(refused) { one.settled?.settle(.failure(Self.refusal)) }
    for one in held.dropFirst(refused) {
      log.stage(one.change, of: one.subscription, settled: one.settled)
    }
  }

  func open(_ address: TopicAddress) -> MemoryTopic? { log.open(address) }

  func makeAppender(answeringBy post: @escaping LoopPost) -> MemoryAppender {
    log.makeAppender(answeringBy: post)
  }

  /// Nothing is in memory.
  func tail(of topic: TopicAddress, from cursor: Cursor, budget: ByteBudget)
    throws(ReadFailure) -> TailRead
  {
    .behind
  }

  /// Ends before damage, and says so where it begins there.
  func readStored(_ topic: TopicAddress, from cursor: Cursor, budget: ByteBudget)
    throws(ReadFailure) -> Page
  {
    let damage = state.withLock { $0.damage }
    if damage.contains(cursor.next) {
      throw .corrupt(ledger: cursor.ledger, first: cursor.next, last: damage.upperBound - 1)
    }
    let page = try log.readStored(topic, from: cursor, budget: budget)
    let sound = page.records.prefix { !damage.contains($0.id.entry) }
    return Page(
      records: Array(sound),
      next: Cursor(ledger: cursor.ledger, next: cursor.next + UInt64(sound.count)),
      end: page.end, gap: page.gap)
  }

  func resolve(_ start: StartPosition, in topic: TopicAddress) throws(ReadFailure)
    -> ResolvedStart
  {
    try log.resolve(start, in: topic)
  }

  func locate(_ instant: UnixTime, in topic: TopicAddress) throws(ReadFailure) -> Cursor {
    try log.locate(instant, in: topic)
  }

  func growth(of topic: TopicAddress) throws(ReadFailure) -> Growth {
    try log.growth(of: topic)
  }

  func bounds(of topic: TopicAddress) throws(ReadFailure) -> TopicBounds {
    try log.bounds(of: topic)
  }

  func loadState(
    of subscription: SubscriptionReference, expecting expected: Expected<SubscriptionDefinition>
  ) throws(CatalogueFailure) -> SubscriptionState {
    let (count, body) = state.withLock { state in
      state.loads += 1
      return (state.loads, state.whileLoading)
    }
    body(count)
    return try log.loadState(of: subscription, expecting: expected)
  }

  func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?, isAwaited: Bool
  ) {
    let (isHeld, isRefused) = state.withLock { state in
      state.staged += 1
      guard state.hangs else { return (false, state.refuses) }
      state.held.append(Change(change: change, subscription: subscription, settled: settled))
      return (true, false)
    }
    if isRefused {
      settled?.settle(.failure(Self.refusal))
    } else if !isHeld {
      log.stage(change, of: subscription, settled: settled)
    }
  }
}

/// One subscription of the stage's topic, over a log with faults.
@MainActor
struct FaultySeat {
  let stage: Stage
  let log: FaultyLog
  let seat: DispatcherSeat<FaultyLog>

  var dispatcher: Dispatcher<FaultyLog> { seat.dispatcher }

  init(_ stage: Stage, _ kind: SubscriptionKind = .shared) async throws {
    self.stage = stage
    log = FaultyLog(stage.log)
    let definition = try await stage.log.createSubscription(
      stage.proofs.name("billing"),
      SubscriptionTerms(kind: kind, ackTimeout: .seconds(30), maxUnacked: 1_000),
      startingAt: stage.cursor(0), of: stage.address
    ).thing
    let directory = DispatcherDirectory(log, wall: stage.clock.clocks.wall)
    seat = try await directory.seat(at: definition, of: stage.address, on: stage.site)
  }

  func receive(max: Int = 10) async throws -> [DeliveredEvent] {
    let call = ReceiveCall(
      consumer: ByteSlice(utf8: "a"), max: max, deadline: stage.now, expires: .distantFuture)
    return try await dispatcher.receive(call, of: stage.address, on: stage.site)
  }

  func payloads() async throws -> [String] { try await receive().map(\.record.payload.text) }

  var stored: SubscriptionState {
    get throws { try stage.log.loadState(of: dispatcher.reference) }
  }
}
