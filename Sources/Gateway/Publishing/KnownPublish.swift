import Authentication
import Bytes
import Events
import HTTPWire
import Tenancy

/// What the head of a publish has said, for the requests of the same connection whose heads repeat
/// it: they need not be read, nor their caller found, nor their fields made into an event's. What
/// time, keys, revocations and policy have to say is asked anew for each. Confined to its loop.
final class KnownPublish: HeadMemo {
  let target: PublishTarget
  /// Fields of every answer.
  let answerFields: ByteSlice
  private let model: EventModel
  /// Which field is the trace's, and its state's.
  private let traceParent: Int?
  private let traceState: Int?
  private var caller: TokenCache.Kept
  /// The snapshot's under which it was found.
  private let generation: UInt64

  /// - Parameters:
  ///   - target: one that a request's path and token alone have chosen.
  ///   - envelope: what was read of the head; in binary mode.
  ///   - answerFields: what every answer to it carries.
  /// - Returns: nil where more than one field speaks of the trace.
  init?(
    _ target: PublishTarget, _ envelope: borrowing EventRequest, _ head: borrowing RequestHead,
    answering answerFields: ByteSlice, _ admission: Admission
  ) throws(EventFault) {
    let fields = head.fields
    guard fields.occurrences(of: "traceparent") <= 1, fields.occurrences(of: "tracestate") <= 1
    else { return nil }
    self.target = target
    self.answerFields = answerFields
    model = try EventModel(envelope)
    traceParent = fields.firstIndex(of: "traceparent")
    traceState = fields.firstIndex(of: "tracestate")
    caller = admission.kept(target.address.caller.token)
    generation = admission.snapshot.generation
  }

  /// Whether the caller may still publish there.
  func holds(for admission: Admission, at now: UnixTime) -> Bool {
    generation == admission.snapshot.generation && now < target.address.caller.changes
      && admission.holds(&caller, at: now)
  }

  /// The event of a request whose head repeats the one that this is of.
  func event(
    of request: HTTPRequest, _ body: ByteSlice, on shelf: AttributeShelf
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
