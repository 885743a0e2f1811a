public import Bytes

/// One text per JSON value: what fingerprints are taken of.
///
/// In the manner of RFC 8785: no white space, shortest escapes, members sorted by name. Two rules
/// differ, both so that no precision is lost and bytes alone decide: names are sorted by their
/// UTF-8 bytes, and numbers are written as exact decimals (`1`, `1.0` and `1e0` are all `1`;
/// exponents below −6 or above 20 as `d.ddde±n`).
public enum CanonicalJSON {
  /// The canonical text of a value.
  public static func text(of node: JSONNode) -> ByteSlice {
    var writer = JSONWriter(capacity: node.raw.count)
    append(node, to: &writer)
    return writer.slice
  }

  private static func append(_ node: JSONNode, to writer: inout JSONWriter) {
    switch node.kind {
    case .null: writer.null()
    case .true: writer.bool(true)
    case .false: writer.bool(false)
    case .string: writer.string(node.string ?? .empty)
    case .number: writer.raw(number(JSONNumber(checked: node.raw)))
    case .array:
      writer.beginArray()
      for element in node.elements { append(element, to: &writer) }
      writer.endArray()
    case .object:
      writer.beginObject()
      for (key, value) in node.members.sorted(by: { $0.key < $1.key }) {
        writer.key(key)
        append(value, to: &writer)
      }
      writer.endObject()
    }
  }

  /// The canonical text of a number.
  public static func number(_ number: JSONNumber) -> ByteSlice {
    var writer = ByteWriter(capacity: number.lexeme.count)
    guard !number.isZero else {
      writer.append(ASCII.zero)
      return writer.slice
    }
    if number.isNegative { writer.append(ASCII.minus) }
    let digits = number.digitCount
    // The power of ten of the first digit.
    let magnitude = digits + number.exponent - 1
    if magnitude < -6 || magnitude > 20 {
      appendDigits(number, pointAfter: 1, to: &writer)
      writer.append(0x65)
      if magnitude > 0 { writer.append(ASCII.plus) }
      writer.append(number.magnitudeText)
    } else if magnitude < 0 {
      writer.append("0.")
      for _ in 1..<(-magnitude) { writer.append(ASCII.zero) }
      appendDigits(number, pointAfter: digits, to: &writer)
    } else {
      appendDigits(number, pointAfter: magnitude + 1, to: &writer)
      if number.exponent > 0 {
        for _ in 0..<number.exponent { writer.append(ASCII.zero) }
      }
    }
    return writer.slice
  }

  private static func appendDigits(
    _ number: JSONNumber, pointAfter whole: Int, to writer: inout ByteWriter
  ) {
    var written = 0
    for index in number.significant where number.lexeme[index] != ASCII.dot {
      if written == whole { writer.append(ASCII.dot) }
      writer.append(number.lexeme[index])
      written += 1
    }
  }
}
