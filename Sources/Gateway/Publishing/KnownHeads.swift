import Bytes
import Events
import HTTPWire

/// What the fields of a publish's head have said, but for its caller's credentials, its length and
/// its trace: requests whose heads repeat them need not have them read. Confined to its loop.
final class KnownFields: HeadMemo {
  /// Tells them from others on the loop, those of all connections that say the same are one.
  let id: UInt64
  /// Fields of every answer.
  let answerFields: ByteSlice
  /// The snapshot's under which they were read.
  let generation: UInt64
  /// All of them, in storage of their own.
  fileprivate let text: ByteSlice
  /// Which field is the trace's, and its state's.
  private let traceParent: Int?
  private let traceState: Int?

  fileprivate init(
    _ text: ByteSlice, _ fields: FieldTable, id: UInt64, answering answerFields: ByteSlice,
    generation: UInt64
  ) {
    self.id = id
    self.answerFields = answerFields
    self.generation = generation
    self.text = ByteSlice(copying: text.span)
    traceParent = fields.firstIndex(of: "traceparent")
    traceState = fields.firstIndex(of: "tracestate")
  }

  /// The event of a request whose head repeats them.
  ///
  /// - Parameter model: made of these fields.
  func event(
    _ model: EventModel, of request: HTTPRequest, _ body: ByteSlice, on shelf: AttributeShelf
  ) -> EventDraft {
    model.event(body, in: trace(of: request), name: request.id.digits, on: shelf)
  }

  private func trace(of request: HTTPRequest) -> TraceContext? {
    guard let traceParent else { return nil }
    let fields = request.head.fields
    return TraceContext(
      parent: fields.value(at: traceParent), state: traceState.map { fields.value(at: $0) })
  }
}

/// What a publish's whole head has said, for the requests of the same connection whose heads repeat
/// it: their caller need not be found either. What time, keys, revocations and policy have to say
/// is asked anew for each. Confined to its loop.
final class KnownPublish: HeadMemo {
  let fields: KnownFields
  /// One that is kept, chosen by the request's path and token alone.
  let target: PublishTarget
  let model: EventModel

  init(_ fields: KnownFields, _ target: PublishTarget, _ model: EventModel) {
    self.fields = fields
    self.target = target
    self.model = model
  }
}

/// The fields that a loop's clients have sent lately: nearly all of them send the same.
///
/// Owned by one loop. Bounded: see `AssociativeTable`; each is at most as long as the head that a
/// connection remembers.
struct FieldsShelf {
  private var known = AssociativeTable<KnownFields>(capacity: GatewayLimits.publishFields)
  /// How many there have been.
  private var last: UInt64 = 0

  /// Those of a head.
  ///
  /// - Parameter answerFields: what every answer to it carries under the snapshot of `generation`.
  /// - Returns: nil where more than one field speaks of the trace.
  mutating func fields(
    of head: borrowing RequestHead, answering answerFields: ByteSlice, generation: UInt64
  ) -> KnownFields? {
    let fields = head.fields
    guard fields.occurrences(of: "traceparent") <= 1, fields.occurrences(of: "tracestate") <= 1
    else { return nil }
    let text = Self.text(of: fields)
    let hash = text.place(seed: generation)
    let isSame = { (fields: KnownFields) in fields.text == text && fields.generation == generation }
    if let index = known.find(hash, where: isSame) { return known[index] }
    last += 1
    let fresh = KnownFields(
      text, fields, id: last, answering: answerFields, generation: generation)
    known.put(fresh, hash, replacing: isSame)
    return fresh
  }

  /// The fields in their order, without the values of those that `HeadRepeat.fields` leaves open.
  private static func text(of fields: FieldTable) -> ByteSlice {
    var text = ByteWriter(capacity: 512)
    for index in 0..<fields.count {
      text.append(fields.name(at: index))
      text.append(ASCII.colon)
      if fields.repeats(without: index) < .fields { text.append(fields.value(at: index)) }
      // No field holds one.
      text.append(ASCII.lineFeed)
    }
    return text.slice
  }
}
