import Bytes
public import JSONText

/// What checking payloads needs and reuses: tokenizer, pattern memory, buffers. One per event loop;
/// used by one thread at a time. After the first events nothing in it allocates any more.
public final class SchemaScratch {
  /// The tokenizer; after a check it still holds the payload's tape for whoever reads it next.
  public let parser: JSONParser
  /// Whether refusals say what is wrong. Without, a refused payload costs no more than a good one:
  /// for batches that have been told enough.
  public var explains = true
  let matcher = PatternMatcher()
  var uniqueness = UniquenessSet()
  let evaluated = EvaluatedMarks()
  private var text: [UInt8] = []
  /// Fuel that the last check used: nodes visited, members walked, items compared.
  public internal(set) var fuelUsed = 0

  /// A scratch whose payloads keep `limits`.
  public init(limits: JSONLimits = .payload) {
    parser = JSONParser(limits: limits)
  }

  /// The text of a string with its escapes undone. The array is a copy of the scratch's only until
  /// it is dropped, so the next call reuses the memory.
  func unescape(_ text: Span<UInt8>) -> [UInt8] {
    self.text.removeAll(keepingCapacity: true)
    StringEscapes.undo(text, into: &self.text)
    return self.text
  }
}

/// Undoes the escapes of JSON strings that the tokenizer has accepted (RFC 8259 §7).
enum StringEscapes {
  /// Appends `text`, well-formed and without lone surrogates, with its escapes undone.
  static func undo(_ text: Span<UInt8>, into bytes: inout [UInt8]) {
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      guard byte == ASCII.backslash else {
        bytes.append(byte)
        continue
      }
      let letter = text[index]
      index += 1
      switch letter {
      case 0x62: bytes.append(0x08)
      case 0x66: bytes.append(0x0C)
      case 0x6E: bytes.append(0x0A)
      case 0x72: bytes.append(0x0D)
      case 0x74: bytes.append(0x09)
      case 0x75:
        var codePoint = unit(text, at: index)
        index += 4
        if codePoint & 0xFC00 == 0xD800, index + 6 <= text.count {
          codePoint = 0x10000 + (codePoint - 0xD800) << 10 + (unit(text, at: index + 2) - 0xDC00)
          index += 6
        }
        if let scalar = Unicode.Scalar(codePoint) {
          bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
      default: bytes.append(letter)
      }
    }
  }

  private static func unit(_ text: Span<UInt8>, at index: Int) -> UInt32 {
    var unit: UInt32 = 0
    for offset in 0..<4 { unit = unit << 4 | UInt32(ASCII.hexValue(text[index + offset]) ?? 0) }
    return unit
  }
}

extension TapeView {
  /// The text of a string with its escapes undone, as an array of its own.
  func unescaped(_ token: JSONToken) -> [UInt8] {
    var bytes: [UInt8] = []
    StringEscapes.undo(text(token), into: &bytes)
    return bytes
  }
}
