import Bytes
import Delivery
import Events
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// `POST …/{topic}/schema/replay`: runs a candidate over the topic's newest stored events and tells
/// which of them it would refuse. Nothing is registered, nothing changed.
extension GatewayResponder {
  func replaySchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let last = try query.takeNumber("last", in: 1...ReplayLimits.events)
    let type = query.take("type")
    try query.finish()
    // Who may register, and may see what is stored.
    let topic = try admit(request, to: reference, for: .manage)
      .caller.address(of: reference, for: .subscribe).detached
    let tenure = tenure(of: topic)
    let terms = try SchemaTerms(contentType: request.head.fields.first("content-type"))
    let bounds = try parts.engine.bounds(of: topic)
    let text = try await request.body.collect(upTo: SchemaLimits.sourceBytes)
    try await confirm(tenure)

    let candidate = try await compile(
      SchemaDraft(text: ByteSlice(copying: text.span), terms: terms, subject: .topic), of: topic)

    let (key, tenant) = (ByteSlice(utf8: topic.description), topic.caller.tenant.bytes)
    let start = timers.clocks.monotonic()
    if let pause = parts.replays.enter(key, of: tenant, at: start) {
      throw Refusal(
        .rateLimited, "a replay check runs already, or your tenant's last one just ended"
      ).retrying(after: pause)
    }
    defer { parts.replays.leave(key, of: tenant, from: start, at: timers.clocks.monotonic()) }
    // As long as nobody knows them, versions are compiled for it.
    try await checkSeesAll(of: topic, until: start + ReplayLimits.time)
    var run = ReplayRun(
      log: parts.engine, topic: topic, schema: candidate.program, bounds: bounds,
      last: UInt64(last ?? ReplayLimits.defaultEvents),
      type: type.map { ByteSlice(copying: $0.span) }, clocks: timers.clocks)
    while !run.isDone, timers.clocks.monotonic() - start < ReplayLimits.time {
      // The caller has hung up, or the gateway goes down: nobody waits for the rest.
      guard !Task.isCancelled else { throw Refusal.cutShort }
      // Whoever has lost a right meanwhile, or a class of it, gets no answer.
      guard try check(tenure).classes == topic.classes else {
        throw Refusal(.grantsChanged, "what of classified data you may see here has changed")
      }
      let state = run
      run = try await parts.workers.run { state.continued() }.get()
    }
    return finish(run, took: timers.clocks.monotonic() - start, &answer)
  }

  private func finish(
    _ run: ReplayRun<Engine>, took span: TimeSpan, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      run.tally.write(into: &json)
      json.key("from")
      json.string(MessageID(ledger: run.first.ledger, entry: run.first.next))
      json.key("next")
      json.string(run.cursor.text)
      json.key("complete")
      json.bool(run.isDone)
      let seconds = Double(span.nanoseconds) / 1e9
      json.key("seconds")
      json.number(seconds)
      json.key("eventsPerSecond")
      json.number(seconds > 0 ? (Double(run.tally.seen) / seconds).rounded() : 0)
      json.endObject()
    }
  }
}

/// A replay check under way: a value that goes to a worker for one piece of work and comes back.
struct ReplayRun<Log: EventEngine>: Sendable {
  let log: Log
  let topic: TopicAddress
  let schema: CompiledSchema
  /// The only type of events to look at, a `*` at its end standing for the rest; nil: all.
  let type: ByteSlice?
  let clocks: Clocks
  /// The oldest event to look at.
  let first: Cursor
  /// The entry behind the newest one.
  let end: UInt64
  private(set) var cursor: Cursor
  private(set) var tally = ReplayTally()
  private(set) var isDone = false
  /// What was read and not looked at yet.
  private var page: ArraySlice<Record> = []
  private var right: ReplayRight<Log>

  init(
    log: Log, topic: TopicAddress, schema: CompiledSchema, bounds: TopicBounds, last: UInt64,
    type: ByteSlice?, clocks: Clocks
  ) {
    self.log = log
    self.topic = topic
    self.schema = schema
    self.type = type
    self.clocks = clocks
    right = ReplayRight(log, of: topic)
    end = bounds.end
    first = Cursor(
      ledger: bounds.ledger, next: bounds.events > last ? bounds.end - last : bounds.first)
    cursor = first
  }

  /// The run after one piece of work, on the thread of a worker.
  func continued() -> Result<ReplayRun, ReadFailure> {
    var run = self
    do throws(ReadFailure) {
      try run.work()
      return .success(run)
    } catch {
      return .failure(error)
    }
  }

  private mutating func work() throws(ReadFailure) {
    let scratch = SchemaScratch()
    let deadline = clocks.monotonic() + ReplayLimits.pieceTime
    right.refresh()
    repeat {
      if let record = page.popFirst() {
        look(at: record, scratch)
      } else if cursor.next < end {
        try read()
      } else {
        isDone = true
      }
    } while !isDone && clocks.monotonic() < deadline
  }

  private mutating func read() throws(ReadFailure) {
    let budget = ByteBudget(records: 10_000, bytes: ReplayLimits.pageBytes)
    let found: Page
    do throws(ReadFailure) {
      found = try log.readStored(topic, from: cursor, budget: budget)
    } catch {
      guard case .corrupt(let ledger, _, let last) = error, ledger == cursor.ledger,
        last >= cursor.next
      else { throw error }
      tally.damaged += min(last + 1, end) - cursor.next
      cursor = Cursor(ledger: ledger, next: last + 1)
      return
    }
    if let gap = found.gap {
      // Deleted and made anew meanwhile: all that was left of it is gone.
      let isAnew = gap.cause == .earlierIncarnation
      tally.gone += isAnew ? end - cursor.next : min(gap.lost ?? 0, end - cursor.next)
      if isAnew {
        cursor = Cursor(ledger: cursor.ledger, next: end)
        return
      }
    }
    page = found.records.prefix { $0.id.entry < end }
    cursor = found.next
  }

  private mutating func look(at record: Record, _ scratch: SchemaScratch) {
    guard isOfType(record) else {
      tally.otherType += 1
      return
    }
    guard right.shows(record) else {
      tally.classified += 1
      return
    }
    guard record.flags.contains(.jsonPayload) else {
      tally.notJSON += 1
      return
    }
    switch schema.validate(record.payload, scratch) {
    case nil: tally.take(record)
    case .malformedJSON?: tally.notJSON += 1
    case let refusal?: tally.refuse(record, refusal)
    }
  }

  private func isOfType(_ record: Record) -> Bool {
    guard let type else { return true }
    let own = record.attributes[.type] ?? ByteSlice(utf8: "\(topic.namespace).\(topic.topic)")
    guard type.count > 0, type[type.count - 1] == 0x2A else { return own == type }
    return own.count >= type.count - 1 && own.prefix(type.count - 1) == type.prefix(type.count - 1)
  }
}
