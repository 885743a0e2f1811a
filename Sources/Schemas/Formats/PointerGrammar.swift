import Bytes

/// RFC 6901 §3 and the draft of relative pointers (draft-bhutton-relative-json-pointer-00 §3).
enum PointerGrammar {
  /// Nothing, or tokens that begin with `/`, in which `~` is followed by `0` or `1`.
  static func isPointer(_ text: Span<UInt8>) -> Bool { isPointer(text, from: 0) }

  private static func isPointer(_ text: Span<UInt8>, from start: Int) -> Bool {
    guard start < text.count else { return true }
    guard text[start] == ASCII.slash else { return false }
    for index in start..<text.count where text[index] == 0x7E {
      guard index + 1 < text.count, text[index + 1] == 0x30 || text[index + 1] == 0x31 else {
        return false
      }
    }
    return true
  }

  /// A number of steps up, perhaps an index shift, then a pointer or `#`.
  static func isRelative(_ text: Span<UInt8>) -> Bool {
    var index = digits(text, from: 0)
    guard index > 0, index == 1 || text[0] != ASCII.zero else { return false }
    if index < text.count, text[index] == ASCII.plus || text[index] == ASCII.minus {
      let start = index + 1
      index = digits(text, from: start)
      guard index > start, index == start + 1 || text[start] != ASCII.zero,
        text[start] != ASCII.zero
      else { return false }
    }
    if index + 1 == text.count, text[index] == 0x23 { return true }
    return isPointer(text, from: index)
  }

  private static func digits(_ text: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
    return index
  }
}
