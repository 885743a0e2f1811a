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
    guard request.listener == .open, let body = request.body.received,
      body.count <= GatewayLimits.eventOnLoop
    else { return .left }
    admission.refresh()
    if let known = request.memo as? KnownPublish,
      known.target.holds(for: admission, at: request.receivedAt),
      let topic = appender.open(known.target.address, at: &known.target.place)
    {
      return stage(
        body, topic, known.target, known.model, known.fields, request, &answer, taker)
    }
    var found: PublishTarget?
    if let fields = request.fieldsMemo as? KnownFields {
      found = target(of: request, saying: fields)
      if let found, let model = found.model(of: fields),
        let topic = appender.open(found.address, at: &found.place)
      {
        if request.head.repeats == .all { request.memo = KnownPublish(fields, found, model) }
        return stage(body, topic, found, model, fields, request, &answer, taker)
      }
    }
    request.memo = nil
    request.fieldsMemo = nil
    return beginUnknown(request, found, body, &answer, taker)
  }

  /// What a request publishes to of whose head the request line and the credentials alone have to
  /// be read; nil where more has to be.
  private func target(of request: HTTPRequest, saying fields: KnownFields) -> PublishTarget? {
    let head = request.head
    guard head.method == .post, head.query == nil,
      fields.generation == admission.snapshot.generation,
      let text = try? admission.bearer(head)
    else { return nil }
    return targets.find(text, head.path, for: request, admission)
  }

  private func stage(
    _ body: ByteSlice, _ topic: Engine.Topic, _ target: PublishTarget, _ model: EventModel,
    _ fields: KnownFields, _ request: HTTPRequest, _ answer: inout AnswerWriter,
    _ taker: any AnswerTaker
  ) -> Beginning {
    answer.standing = fields.answerFields
    return stage(body, topic, target, request, &answer, taker) {
      try check(
        fields.event(model, of: request, body, on: shelf), for: topic, at: target.address)
    }
  }

  /// The same for a request whose head has to be read.
  ///
  /// - Parameter known: what it publishes to, where that is known.
  private func beginUnknown(
    _ request: HTTPRequest, _ known: PublishTarget?, _ body: ByteSlice,
    _ answer: inout AnswerWriter, _ taker: any AnswerTaker
  ) -> Beginning {
    // Once: each look at the request's own would count what it refers to.
    let head = request.head
    guard head.method == .post else { return .left }
    let (target, topic, envelope): (PublishTarget, Engine.Topic, EventRequest)
    let standing: ByteSlice
    do {
      guard try !PublishTerms(head).isAtomicGiven,
        let named = try known ?? self.target(of: request, head),
        let found = appender.open(named.address, at: &named.place)
      else { return .left }
      (target, topic) = (named, found)
      envelope = try read(
        head, request.id, target.stamp ?? target.address.stamp(on: shelf))
      guard envelope.mode == .binary || envelope.mode == .structured else { return .left }
      standing = admission.snapshot.crossOrigin.fields(for: request, plain: noStore)
      // Its client will most likely say the same again.
      if request.isRenewed, head.repeats >= .fields, target.stamp != nil,
        envelope.mode == .binary,
        let fields = knownFields.fields(
          of: head, answering: standing, generation: admission.snapshot.generation)
      {
        let model = try EventModel(envelope)
        target.learn(model, of: fields)
        request.fieldsMemo = fields
        if head.repeats == .all { request.memo = KnownPublish(fields, target, model) }
      }
    } catch {
      return .left
    }
    answer.standing = standing
    return stage(body, topic, target, request, &answer, taker) {
      try conform(envelope, body, topic, target.address)
    }
  }

  /// What a request publishes to; nil, or a refusal, where the long way has to say it.
  private func target(of request: HTTPRequest, _ head: RequestHead) throws -> PublishTarget? {
    guard let text = try admission.bearer(head) else { return nil }
    let path = head.path
    // Else the field has a say in which tenant is meant.
    let isByPath = head.fields.occurrences(of: Admission.tenantField) == 0
    if isByPath, let known = targets.find(text, path, for: request, admission) { return known }
    guard let token = try admission.knownToken(text, of: request),
      case .topic(let reference, .events) = try Route(path),
      let scope = try admission.knownScope(of: token, request, selecting: reference.tenant)
    else { return nil }
    let address = try scope.address(of: reference, for: .publish)
    if isByPath,
      let kept = targets.keep(text, path, address, admission, stamp: address.stamp(on: shelf))
    {
      return kept
    }
    return PublishTarget(address)
  }

  /// Gives an event to the log, or answers why not; what has to wait for more is left.
  private func stage(
    _ body: ByteSlice, _ topic: Engine.Topic, _ target: PublishTarget, _ request: HTTPRequest,
    _ answer: inout AnswerWriter, _ taker: any AnswerTaker, judge: () throws -> ConformingEvent
  ) -> Beginning {
    do {
      if try judgeAndStage(body, topic, target, request, taker, judge) { return .begun }
    } catch {
      count(error, at: target.address, request)
      _ = refuse(error, .publish, request, &answer, by: target.address.caller)
      return .complete
    }
    notes[request.id, default: RequestNotes()].isCharged = true
    answer.standing = nil
    return .left
  }

  /// - Returns: false for one that has to wait for more than the log; it is charged then.
  @inline(__always)
  private func judgeAndStage(
    _ body: ByteSlice, _ topic: Engine.Topic, _ target: PublishTarget, _ request: HTTPRequest,
    _ taker: any AnswerTaker, _ judge: () throws -> ConformingEvent
  ) throws -> Bool {
    // Once: each look at them where they are would count them.
    let (timers, caller) = (timers, target.address.caller)
    admission.countKnown()
    try chargeAnew(request, to: caller, target.address)
    let authenticated = timers.monotonic()
    try shares.expect(bytes: body.count, of: caller, at: timers.now)
    try payAnew(events: 1, bytes: body.count, at: target.address, from: request)
    let event: ConformingEvent
    do {
      event = try judge()
    } catch is UncompiledSchema {
      return false
    }
    if event.standing == .quarantined { return false }
    let validated = timers.monotonic()
    let place = try shares.enter(1, bytes: event.draft.cost, of: caller, at: timers.now)
    let pending = idlePublishes.popLast() ?? PendingPublish()
    do throws(AppendFailure) {
      try appender.append(event, to: topic, telling: pending)
    } catch {
      shares.leave(place)
      throw refusal(error, at: target.address)
    }
    pending.begin(
      PendingPublish.Flight(
        request: request, target: target, place: place,
        event: PublishedEvent(event, authenticated: authenticated, validated: validated)),
      of: self, for: taker)
    return true
  }

  func landed(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    for taker: any AnswerTaker, _ pending: PendingPublish
  ) {
    if idlePublishes.count < GatewayLimits.idlePublishes { idlePublishes.append(pending) }
    // Gone when its answer is there: the connection's next request takes the place of this one.
    var landing: PendingPublish.Flight? = consume flight
    taker.completeAnswer { answer in
      guard let flight = landing.take() else { preconditionFailure("it has landed") }
      conclude(flight, outcome, &answer)
    }
  }

  private func count(_ error: any Error, at address: TopicAddress, _ request: HTTPRequest) {
    let reference = TopicReference(
      tenant: address.tenant, namespace: address.namespace, topic: address.topic)
    count(error, of: address.caller, reference, request)
  }

  private func conclude(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    _ answer: inout AnswerWriter
  ) {
    shares.leave(flight.place)
    switch outcome {
    case .success(let receipt):
      let end = tell(
        flight.event, at: flight.target.address, flight.target.metrics(in: &topicMetrics),
        receipt, flight.request, &answer)
      served(end, .publish, flight.request, by: flight.target.address.caller)
    case .failure(let failure):
      let refusal = refusal(failure, at: flight.target.address)
      count(refusal, at: flight.target.address, flight.request)
      _ = refuse(
        refusal, .publish, flight.request, &answer, by: flight.target.address.caller)
    }
  }
}

/// A responder, whatever its log is. Loop-confined.
protocol PublishDesk: AnyObject {
  /// The log has answered.
  func landed(
    _ flight: consuming PendingPublish.Flight, _ outcome: Result<Receipt, AppendFailure>,
    for taker: any AnswerTaker, _ pending: PendingPublish)
}

/// A publish that the log has and no task waits for. Confined to its loop, and used again.
final class PendingPublish: AppendObserver {
  /// What its answer takes.
  struct Flight: ~Copyable {
    let request: HTTPRequest
    let target: PublishTarget
    let place: FairShare.Place
    let event: PublishedEvent
  }

  private var flight: Flight?
  // Beside the flight, since they are taken out and not counted once more when it lands.
  private var desk: (any PublishDesk)?
  private var taker: (any AnswerTaker)?

  func begin(
    _ flight: consuming Flight, of desk: any PublishDesk, for taker: any AnswerTaker
  ) {
    self.flight = consume flight
    self.desk = desk
    self.taker = taker
  }

  override func appended(_ outcome: Result<Receipt, AppendFailure>) {
    guard let flight = flight.take(), let desk = desk.take(), let taker = taker.take() else {
      preconditionFailure("nothing is under way")
    }
    desk.landed(flight, outcome, for: taker, self)
  }
}
