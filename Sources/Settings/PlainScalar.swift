import Bytes

/// What a plain scalar means: the core schema of YAML 1.2.2 §10.3.2, less what has no JSON value.
enum PlainScalar {
  /// The value of an unquoted scalar, or nil if it must be quoted: infinities, not-a-number, and
  /// integers beyond 64 bits.
  static func value(of text: ByteSlice) -> SettingsNode.Value? {
    if text.isEmpty || text.equals("~") || text.equals("null") || text.equals("Null")
      || text.equals("NULL")
    {
      return .null
    }
    if text.equals("true") || text.equals("True") || text.equals("TRUE") { return .bool(true) }
    if text.equals("false") || text.equals("False") || text.equals("FALSE") { return .bool(false) }
    if isNonFinite(text) { return nil }
    if let digits = based(text, prefix: "0x", radix: 16) ?? based(text, prefix: "0o", radix: 8) {
      return Int64(digits, radix: text.starts(with: "0x") ? 16 : 8).map { .integer($0) }
    }
    switch Decimal(text) {
    case nil: return .text(text)
    case .some(let decimal) where decimal.isInteger:
      return Int64(decimal.json.text).map { .integer($0) }
    case .some(let decimal): return .number(decimal.json)
    }
  }

  private static func isNonFinite(_ text: ByteSlice) -> Bool {
    var body = text
    if body.count > 1, body[0] == ASCII.plus || body[0] == ASCII.minus { body = body.dropFirst(1) }
    return body.equals(".inf") || body.equals(".Inf") || body.equals(".INF")
      || text.equals(".nan") || text.equals(".NaN") || text.equals(".NAN")
  }

  /// The digits after `prefix` if all of them are of the radix and there is one.
  private static func based(_ text: ByteSlice, prefix: StaticString, radix: UInt8) -> String? {
    guard text.starts(with: prefix), text.count > 2 else { return nil }
    let digits = text.dropFirst(2)
    for byte in digits.array {
      guard let value = ASCII.hexValue(byte), value < radix else { return nil }
    }
    return digits.text
  }
}

/// A scalar of the form `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`.
private struct Decimal {
  /// No fraction and no exponent.
  let isInteger: Bool
  /// The same number as JSON writes it.
  let json: ByteSlice

  init?(_ text: ByteSlice) {
    var index = 0
    var json = ByteWriter(capacity: text.count + 1)
    if index < text.count, text[index] == ASCII.plus || text[index] == ASCII.minus {
      if text[index] == ASCII.minus { json.append(ASCII.minus) }
      index += 1
    }
    let whole = Self.digits(text, &index)
    var significant = whole
    while significant.count > 1, significant[0] == ASCII.zero {
      significant = significant.dropFirst(1)
    }
    if whole.isEmpty { json.append(ASCII.zero) } else { json.append(significant) }
    var isInteger = true
    if index < text.count, text[index] == ASCII.dot {
      index += 1
      let fraction = Self.digits(text, &index)
      guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
      isInteger = false
      json.append(ASCII.dot)
      if fraction.isEmpty { json.append(ASCII.zero) } else { json.append(fraction) }
    } else if whole.isEmpty {
      return nil
    }
    if index < text.count, text[index] | 0x20 == 0x65 {
      index += 1
      json.append(0x65)
      if index < text.count, text[index] == ASCII.plus || text[index] == ASCII.minus {
        json.append(text[index])
        index += 1
      }
      let exponent = Self.digits(text, &index)
      guard !exponent.isEmpty else { return nil }
      json.append(exponent)
      isInteger = false
    }
    guard index == text.count else { return nil }
    self.isInteger = isInteger
    self.json = json.slice
  }

  private static func digits(_ text: ByteSlice, _ index: inout Int) -> ByteSlice {
    let start = index
    while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
    return text[start..<index]
  }
}
