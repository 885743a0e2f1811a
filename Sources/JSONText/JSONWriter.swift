public import Bytes

/// Writes JSON front to back and sets the commas. Strings come out valid whatever bytes go in.
///
/// The caller keeps the order: keys in objects only, one value behind each key, as many ends as
/// beginnings. Reuse with `bytes.removeAll()` and `startOver()`.
public struct JSONWriter: Sendable {
  /// What has been written; more may be appended behind a finished value.
  public var bytes: ByteWriter
  private var needsComma = false

  public init(capacity: Int = 256) { bytes = ByteWriter(capacity: capacity) }

  /// Continues in `bytes` with a value of its own.
  public init(appendingTo bytes: consuming ByteWriter) { self.bytes = bytes }

  /// Forgets everything and keeps the memory.
  public mutating func startOver() {
    bytes.removeAll()
    needsComma = false
  }

  /// Says that what comes next is a value of its own, not another one of a list.
  public mutating func startValue() { needsComma = false }

  /// A copy of what was written.
  public var slice: ByteSlice { bytes.slice }

  // MARK: Containers

  public mutating func beginObject() { begin(0x7B) }
  public mutating func endObject() { end(0x7D) }
  public mutating func beginArray() { begin(0x5B) }
  public mutating func endArray() { end(0x5D) }

  /// A member's name, written as it is: the literal must need no escapes.
  public mutating func key(_ name: StaticString) {
    beginString()
    bytes.append(name)
    endKey()
  }

  /// A member's name, escaped where necessary.
  public mutating func key(_ name: ByteSlice) {
    beginString()
    JSONEscapes.escape(name, into: &bytes)
    endKey()
  }

  @_disfavoredOverload
  public mutating func key(_ name: String) { key(ByteSlice(utf8: name)) }

  // MARK: Values

  public mutating func string(_ value: ByteSlice) {
    beginString()
    JSONEscapes.escape(value, into: &bytes)
    bytes.append(ASCII.quote)
  }

  /// A literal, written as it is: it must need no escapes.
  public mutating func string(_ value: StaticString) {
    beginString()
    bytes.append(value)
    bytes.append(ASCII.quote)
  }

  /// A string that `write` makes in place: it must need no escapes.
  public mutating func plainString(_ write: (inout ByteWriter) -> Void) {
    beginString()
    write(&bytes)
    bytes.append(ASCII.quote)
  }

  @_disfavoredOverload
  public mutating func string(_ value: String) { string(ByteSlice(utf8: value)) }

  /// Bytes as a base64 string (RFC 4648 §4).
  public mutating func base64(_ value: ByteSlice) {
    beginString()
    Base64.encode(value, as: .standard, into: &bytes)
    bytes.append(ASCII.quote)
  }

  /// An instant as RFC 3339 text.
  public mutating func instant(_ value: UnixTime) {
    plainString { value.appendRFC3339(to: &$0) }
  }

  public mutating func integer(_ value: Int64) {
    separate()
    bytes.append(decimal: value)
  }

  @_disfavoredOverload
  public mutating func integer(_ value: Int) { integer(Int64(value)) }

  @_disfavoredOverload
  public mutating func integer(_ value: UInt64) {
    separate()
    bytes.append(decimal: value)
  }

  /// A number rounded to three decimals, zeros at the end left out; `null` for what is not finite
  /// or beyond ±10¹⁵.
  public mutating func number(_ value: Double) {
    guard value.magnitude < 1e15 else {
      null()
      return
    }
    separate()
    let scaled = Int64(value * 1000 + (value < 0 ? -0.5 : 0.5))
    if scaled < 0 { bytes.append(ASCII.minus) }
    bytes.append(decimal: scaled.magnitude / 1000)
    var fraction = scaled.magnitude % 1000
    guard fraction > 0 else { return }
    bytes.append(ASCII.dot)
    var unit: UInt64 = 100
    while fraction > 0 {
      bytes.append(ASCII.zero + UInt8(fraction / unit))
      fraction %= unit
      unit /= 10
    }
  }

  public mutating func bool(_ value: Bool) {
    separate()
    bytes.append(value ? "true" : "false")
  }

  public mutating func null() {
    separate()
    bytes.append("null")
  }

  /// A value that is JSON already, verbatim.
  public mutating func raw(_ json: ByteSlice) {
    separate()
    bytes.append(json)
  }

  /// Appends `text` as the inside of a JSON string.
  public static func escape(_ text: ByteSlice, into writer: inout ByteWriter) {
    JSONEscapes.escape(text, into: &writer)
  }

  // MARK: Commas

  private mutating func separate() {
    if needsComma { bytes.append(ASCII.comma) }
    needsComma = true
  }

  /// `separate`, and the string's first quote.
  private mutating func beginString() {
    bytes.append(needsComma ? ",\"" : "\"" as StaticString)
    needsComma = true
  }

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func endKey() {
    bytes.append("\":")
    needsComma = false
  }
}
