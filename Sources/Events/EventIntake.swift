public import Bytes
public import JSONText

/// Makes events of what publishers send, in each of the ways CloudEvents 1.0.2 and the HTTP
/// contract know. What publishers may leave out (`id`, `source`, `type`, `time`) is filled in on
/// delivery.
public enum EventIntake {
  /// How the types begin that only the gateway gives: in an event stream it speaks under such names
  /// itself, and no publisher may be taken for it. Compared as bytes, as types are.
  public static let reservedTypes: StaticString = "jodrell."

  /// Whether a type is one of those.
  public static func isReserved(type: ByteSlice) -> Bool {
    type.prefix(reservedTypes.utf8CodeUnitCount).equals(reservedTypes)
  }

  /// One event whose payload is the whole body.
  ///
  /// - Parameter shelf: where its attributes are made; without one they take memory of their own.
  public static func binary(
    _ request: borrowing EventRequest, body: ByteSlice, on shelf: AttributeShelf? = nil
  ) throws(EventFault) -> EventDraft {
    let contentType = request.contentType
    let kind = kind(of: contentType)
    if let reader = request.attributes {
      return try assemble(
        reader, request, payload: body, kind: kind, contentType: contentType, on: shelf)
    }
    return EventDraft(
      attributes: try attributes(nil, .nothing, request, contentType, on: shelf),
      key: request.key, payload: body, payloadKind: kind)
  }

  /// How a payload of a media type is read that is a whole body.
  static func kind(of contentType: ByteSlice?) -> PayloadKind {
    contentType.map(MediaType.isJSON) ?? false ? .json : .binary
  }

  /// One event in the JSON format: a member per attribute, its payload in `data` or `data_base64`.
  public static func structured(
    _ event: JSONNode, _ request: EventRequest
  ) throws(EventFault) -> EventDraft {
    guard event.kind == .object else { throw .notAnObject }
    var reader = EnvelopeReader()
    var data: JSONNode?
    var encoded: JSONNode?
    for (name, value) in event.members {
      if name.equals("data") {
        data = value
      } else if name.equals("data_base64") {
        encoded = value.isNull ? nil : value
      } else {
        try reader.takeMember(name, value)
      }
    }
    guard reader.hasSpecVersion else { throw .specVersionMissing }
    let isJSON = reader.contentType.map(MediaType.isJSON)
    if let encoded {
      // A member that is null counts as absent.
      guard data?.isNull ?? true else { throw .dataTwice }
      guard let text = encoded.string, let payload = Base64.decode(text, as: .standard) else {
        throw .badBase64
      }
      return try assemble(
        reader, request, payload: payload, kind: isJSON ?? false ? .json : .binary,
        contentType: reader.contentType)
    }
    guard let data else {
      return try assemble(
        reader, request, payload: .empty, kind: .binary, contentType: reader.contentType)
    }
    if isJSON ?? true {
      return try assemble(
        reader, request, payload: data.raw, kind: .json, contentType: reader.contentType)
    }
    guard let text = data.string else { throw .dataNotText }
    return try assemble(
      reader, request, payload: text, kind: .binary, contentType: reader.contentType)
  }

  /// The events of a batch, each for itself, in order.
  public static func batch(
    _ root: JSONNode, _ request: EventRequest, limit: Int = EventLimits.maxBatch
  ) throws(EventFault) -> [Result<EventDraft, EventFault>] {
    guard root.kind == .array else { throw .notAnArray }
    var events: [Result<EventDraft, EventFault>] = []
    for element in root.elements {
      guard events.count < limit else { throw .tooManyEvents(limit: limit) }
      do throws(EventFault) {
        events.append(.success(try structured(element, request)))
      } catch {
        events.append(.failure(error))
      }
    }
    return events
  }

  /// What the events of a stream of lines have in common: everything but their payload.
  public static func lines(_ request: EventRequest) throws(EventFault) -> LineIntake {
    LineIntake(
      model: try assemble(
        EnvelopeReader(), request, payload: .empty, kind: .json, contentType: nil))
  }

  /// Joins what the event says with what the request says, and the gateway's own attributes.
  private static func assemble(
    _ reader: borrowing EnvelopeReader, _ request: borrowing EventRequest, payload: ByteSlice,
    kind: PayloadKind, contentType: ByteSlice?, on shelf: AttributeShelf? = nil
  ) throws(EventFault) -> EventDraft {
    try checkAgreement(of: reader, request)
    return EventDraft(
      attributes: try attributes(
        reader.builder, Given(reader), request, contentType, on: shelf),
      key: reader.key ?? request.key, payload: payload,
      payloadKind: kind, namesSchema: reader.namesSchema,
      strippedAttributes: reader.stripped)
  }

  /// What an event says and its request says too has to be the same.
  static func checkAgreement(
    of reader: borrowing EnvelopeReader, _ request: borrowing EventRequest
  ) throws(EventFault) {
    if let own = reader.key, let key = request.key, own != key { throw .keyConflict }
    if let own = reader.time, let time = request.time, own != time { throw .badTime }
  }

  /// What of an event's attributes it has brought itself.
  struct Given {
    var source = false
    var type = false
    var time = false
    var contentType = false
    var traceParent = false
    var traceState = false

    static let nothing = Given()

    private init() {}

    init(_ reader: borrowing EnvelopeReader) {
      source = reader.hasSource
      type = reader.hasType
      time = reader.time != nil
      contentType = reader.contentType != nil
      traceParent = reader.hasTraceParent
      traceState = reader.hasTraceState
    }
  }

  /// The event's own attributes, completed: on the shelf, if there is one.
  ///
  /// - Parameter own: nil where it has brought none.
  private static func attributes(
    _ own: AttributesBuilder?, _ given: Given, _ request: borrowing EventRequest,
    _ contentType: ByteSlice?, on shelf: AttributeShelf?
  ) throws(EventFault) -> Attributes {
    if let shelf {
      shelf.begin(with: own)
      try complete(&shelf.builder, given, request, contentType)
      return shelf.finish()
    }
    var builder = own ?? AttributesBuilder()
    try complete(&builder, given, request, contentType)
    return builder.attributes
  }

  /// Adds what the event leaves to the request to say, and the gateway's own.
  private static func complete(
    _ builder: inout AttributesBuilder, _ given: Given, _ request: borrowing EventRequest,
    _ contentType: ByteSlice?
  ) throws(EventFault) {
    builder.reserve(request.stamp.byteCount + GatewayStamp.RequestName.count + 2)
    try begin(&builder, given, request, contentType)
    if !given.traceParent, let trace = request.trace {
      add(trace, takesState: !given.traceState, to: &builder)
    }
    builder.append(encoded: request.stamp.attributes)
    if let name = request.name { add(name, to: &builder) }
  }

  /// What goes before the trace.
  static func begin(
    _ builder: inout AttributesBuilder, _ given: Given, _ request: borrowing EventRequest,
    _ contentType: ByteSlice?
  ) throws(EventFault) {
    if !given.source { builder.append(encoded: request.stamp.source) }
    if !given.type { builder.append(encoded: request.stamp.type) }
    if !given.time, let time = request.time { builder.set(.time, time) }
    if !given.contentType, let contentType, !contentType.equals("application/json") {
      guard AttributeText.isValid(contentType) else { throw .badMediaType }
      builder.set(.datacontenttype, contentType)
    }
  }

  static func add(
    _ trace: TraceContext, takesState: Bool, to builder: inout AttributesBuilder
  ) {
    builder.set(.traceparent, trace.parent)
    if takesState, let state = trace.state { builder.set(.tracestate, state) }
  }

  static func add(_ name: GatewayStamp.RequestName, to builder: inout AttributesBuilder) {
    builder.set(.requestid, length: name.count) { $0.append(name.span) }
  }
}

/// Makes events of the lines of one request.
public struct LineIntake: Sendable {
  /// An event without its payload.
  fileprivate let model: EventDraft

  /// One line: a JSON payload.
  public func event(_ line: ByteSlice) -> EventDraft {
    EventDraft(
      attributes: model.attributes, key: model.key, payload: line, payloadKind: .json,
      strippedAttributes: model.strippedAttributes)
  }
}
