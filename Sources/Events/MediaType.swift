public import Bytes

/// What we need to know about a media type (RFC 9110 §8.3.1): its essence, parameters left alone.
public enum MediaType {
  /// `type/subtype` without parameters and white space, or nil if it is none.
  public static func essence(_ text: ByteSlice) -> ByteSlice? {
    if isPlainJSON(text) { return text }
    var end = text.firstIndex(of: ASCII.semicolon) ?? text.count
    while end > 0, text[end - 1] == ASCII.space || text[end - 1] == ASCII.tab { end -= 1 }
    var slashes = 0
    for index in 0..<end {
      if text[index] == ASCII.slash {
        slashes += 1
        guard index > 0, index < end - 1 else { return nil }
      } else if !isTokenByte(text[index]) {
        return nil
      }
    }
    return slashes == 1 ? text.prefix(end) : nil
  }

  /// Whether a media type is JSON: its subtype is `json` or ends in `+json` (RFC 6839 §3.1).
  public static func isJSON(_ text: ByteSlice) -> Bool {
    if isPlainJSON(text) { return true }
    guard let essence = essence(text), let slash = essence.firstIndex(of: ASCII.slash) else {
      return false
    }
    let subtype = essence.dropFirst(slash + 1)
    return subtype.equalsIgnoringCase("json")
      || subtype.count > 5 && subtype.dropFirst(subtype.count - 5).equalsIgnoringCase("+json")
  }

  /// Whether a media type is text of the `text/` family.
  static func isText(_ text: ByteSlice) -> Bool {
    text.count > 5 && text.prefix(5).equalsIgnoringCase("text/")
  }

  /// What nearly every publisher sends, as it sends it: known without a look at each character.
  static func isPlainJSON(_ text: ByteSlice) -> Bool { text.equals("application/json") }

  /// RFC 9110 §5.6.2.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    if ASCII.isAlphanumeric(byte) { return true }
    switch byte {
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: return true
    default: return false
    }
  }
}
