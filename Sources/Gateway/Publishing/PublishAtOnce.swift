import Bytes
import Events
public import HTTPWire
import Metrics
import Schemas
import Tenancy
import Topics

/// What nearly every publish is: one event, received completely, of a caller whom this loop knows,
/// to a topic that is there. It is judged and staged as it comes and answered when the log answers,
/// without a task. Everything else goes the long way of `publish`, from its start.
extension GatewayResponder: PublishDesk {
  public func begin(
    _ request: HTTPRequest, with answer: inout AnswerWriter, for taker: any AnswerTaker
  ) -> Beginning {
    guard request.head.method == .post, request.listener == .open,
      let body = request.body.received, body.count <= GatewayLimits.eventOnLoop
    else { return .left }
    admission.refresh()
    // One after the other here and not as a value that is made elsewhere: it would be copied.
    let (reference, address, topic, envelope):
      (TopicReference, TopicAddress, Engine.Topic, EventRequest)
    do {
      guard case .topic(let named, .events) = try Route(request.head.path) else { return .left }
      let terms = try PublishTerms(request)
      guard !terms.isAtomicGiven,
        let scope = try admission.knownScope(of: request, selecting: named.tenant)
      else { return .left }
      reference = named
      address = try scope.address(of: reference, for: .publish)
      guard let found = parts.engine.open(address) else { return .left }
      topic = found
      envelope = try read(request, to: address)
      guard envelope.mode == .binary || envelope.mode == .structured else { return .left }
    } catch {
      return .left
    }
    answer.standing = admission.snapshot.crossOrigin.fields(for: request, plain: noStore)
    do {
      if try stage(envelope, body, topic, address, request, taker) { return .begun }
    } catch {
      count(error, of: address.caller, reference, request)
      _ = refuse(error, .publish, request, &answer)
      return .complete
    }
    charged.insert(request.id)
    answer.standing = nil
    return .left
  }

  /// Judges an event and gives it to the log.
  ///
  /// - Returns: false for one that has to wait for more than the log; it is charged then.
  private func stage(
    _ envelope: borrowing EventRequest, _ body: ByteSlice, _ topic: Engine.Topic,
    _ address: TopicAddress, _ request: HTTPRequest, _ taker: any AnswerTaker
  ) throws -> Bool {
    admission.countKnown()
    try charge(request, to: address.caller, address)
    let authenticated = timers.monotonic()
    try shares.expect(bytes: body.count, of: address.caller, at: timers.now)
    try pay(events: 1, bytes: body.count, at: address, from: request)
    let event: ConformingEvent
    do {
      event = try conform(envelope, body, topic, address)
    } catch is UncompiledSchema {
      return false
    }
    if event.standing == .quarantined { return false }
    let validated = timers.monotonic()
    let place = try shares.enter(
      1, bytes: event.draft.cost, of: address.caller, at: timers.now)
    let pending = idlePublishes.popLast() ?? PendingPublish()
    do throws(AppendFailure) {
      try appender.append(event, to: topic, telling: pending)
    } catch {
      shares.leave(place)
      throw refusal(error, at: address)
    }
    pending.begin(
      PendingPublish.Flight(
        desk: self, taker: taker, request: request, address: address, place: place,
        event: PublishedEvent(event, authenticated: authenticated, validated: validated)))
    return true
  }

  func landed(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    _ pending: PendingPublish
  ) {
    if idlePublishes.count < GatewayLimits.idlePublishes { idlePublishes.append(pending) }
    let taker = flight.taker
    // Gone when its answer is there: the connection's next request takes the place of this one.
    var landing: PendingPublish.Flight? = consume flight
    taker.completeAnswer { answer in
      guard let flight = landing.take() else { preconditionFailure("it has landed") }
      conclude(flight, outcome, &answer)
    }
  }

  private func conclude(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    _ answer: inout AnswerWriter
  ) {
    shares.leave(flight.place)
    let (request, address) = (flight.request, flight.address)
    switch outcome {
    case .success(let receipt):
      served(
        tell(flight.event, at: address, receipt, request, &answer), .publish, request)
    case .failure(let failure):
      let refusal = refusal(failure, at: address)
      let reference = TopicReference(
        tenant: address.tenant, namespace: address.namespace, topic: address.topic)
      count(refusal, of: address.caller, reference, request)
      _ = refuse(refusal, .publish, request, &answer)
    }
  }
}

/// A responder, whatever its log is. Loop-confined.
protocol PublishDesk: AnyObject {
  /// The log has answered.
  func landed(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    _ pending: PendingPublish)
}

/// A publish that the log has and no task waits for. Confined to its loop, and used again.
final class PendingPublish: AppendObserver {
  /// What its answer takes.
  struct Flight: ~Copyable {
    let desk: any PublishDesk
    let taker: any AnswerTaker
    let request: HTTPRequest
    let address: TopicAddress
    let place: FairShare.Place
    let event: PublishedEvent
  }

  private var flight: Flight?

  func begin(_ flight: consuming Flight) { self.flight = consume flight }

  override func appended(_ outcome: Result<Receipt, AppendFailure>) {
    guard let flight = flight.take() else { preconditionFailure("nothing is under way") }
    let desk = flight.desk
    desk.landed(flight, outcome, self)
  }
}
