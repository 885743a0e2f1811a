import Bytes
import JSONText

/// Collects the attributes of one event from header fields or members, one by one, checking each.
struct EnvelopeReader: Sendable {
  private(set) var builder = AttributesBuilder(capacity: 0)
  private(set) var key: ByteSlice?
  private(set) var contentType: ByteSlice?
  private(set) var hasSpecVersion = false
  private(set) var hasSource = false
  private(set) var hasType = false
  private(set) var time: ByteSlice?
  private(set) var namesSchema = false
  private(set) var hasTraceParent = false
  private(set) var hasTraceState = false
  /// Attributes that only the gateway writes, dropped.
  private(set) var stripped = 0
  /// Names seen in header fields, where nothing else finds repetitions.
  private var seen: [ByteSlice] = []

  /// Takes a `ce-` field of binary mode: its name without the prefix, in any case.
  mutating func takeField(_ rawName: ByteSlice, _ rawValue: ByteSlice) throws(EventFault) {
    var lowered = ByteWriter(capacity: rawName.count)
    for index in 0..<rawName.count { lowered.append(ASCII.lowercased(rawName[index])) }
    let name = lowered.slice
    guard !seen.contains(name) else { throw .duplicateAttribute(EventFault.named(name)) }
    guard seen.count < EventLimits.maxAttributes + 2 else { throw .tooManyAttributes }
    seen.append(name)
    guard let value = HeaderValue.decode(rawValue) else {
      throw .badAttributeValue(EventFault.named(name), .badEscape)
    }
    if name.equals("datacontenttype") {
      throw .badAttributeValue(name, .notAHeader)
    }
    try take(name, value, .text)
  }

  /// Takes a member of a structured event other than `data` and `data_base64`.
  mutating func takeMember(_ name: ByteSlice, _ value: JSONNode) throws(EventFault) {
    switch value.kind {
    case .null: break
    case .string: try take(name, value.string ?? .empty, .text)
    case .true, .false: try take(name, value.raw, .boolean)
    case .number:
      guard let integer = value.integer, Int32(exactly: integer) != nil else {
        throw .badAttributeValue(EventFault.named(name), .wrongType)
      }
      try take(name, ByteSlice(utf8: String(integer)), .integer)
    case .array, .object: throw .badAttributeValue(EventFault.named(name), .wrongType)
    }
  }

  private mutating func take(
    _ name: ByteSlice, _ value: ByteSlice, _ kind: AttributeKind
  ) throws(EventFault) {
    if name.equals("specversion") {
      guard kind == .text, value.equals("1.0") else { throw .specVersionUnknown }
      hasSpecVersion = true
      return
    }
    guard let attribute = AttributeName(name), !name.equals("data") else {
      throw .badAttributeName(EventFault.named(name))
    }
    guard !attribute.isGatewayWritten else {
      stripped += 1
      return
    }
    guard value.count <= EventLimits.maxValueLength else {
      throw .badAttributeValue(name, .tooLong)
    }
    guard AttributeText.isValid(value) else { throw .badAttributeValue(name, .badCharacter) }
    if name.equals("partitionkey") {
      guard kind == .text else { throw .badAttributeValue(name, .wrongType) }
      guard EventKey.isValid(value) else { throw .badKey }
      key = value
      return
    }
    try check(attribute, name, value, kind)
    note(attribute, value)
    builder.set(attribute, value, kind: kind)
    guard builder.count <= EventLimits.maxAttributes,
      builder.size <= EventLimits.maxBlockLength
    else { throw .tooManyAttributes }
  }

  /// The rules of the attributes that CloudEvents itself defines (§3.1).
  private func check(
    _ attribute: AttributeName, _ name: ByteSlice, _ value: ByteSlice, _ kind: AttributeKind
  ) throws(EventFault) {
    if case .custom = attribute { return }
    guard kind == .text else { throw .badAttributeValue(name, .wrongType) }
    switch attribute {
    case .time:
      guard UnixTime(rfc3339: value) != nil else { throw .badAttributeValue(name, .badTime) }
    case .datacontenttype:
      guard MediaType.essence(value) != nil else { throw .badMediaType }
    case .type where EventIntake.isReserved(type: value):
      throw .badAttributeValue(name, .reserved)
    case .id, .source, .type, .subject, .dataschema:
      guard !value.isEmpty else { throw .badAttributeValue(name, .empty) }
    default: break
    }
  }

  private mutating func note(_ attribute: AttributeName, _ value: ByteSlice) {
    switch attribute {
    case .source: hasSource = true
    case .type: hasType = true
    case .time: time = value
    case .dataschema: namesSchema = true
    case .datacontenttype: contentType = value
    case .traceparent: hasTraceParent = true
    case .tracestate: hasTraceState = true
    default: break
    }
  }
}
