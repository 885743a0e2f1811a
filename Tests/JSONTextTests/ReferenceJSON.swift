/// A second, slow, plainly written reader of JSON, to compare the tokenizer with: it accepts what
/// RFC 8259 and our two I-JSON rules (unique names, no lone surrogates) accept, without limits.
struct ReferenceJSON {
  private let bytes: [UInt8]
  private var at = 0
  private struct Wrong: Error {}

  static func accepts(_ bytes: [UInt8]) -> Bool {
    // The standard library's decoder is the judge of UTF-8.
    guard String(validating: bytes, as: UTF8.self) != nil else { return false }
    var reader = ReferenceJSON(bytes: bytes)
    do {
      try reader.value()
      reader.space()
      return reader.at == bytes.count
    } catch {
      return false
    }
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ character: Character) throws {
    guard next == character.asciiValue else { throw Wrong() }
    at += 1
  }

  private mutating func space() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
  }

  private mutating func value() throws {
    space()
    switch next.map({ Character(UnicodeScalar($0)) }) {
    case "{": try object()
    case "[": try array()
    case "\"": _ = try string()
    case "t": for letter in "true" { try take(letter) }
    case "f": for letter in "false" { try take(letter) }
    case "n": for letter in "null" { try take(letter) }
    default: try number()
    }
    space()
  }

  private mutating func object() throws {
    try take("{")
    space()
    if next == 0x7D {
      at += 1
      return
    }
    var names = Set<[UInt16]>()
    while true {
      space()
      guard names.insert(try string()).inserted else { throw Wrong() }
      space()
      try take(":")
      try value()
      if next == 0x7D { break }
      try take(",")
    }
    at += 1
  }

  private mutating func array() throws {
    try take("[")
    space()
    if next == 0x5D {
      at += 1
      return
    }
    while true {
      try value()
      if next == 0x5D { break }
      try take(",")
    }
    at += 1
  }

  /// The string as UTF-16.
  private mutating func string() throws -> [UInt16] {
    try take("\"")
    var units: [UInt16] = []
    var plain: [UInt8] = []
    func flush() {
      units += Array(String(decoding: plain, as: UTF8.self).utf16)
      plain = []
    }
    while true {
      guard let byte = next, byte >= 0x20 else { throw Wrong() }
      at += 1
      if byte == 0x22 { break }
      guard byte == 0x5C else {
        plain.append(byte)
        continue
      }
      flush()
      guard let letter = next else { throw Wrong() }
      at += 1
      switch Character(UnicodeScalar(letter)) {
      case "\"", "\\", "/": units.append(UInt16(letter))
      case "b": units.append(8)
      case "f": units.append(12)
      case "n": units.append(10)
      case "r": units.append(13)
      case "t": units.append(9)
      case "u":
        guard at + 4 <= bytes.count else { throw Wrong() }
        let digits = bytes[at..<(at + 4)]
        guard digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 128 }),
          let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw Wrong() }
        units.append(unit)
        at += 4
      default: throw Wrong()
      }
    }
    flush()
    guard String(validating: units, as: UTF16.self) != nil else { throw Wrong() }
    // A pair must be two escapes or one character: halves never meet otherwise in valid UTF-8.
    return units
  }

  private mutating func number() throws {
    if next == 0x2D { at += 1 }
    if next == 0x30 { at += 1 } else { try digits() }
    if next == 0x2E {
      at += 1
      try digits()
    }
    if next == 0x65 || next == 0x45 {
      at += 1
      if next == 0x2B || next == 0x2D { at += 1 }
      try digits()
    }
  }

  private mutating func digits() throws {
    let start = at
    while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
    guard at > start else { throw Wrong() }
  }
}
