/// Percent escapes (RFC 3986 §2.1).
public enum PercentEncoding {
  /// `text` with each `%XX` replaced by its byte, once; nil for a broken escape. Text without one
  /// is not copied. The result may hold any bytes: the caller checks them.
  public static func decode(_ text: ByteSlice) -> ByteSlice? {
    guard text.firstIndex(of: ASCII.percent) != nil else { return text }
    var decoded = ByteWriter(capacity: text.count)
    var index = 0
    while index < text.count {
      guard text[index] == ASCII.percent else {
        decoded.append(text[index])
        index += 1
        continue
      }
      guard index + 2 < text.count, let high = ASCII.hexValue(text[index + 1]),
        let low = ASCII.hexValue(text[index + 2])
      else { return nil }
      decoded.append(high << 4 | low)
      index += 3
    }
    return decoded.slice
  }
}
