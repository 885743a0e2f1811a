public import Bytes

/// What an event's request says of the trace it belongs to (W3C Trace Context).
public struct TraceContext: Sendable, Equatable {
  let parent: ByteSlice
  let state: ByteSlice?

  /// A trace state belongs to its parent: without a usable one there is no context (§3.2, §3.3).
  ///
  /// - Parameters:
  ///   - parent: the value of `traceparent`, if it was sent.
  ///   - state: the value of `tracestate`; one of other than an attribute's characters is dropped.
  public init?(parent: ByteSlice?, state: ByteSlice?) {
    guard let parent, TraceParent.isValid(parent) else { return nil }
    self.parent = parent
    self.state = state.flatMap { AttributeText.isValid($0) ? $0 : nil }
  }
}

/// What the events of requests in binary mode have in common whose fields say the same: everything
/// but the payload, the request's name and its trace. Made once, so that the fields of each need
/// not be read.
public struct EventModel: Sendable {
  /// Attributes as they are stored, in storage of their own, with those of a trace and of the
  /// request's name left out.
  private let encoded: ByteSlice
  /// Where a trace's attributes belong.
  private let traceAt: Int
  /// Whether the event leaves them to the request to say.
  private let takesParent: Bool
  private let takesState: Bool
  private let key: ByteSlice?
  private let kind: PayloadKind
  private let namesSchema: Bool
  private let strippedAttributes: Int

  /// What it takes in memory, in bytes.
  public var byteCount: Int { encoded.count + (key?.count ?? 0) }

  /// Refuses what `EventIntake.binary` does.
  public init(_ request: borrowing EventRequest) throws(EventFault) {
    let (contentType, reader) = (request.contentType, request.attributes)
    if let reader { try EventIntake.checkAgreement(of: reader, request) }
    let given = reader.map { EventIntake.Given($0) } ?? .nothing
    var builder = reader?.builder ?? AttributesBuilder()
    try EventIntake.begin(&builder, given, request, contentType)
    traceAt = builder.size
    builder.append(encoded: request.stamp.attributes)
    encoded = ByteSlice(copying: builder.attributes.encoded.span)
    takesParent = !given.traceParent
    takesState = !given.traceState
    key = (reader?.key ?? request.key).map { ByteSlice(copying: $0.span) }
    kind = EventIntake.kind(of: contentType)
    namesSchema = reader?.namesSchema ?? false
    strippedAttributes = reader?.stripped ?? 0
  }

  /// One event.
  ///
  /// - Parameters:
  ///   - name: the request's, which the stamp must not have given.
  ///   - shelf: where its attributes are made.
  public func event(
    _ payload: ByteSlice, in trace: TraceContext?, name: GatewayStamp.RequestName,
    on shelf: AttributeShelf
  ) -> EventDraft {
    shelf.begin(with: nil)
    shelf.builder.reserve(encoded.count + GatewayStamp.RequestName.count + 2)
    if let trace, takesParent {
      shelf.builder.append(encoded: encoded.span.extracting(0..<traceAt))
      EventIntake.add(trace, takesState: takesState, to: &shelf.builder)
      shelf.builder.append(encoded: encoded.span.extracting(traceAt...))
    } else {
      shelf.builder.append(encoded: encoded.span)
    }
    EventIntake.add(name, to: &shelf.builder)
    return EventDraft(
      attributes: shelf.finish(), key: key, payload: payload, payloadKind: kind,
      namesSchema: namesSchema, strippedAttributes: strippedAttributes)
  }
}
