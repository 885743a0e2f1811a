public import Bytes
import JSONText

/// What a request's header fields say about its event or events, read once.
public struct EventRequest: Sendable {
  /// How the body carries events.
  public let mode: EventMode
  public let contentType: ByteSlice?
  let key: ByteSlice?
  let time: ByteSlice?
  let trace: TraceContext?
  /// The `ce-` fields of binary mode, decoded; nil where there are none.
  let attributes: EnvelopeReader?
  let stamp: GatewayStamp
  /// The request's name, to be given as `requestid`; nil where the stamp gives it, or nobody.
  let name: GatewayStamp.RequestName?

  /// Whether a field may concern events, by its name's first letter in lower case, its third and
  /// its length: for those who would rather not hand over the others.
  public static func mayTake(initial: UInt8, third: UInt8, length: Int) -> Bool {
    switch initial {
    case 0x63: third == ASCII.minus || length == 12
    case 0x65, 0x74: length >= 9 && length <= 11
    default: false
    }
  }

  /// Reads the fields of a publish request: `Content-Type`, `Event-Key`, `Event-Time`,
  /// `traceparent`, `tracestate` and, in binary mode, `ce-…`; names in any case, others are
  /// skipped.
  ///
  /// - Parameter name: the request's, where the stamp has no `requestid`.
  public init(
    fields: some Sequence<(name: ByteSlice, value: ByteSlice)>, stamp: consuming GatewayStamp,
    name: GatewayStamp.RequestName? = nil
  ) throws(EventFault) {
    var reading = FieldReading()
    for (name, value) in fields { try reading.take(name, value) }
    mode = try EventMode(contentType: reading.contentType)
    attributes =
      reading.attributes.isEmpty ? nil : try Self.envelope(of: reading.attributes, mode)
    contentType = reading.contentType
    key = reading.key
    time = reading.time
    trace = TraceContext(parent: reading.traceparent, state: reading.tracestate)
    self.stamp = stamp
    self.name = name
  }

  private static func envelope(
    of fields: [(ByteSlice, ByteSlice)], _ mode: EventMode
  ) throws(EventFault) -> EnvelopeReader? {
    switch mode {
    case .binary:
      var attributes = EnvelopeReader()
      for (name, value) in fields { try attributes.takeField(name, value) }
      guard attributes.hasSpecVersion else { throw .specVersionMissing }
      return attributes
    case .lines: throw .attributesOnLines
    // The binding lets senders repeat attributes as fields; the body is what counts (§3.2.3).
    case .structured, .batch: return nil
    }
  }
}

/// How a request's body carries events.
public enum EventMode: Sendable, Equatable {
  /// The body is one payload.
  case binary
  /// `application/cloudevents+json`: one event.
  case structured
  /// `application/cloudevents-batch+json`: an array of events.
  case batch
  /// `application/x-ndjson`: one JSON payload per line.
  case lines

  public init(contentType: ByteSlice?) throws(EventFault) {
    guard let contentType, !MediaType.isPlainJSON(contentType) else {
      self = .binary
      return
    }
    guard let essence = MediaType.essence(contentType) else { throw .badMediaType }
    if essence.equalsIgnoringCase("application/cloudevents+json") {
      self = .structured
    } else if essence.equalsIgnoringCase("application/cloudevents-batch+json") {
      self = .batch
    } else if essence.equalsIgnoringCase("application/x-ndjson") {
      self = .lines
    } else if essence.count >= 23, essence.prefix(23).equalsIgnoringCase("application/cloudevents")
    {
      throw .unsupportedFormat
    } else {
      self = .binary
    }
  }
}

/// Picks the fields that concern events out of a request's.
private struct FieldReading {
  var contentType: ByteSlice?
  var key: ByteSlice?
  var time: ByteSlice?
  var traceparent: ByteSlice?
  var tracestate: ByteSlice?
  /// Names without `ce-`, raw values.
  var attributes: [(ByteSlice, ByteSlice)] = []

  mutating func take(_ name: ByteSlice, _ value: ByteSlice) throws(EventFault) {
    guard name.count > 3 else { return }
    switch ASCII.lowercased(name[0]) {
    case 0x63:
      if name.prefix(3).equalsIgnoringCase("ce-") {
        attributes.append((name.dropFirst(3), value))
      } else if name.equalsIgnoringCase("content-type") {
        guard contentType == nil else { throw .badMediaType }
        contentType = value
      }
    case 0x65:
      if name.equalsIgnoringCase("event-key") {
        guard key == nil, let decoded = HeaderValue.decode(value), EventKey.isValid(decoded) else {
          throw .badKey
        }
        key = decoded
      } else if name.equalsIgnoringCase("event-time") {
        guard time == nil, UnixTime(rfc3339: value) != nil else { throw .badTime }
        time = value
      }
    case 0x74:
      if name.equalsIgnoringCase("traceparent") {
        traceparent = value
      } else if name.equalsIgnoringCase("tracestate"), AttributeText.isValid(value) {
        tracestate = value
      }
    default: break
    }
  }
}

/// The W3C trace context's `traceparent`.
enum TraceParent {
  /// `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero; later versions may go on behind another `-`.
  static func isValid(_ text: ByteSlice) -> Bool {
    guard text.count >= 55, text.count <= 512, text[2] == ASCII.minus, text[35] == ASCII.minus,
      text[52] == ASCII.minus, isHex(text[0..<2]), isHex(text[3..<35]), isHex(text[36..<52]),
      isHex(text[53..<55]), !text[0..<2].equals("ff")
    else { return false }
    if text.count > 55, text[0..<2].equals("00") || text[55] != ASCII.minus { return false }
    return !isZero(text[3..<35]) && !isZero(text[36..<52]) && AttributeText.isValid(text)
  }

  private static func isHex(_ text: ByteSlice) -> Bool {
    for index in 0..<text.count {
      let byte = text[index]
      guard ASCII.isDigit(byte) || byte >= 0x61 && byte <= 0x66 else { return false }
    }
    return true
  }

  private static func isZero(_ text: ByteSlice) -> Bool {
    for index in 0..<text.count where text[index] != ASCII.zero { return false }
    return true
  }
}

/// Rules for ordering keys.
enum EventKey {
  static func isValid(_ key: ByteSlice) -> Bool {
    !key.isEmpty && key.count <= EventLimits.maxKeyLength && AttributeText.isValid(key)
  }
}

/// The characters of attribute values (CloudEvents §3.2).
enum AttributeText {
  /// UTF-8 without U+0000–U+001F, U+007F–U+009F and noncharacters.
  static func isValid(_ text: ByteSlice) -> Bool {
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte < 0x80 {
        guard byte >= ASCII.space, byte != ASCII.delete else { return false }
        at += 1
        continue
      }
      let length = text.sequenceLength(at: at)
      guard length > 0 else { return false }
      var scalar = UInt32(byte) & (0x7F >> UInt32(length))
      for index in 1..<length { scalar = scalar << 6 | UInt32(text[at + index] & 0x3F) }
      guard scalar >= 0xA0, scalar & 0xFFFE != 0xFFFE, !(0xFDD0...0xFDEF).contains(scalar) else {
        return false
      }
      at += length
    }
    return true
  }
}

/// Attribute values in header fields (HTTP binding §3.1.3.2).
enum HeaderValue {
  /// The value with quotes taken off, backslash escapes inside them resolved, and one round of
  /// percent-decoding; nil for an open quote or a broken escape. The result may hold anything.
  static func decode(_ value: ByteSlice) -> ByteSlice? {
    var needsWork = false
    for index in 0..<value.count
    where value[index] == ASCII.percent || value[index] == ASCII.quote {
      needsWork = true
      break
    }
    guard needsWork else { return value }
    return unquote(value).flatMap(PercentEncoding.decode)
  }

  private static func unquote(_ value: ByteSlice) -> ByteSlice? {
    guard value.firstIndex(of: ASCII.quote) != nil else { return value }
    var plain = ByteWriter(capacity: value.count)
    var quoted = false
    var at = 0
    while at < value.count {
      switch value[at] {
      case ASCII.quote: quoted.toggle()
      case ASCII.backslash where quoted:
        at += 1
        guard at < value.count else { return nil }
        plain.append(value[at])
      default: plain.append(value[at])
      }
      at += 1
    }
    return quoted ? nil : plain.slice
  }
}
