public import Bytes

/// How a payload is to be read.
public enum PayloadKind: Sendable, Equatable {
  /// JSON by its media type. Whether it is well-formed is for the schema gate to say.
  case json
  /// Anything else, none at all included.
  case binary
}

/// One event as its publisher sent it, the envelope taken off: what the schema gate judges and, if
/// it conforms, the log stores byte by byte.
public struct EventDraft: Sendable, Equatable {
  /// The publisher's attributes and the gateway's own (from the stamp); no others' copies of those.
  public let attributes: Attributes
  /// The ordering key: `Event-Key` or `partitionkey`.
  public let key: ByteSlice?
  /// The payload as sent, a slice of the request's body where that is possible.
  public let payload: ByteSlice
  public let payloadKind: PayloadKind
  /// Whether the publisher named a schema: `dataschema` is among the attributes.
  public let namesSchema: Bool
  /// How many attributes that only the gateway writes were sent and dropped.
  public let strippedAttributes: Int

  public init(
    attributes: Attributes, key: ByteSlice?, payload: ByteSlice, payloadKind: PayloadKind,
    namesSchema: Bool = false, strippedAttributes: Int = 0
  ) {
    self.attributes = attributes
    self.key = key
    self.payload = payload
    self.payloadKind = payloadKind
    self.namesSchema = namesSchema
    self.strippedAttributes = strippedAttributes
  }

  /// The same event with more attributes, none of which it has.
  public func adding(_ more: Attributes) -> EventDraft {
    var builder = AttributesBuilder(capacity: attributes.encoded.count + more.encoded.count)
    builder.append(attributes)
    builder.append(more)
    return EventDraft(
      attributes: builder.attributes, key: key, payload: payload, payloadKind: payloadKind,
      namesSchema: namesSchema, strippedAttributes: strippedAttributes)
  }

  /// The same event without `dataschema`: the gateway says itself what it was checked against.
  public var withoutSchemaName: EventDraft {
    guard namesSchema else { return self }
    var builder = AttributesBuilder(capacity: attributes.encoded.count)
    for entry in attributes where entry.name != .dataschema {
      builder.set(entry.name, entry.value, kind: entry.kind)
    }
    return EventDraft(
      attributes: builder.attributes, key: key, payload: payload, payloadKind: payloadKind,
      strippedAttributes: strippedAttributes)
  }

  /// Bytes that the event will occupy: what quotas and budgets count.
  public var cost: Int { attributes.encoded.count + (key?.count ?? 0) + payload.count }
}

/// What the gateway itself says about an event: who published it, as verified, and by which
/// request.
public struct GatewayStamp: Sendable {
  /// A request's name.
  public typealias RequestName = InlineArray<20, UInt8>

  /// One run of bytes, so that a copy costs one reference: attributes as they are stored, first
  /// `source` and `type` where the stamp has them, then those that only the gateway writes.
  private let encoded: ByteSlice
  private let sourceEnd: Int
  private let typeEnd: Int

  /// - Parameters:
  ///   - encoded: attributes as they are stored: those of which there is none are left out.
  ///   - sourceEnd: where `source` ends; 0 without one.
  ///   - typeEnd: where `type` ends; `sourceEnd` without one.
  init(encoded: ByteSlice, sourceEnd: Int, typeEnd: Int) {
    self.encoded = encoded
    self.sourceEnd = sourceEnd
    self.typeEnd = typeEnd
  }

  /// The same in storage of its own, for those who keep it longer than a request.
  public var detached: GatewayStamp {
    GatewayStamp(
      encoded: ByteSlice(copying: encoded.span), sourceEnd: sourceEnd, typeEnd: typeEnd)
  }

  /// Bytes of all its attributes.
  var byteCount: Int { encoded.count }
  /// The `source` that policy gives events whose publisher names none, as it is stored; empty for
  /// none.
  var source: Span<UInt8> {
    @_lifetime(borrow self)
    get { encoded.span.extracting(0..<sourceEnd) }
  }
  /// The `type` of an event of the gateway's own, whose envelope names none; the same.
  var type: Span<UInt8> {
    @_lifetime(borrow self)
    get { encoded.span.extracting(sourceEnd..<typeEnd) }
  }
  /// Attributes that only the gateway writes, as they are stored.
  var attributes: Span<UInt8> {
    @_lifetime(borrow self)
    get { encoded.span.extracting(typeEnd..<encoded.count) }
  }

  /// - Parameters:
  ///   - authtype: CloudEvents auth context: the kind of principal, such as `user` or
  ///     `service_account`.
  ///   - authid: the verified principal.
  ///   - authissuer: the configured issuer's name.
  ///   - service: the service tag that policy gives the principal.
  public init(
    authtype: ByteSlice? = nil, authid: ByteSlice? = nil, authissuer: ByteSlice? = nil,
    service: ByteSlice? = nil, requestid: ByteSlice? = nil, source: ByteSlice? = nil,
    type: ByteSlice? = nil
  ) {
    var builder = AttributesBuilder()
    if let source { builder.set(.source, source) }
    sourceEnd = builder.block.count
    if let type { builder.set(.type, type) }
    typeEnd = builder.block.count
    if let authtype { builder.set(.authtype, authtype) }
    if let authid { builder.set(.authid, authid) }
    if let authissuer { builder.set(.authissuer, authissuer) }
    if let service { builder.set(.service, service) }
    if let requestid { builder.set(.requestid, requestid) }
    encoded = builder.block.slice
  }

  /// No word from the gateway: events that carry theirs already, and tests.
  public static let none = GatewayStamp()
}
