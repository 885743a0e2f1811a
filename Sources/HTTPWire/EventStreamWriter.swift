public import Bytes

/// Writes the frames of `text/event-stream` (WHATWG HTML §9.2).
public enum EventStreamWriter {
  /// Tells the client how long to wait before it reconnects, and where the stream begins: cut
  /// before its first event, it comes back to this place. A frame without data is no event to the
  /// page. `id` must be one line.
  public static func open(retry span: TimeSpan, id: ByteSlice, into bytes: inout ByteWriter) {
    bytes.append("retry: ")
    bytes.append(decimal: max(span.nanoseconds, 0) / 1_000_000)
    bytes.append("\nid: ")
    bytes.append(id)
    bytes.append("\n\n")
  }

  /// A comment line: keeps proxies and dead-peer detection awake, invisible to the page.
  public static func heartbeat(into bytes: inout ByteWriter) {
    bytes.append(":\n\n")
  }

  /// One event. `data` may hold any bytes: each line of it, ended by LF, CR or CRLF, becomes a
  /// `data` line, which the client joins with LF again.
  ///
  /// - Returns: false, with nothing written, when `id` holds NUL, CR or LF or `event` CR or LF:
  ///   such a frame would say something else than it should.
  @discardableResult
  public static func event(
    id: ByteSlice?, event: ByteSlice?, data: ByteSlice, into bytes: inout ByteWriter
  ) -> Bool {
    if let id, !isOneLine(id) { return false }
    if let event, !isOneLine(event) { return false }
    bytes.reserve(data.count + (id?.count ?? 0) + (event?.count ?? 0) + 32)
    if let id {
      bytes.append("id: ")
      bytes.append(id)
      bytes.append(ASCII.lineFeed)
    }
    if let event {
      bytes.append("event: ")
      bytes.append(event)
      bytes.append(ASCII.lineFeed)
    }
    var start = 0
    while true {
      let end = lineEnd(data, from: start)
      bytes.append("data: ")
      bytes.append(data[start..<end])
      bytes.append(ASCII.lineFeed)
      guard end < data.count else { break }
      let isPair =
        data[end] == ASCII.carriageReturn && end + 1 < data.count
        && data[end + 1] == ASCII.lineFeed
      start = end + (isPair ? 2 : 1)
    }
    bytes.append(ASCII.lineFeed)
    return true
  }

  private static func lineEnd(_ data: ByteSlice, from start: Int) -> Int {
    let span = data.span
    var index = start
    while index < span.count {
      let byte = span[index]
      if byte == ASCII.lineFeed || byte == ASCII.carriageReturn { return index }
      index &+= 1
    }
    return index
  }

  private static func isOneLine(_ text: ByteSlice) -> Bool {
    let span = text.span
    for index in span.indices {
      let byte = span[index]
      if byte == ASCII.nul || byte == ASCII.lineFeed || byte == ASCII.carriageReturn {
        return false
      }
    }
    return true
  }
}
