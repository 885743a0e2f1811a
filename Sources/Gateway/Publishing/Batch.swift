import Bytes
import Events
import JSONText
import Schemas
import Tenancy
import Topics

/// The events of one request and what became of each, in order. At most
/// `GatewayLimits.batchEvents`.
struct Batch {
  enum Item {
    case waiting(ConformingEvent)
    /// Not judged yet.
    case deferred
    case stored(Receipt)
    case quarantined(ConformingEvent, Receipt)
    case refused(Refusal)
  }

  /// An event that waits to be judged: it is large, or its schema is not compiled.
  struct Deferred {
    let draft: EventDraft
    let place: EventPlace
    fileprivate(set) var missing: UncompiledSchema?
    /// How often another version had come into force when it was compiled.
    fileprivate var postponed = 0
  }

  /// Finds where payloads begin in a body that is one text; nil for lines.
  var walk: PayloadWalk?
  /// How much of the loop's turn the batch has had.
  var pace = Pace()
  private(set) var items: [Item] = []
  private(set) var stored = 0
  private(set) var rejected = 0
  /// Stored in the quarantine topic.
  private(set) var quarantined = 0
  /// Of the stored events' versions the one that was deprecated last.
  private(set) var deprecated: SchemaDeprecation?
  private(set) var deprecatedEvents = 0
  private(set) var hasQuarantined = false
  /// Events refused for want of a right to publish them, by the reason; a handful at most.
  private(set) var denials: [(reason: ProblemCode, events: Int)] = []
  private var deferred: [Deferred] = []
  /// Everything before it is settled, but for what is quarantined.
  private var settled = 0
  private var settledQuarantine = 0
  /// Bytes of the errors that are told.
  private var errorBytes = 0

  /// What one commit takes of a batch that need not be whole.
  private static let pieceBytes = 512 << 10
  private static let pieceEvents = 4_096

  var hasRefusals: Bool { rejected > 0 }
  var hasRoomForErrors: Bool { errorBytes < GatewayLimits.batchErrorBytes }

  /// Whether the next event is told what is wrong with it. Marks that are stored with an event are
  /// wanted whatever the answer has room for.
  func explains(under binding: SchemaBinding?) -> Bool {
    hasRoomForErrors || binding?.sole?.enforcement != .enforce
  }

  /// Where the next event is in the body.
  mutating func place(
    of draft: EventDraft?, on line: (number: Int, offset: Int)?
  ) -> EventPlace {
    let index = items.count
    if let line { return EventPlace(index: index, line: line.number, offset: line.offset) }
    return EventPlace(index: index, from: draft.flatMap { walk?.origin(of: $0.payload) })
  }

  mutating func add(_ event: ConformingEvent) {
    if event.standing == .quarantined { hasQuarantined = true }
    items.append(.waiting(event))
  }

  /// Adds an event that is judged later.
  ///
  /// - Parameter missing: what has to be compiled for it.
  mutating func hold(_ draft: EventDraft, at place: EventPlace, _ missing: UncompiledSchema?) {
    deferred.append(Deferred(draft: draft, place: place, missing: missing))
    items.append(.deferred)
  }

  /// The events that wait for the same version as the first that waits, in order; never empty. The
  /// caller replaces, refuses or postpones each.
  mutating func nextDeferred() -> [Deferred]? {
    guard let first = deferred.first else { return nil }
    let group = deferred.filter { $0.missing == first.missing }
    deferred.removeAll { $0.missing == first.missing }
    return group
  }

  mutating func replace(_ event: Deferred, _ conforming: ConformingEvent) {
    pace.note(bytes: event.draft.payload.count)
    if conforming.standing == .quarantined { hasQuarantined = true }
    items[event.place.index] = .waiting(conforming)
  }

  mutating func postpone(_ event: Deferred, _ missing: UncompiledSchema) {
    var event = event
    event.missing = missing
    event.postponed += 1
    guard event.postponed < GatewayLimits.judgingAttempts else {
      return refuse(event, Refusal.schemasChange)
    }
    deferred.append(event)
  }

  mutating func refuse(_ event: Deferred, _ error: any Error) {
    pace.noteRefusal()
    items[event.place.index] = refused(Refusal(error, at: event.place))
  }

  private mutating func noteDenial(_ refusal: Refusal, events: Int = 1) {
    guard refusal.challenge != nil else { return }
    if let place = denials.firstIndex(where: { $0.reason == refusal.code }) {
      denials[place].events += events
    } else {
      denials.append((refusal.code, events))
    }
  }

  mutating func add(_ refusal: Refusal) { items.append(refused(refusal)) }

  private mutating func refused(_ refusal: Refusal) -> Item {
    let bytes = min(refusal.faultBytes, GatewayLimits.problemBytes)
    let hasRoom = hasRoomForErrors
    if hasRoom { errorBytes += bytes }
    rejected += 1
    noteDenial(refusal)
    return .refused(hasRoom ? refusal : refusal.withoutFaults())
  }

  /// The next events to store together: indices of waiting items. Nil when none wait.
  func nextPiece(whole: Bool, quarantined: Bool = false) -> [Int]? {
    var piece: [Int] = []
    var bytes = 0
    for index in (quarantined ? settledQuarantine : settled)..<items.count {
      guard case .waiting(let event) = items[index],
        (event.standing == .quarantined) == quarantined
      else { continue }
      if !whole, !piece.isEmpty,
        piece.count == Self.pieceEvents || bytes + event.draft.cost > Self.pieceBytes
      {
        break
      }
      piece.append(index)
      bytes += event.draft.cost
    }
    return piece.isEmpty ? nil : piece
  }

  /// Whether there is anything to store.
  var hasWaiting: Bool { hasQuarantined || nextPiece(whole: false) != nil }

  func events(at piece: [Int]) -> [ConformingEvent] {
    piece.compactMap { index in
      if case .waiting(let event) = items[index] { event } else { nil }
    }
  }

  mutating func settle(
    _ piece: [Int], _ receipts: [Receipt], quarantined isQuarantine: Bool = false
  ) {
    for (index, receipt) in zip(piece, receipts) {
      guard case .waiting(let event) = items[index] else { continue }
      items[index] = isQuarantine ? .quarantined(event, receipt) : .stored(receipt)
      guard let deprecation = event.deprecated else { continue }
      if deprecated.map({ $0.since < deprecation.since }) ?? true { deprecated = deprecation }
      deprecatedEvents += 1
    }
    if isQuarantine { quarantined += receipts.count } else { stored += receipts.count }
    advance(behind: piece, isQuarantine)
  }

  mutating func refuse(_ piece: [Int], _ refusal: Refusal, quarantined: Bool = false) {
    for index in piece { items[index] = .refused(refusal) }
    rejected += piece.count
    noteDenial(refusal, events: piece.count)
    advance(behind: piece, quarantined)
  }

  private mutating func advance(behind piece: [Int], _ quarantined: Bool) {
    guard let last = piece.last else { return }
    if quarantined { settledQuarantine = last + 1 } else { settled = last + 1 }
  }

  /// Some are refused, so none is stored: the faultless ones are told that it was not theirs.
  mutating func abort() {
    for index in items.indices {
      guard case .waiting = items[index] else { continue }
      items[index] = .refused(Refusal(.batchAborted))
      rejected += 1
    }
  }

  /// The first reason why nothing is stored that passes by itself: overload, or the share of one's
  /// tenant. Whoever reads the status alone shall not take the batch for a bad one.
  var hindrance: Refusal? {
    if stored + quarantined > 0 { return nil }
    for case .refused(let refusal) in items where [429, 503].contains(refusal.code.status) {
      return refusal
    }
    return nil
  }

  /// 201 all stored, 202 all quarantined, 207 some, else what hinders them: 422, or 429 or 503
  /// where that passes.
  func status(under hindrance: Refusal?) -> Int {
    if rejected + quarantined == 0 { return 201 }
    if rejected + stored == 0 { return 202 }
    if stored + quarantined > 0 { return 207 }
    return hindrance?.code.status ?? 422
  }
}

extension Batch.Item {
  /// Writes the element of `results`.
  func write(_ index: Int, into json: inout JSONWriter) {
    json.beginObject()
    json.key("index")
    json.integer(index)
    json.key("status")
    switch self {
    case .stored(let receipt):
      json.integer(201)
      json.key("messageId")
      json.string(receipt.id)
    case .quarantined(let event, let receipt):
      json.integer(202)
      json.key("topic")
      json.string("\(event.address)")
      json.key("messageId")
      json.string(receipt.id)
      json.key("errors")
      json.raw(event.draft.attributes[.schemaErrors] ?? ByteSlice(utf8: "[]"))
    case .refused(let refusal):
      json.integer(refusal.code.status)
      json.key("error")
      refusal.write(instance: nil, into: &json)
    case .waiting, .deferred:
      json.integer(500)
    }
    json.endObject()
  }
}
