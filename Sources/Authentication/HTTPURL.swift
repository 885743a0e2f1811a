import Bytes

/// URLs for comparison (RFC 3986 §6.2.2, §6.2.3; RFC 9449 §4.3).
enum HTTPURL {
  /// Scheme and authority in lower case, a default port left out, no query or fragment, escapes in
  /// upper case and none that need not be; nil for no absolute http(s) URL.
  static func normalized(_ url: ByteSlice) -> ByteSlice? {
    let isSecure = url.prefix(8).equalsIgnoringCase("https://")
    guard isSecure || url.prefix(7).equalsIgnoringCase("http://") else { return nil }
    let end = url.array.firstIndex { $0 == ASCII.questionMark || $0 == 0x23 } ?? url.count
    let rest = url[(isSecure ? 8 : 7)..<max(end, isSecure ? 8 : 7)]
    let pathStart = rest.firstIndex(of: ASCII.slash) ?? rest.count
    var authority = rest.prefix(pathStart).array.map(ASCII.lowercased)
    let port = isSecure ? ":443" : ":80"
    if authority.suffix(port.utf8.count).elementsEqual(port.utf8) {
      authority.removeLast(port.utf8.count)
    }
    guard !authority.isEmpty else { return nil }
    var normal = ByteWriter(capacity: url.count)
    normal.append(isSecure ? "https://" : "http://")
    normal.append(authority)
    guard appendPath(rest.dropFirst(pathStart), to: &normal) else { return nil }
    return normal.slice
  }

  private static func appendPath(_ path: ByteSlice, to normal: inout ByteWriter) -> Bool {
    guard !path.isEmpty else {
      normal.append(ASCII.slash)
      return true
    }
    var index = 0
    while index < path.count {
      let byte = path[index]
      guard byte == ASCII.percent else {
        normal.append(byte)
        index += 1
        continue
      }
      guard index + 2 < path.count, let high = ASCII.hexValue(path[index + 1]),
        let low = ASCII.hexValue(path[index + 2])
      else { return false }
      let decoded = high << 4 | low
      if isUnreserved(decoded) {
        normal.append(decoded)
      } else {
        normal.append(ASCII.percent)
        for digit in [high, low] {
          normal.append(digit < 10 ? ASCII.zero + digit : 0x41 + digit - 10)
        }
      }
      index += 3
    }
    return true
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    ASCII.isAlphanumeric(byte) || byte == ASCII.minus || byte == ASCII.dot
      || byte == ASCII.underscore || byte == ASCII.tilde
  }
}
