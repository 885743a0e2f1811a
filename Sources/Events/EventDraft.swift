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

  /// Attributes that only the gateway writes, as they are stored.
  let attributes: Attributes
  /// The `source` that policy gives events whose publisher names none.
  public let source: ByteSlice?
  /// The `type` of an event of the gateway's own, whose envelope names none.
  public let type: ByteSlice?

  /// - Parameter attributes: none but those that only the gateway writes.
  init(_ attributes: Attributes, source: ByteSlice?, type: ByteSlice?) {
    self.attributes = attributes
    self.source = source
    self.type = type
  }

  /// The same in storage of its own, for those who keep it longer than a request.
  public var detached: GatewayStamp {
    func copy(_ slice: ByteSlice) -> ByteSlice { ByteSlice(copying: slice.span) }
    return GatewayStamp(
      Attributes(encoded: copy(attributes.encoded)), source: source.map(copy),
      type: type.map(copy))
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
    if let authtype { builder.set(.authtype, authtype) }
    if let authid { builder.set(.authid, authid) }
    if let authissuer { builder.set(.authissuer, authissuer) }
    if let service { builder.set(.service, service) }
    if let requestid { builder.set(.requestid, requestid) }
    self.init(builder.attributes, source: source, type: type)
  }

  /// No word from the gateway: events that carry theirs already, and tests.
  public static let none = GatewayStamp()
}
