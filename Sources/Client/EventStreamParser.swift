package import Bytes

/// One event of a `text/event-stream`.
package struct ServerEvent: Sendable, Equatable {
  /// The last id that the stream gave, with this event or before it; what a reconnect sends as
  /// `Last-Event-ID`. Empty when there was none.
  package let id: ByteSlice
  /// `message` unless the stream named another.
  package let type: ByteSlice
  /// The data lines, joined with LF.
  package let data: ByteSlice
  /// Whether `id` came with this event.
  package let hasOwnID: Bool

  package init(id: ByteSlice, type: ByteSlice, data: ByteSlice, hasOwnID: Bool = true) {
    self.id = id
    self.type = type
    self.data = data
    self.hasOwnID = hasOwnID
  }

  /// What the gateway says with it about the stream itself; nil for an event of the topic.
  ///
  /// Each event of a topic comes with its id, and none is named `jodrell.` and one word more. Of an
  /// older gateway a publisher could choose that name: what has an id and is no gap is an event.
  package var notice: StreamNotice? {
    let prefix: StaticString = "jodrell."
    guard type.prefix(prefix.utf8CodeUnitCount).equals(prefix) else { return nil }
    if type.equals("jodrell.gap") { return .gap }
    if hasOwnID { return nil }
    return type.equals("jodrell.end") ? .end : .other
  }
}

/// What a stream says about itself.
package enum StreamNotice: Sendable, Equatable {
  /// Events are gone; the stream goes on behind them.
  case gap
  /// The stream is over; nothing follows.
  case end
  /// Something that need not be understood, such as `jodrell.challenge`.
  case other
}

/// Reads `text/event-stream` (WHATWG HTML §9.2.6): bytes in any pieces in, events out. An event
/// that the stream breaks off is never given out. Bytes are not checked to be UTF-8.
package struct EventStreamParser {
  private enum State {
    /// Before the first byte, or inside a byte order mark (how many of its bytes were seen).
    case beginning(seen: Int)
    case line
    /// After a CR: an LF now belongs to it.
    case afterReturn
  }

  /// Bytes that one event, or one line, may have.
  private let limit: Int
  private var state = State.beginning(seen: 0)
  private var line = ByteWriter()
  private var data = ByteWriter()
  private var hasData = false
  private var type = ByteSlice.empty
  private var pendingID = ByteSlice.empty
  private var hasOwnID = false
  /// The id of the last dispatched event, or of the last bare `id:` frame.
  package private(set) var lastEventID = ByteSlice.empty
  /// What the stream asked for between two connections; nil if it did not.
  package private(set) var retry: TimeSpan?
  /// Comment lines seen: heartbeats.
  package private(set) var comments = 0

  package init(limit: Int = 16 * 1024 * 1024) { self.limit = limit }

  /// Takes the next bytes and hands every event they complete to `emit`, in order.
  package mutating func feed(
    _ bytes: ByteSlice, _ emit: (ServerEvent) -> Void
  ) throws(ClientFault) {
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      switch state {
      case .beginning(let seen):
        if byte == Self.byteOrderMark[seen] {
          state = seen == 2 ? .line : .beginning(seen: seen + 1)
          index += 1
        } else {
          for earlier in 0..<seen { line.append(Self.byteOrderMark[earlier]) }
          state = .line
        }
      case .afterReturn:
        state = .line
        if byte == ASCII.lineFeed { index += 1 }
      case .line:
        let end = Self.lineEnd(in: bytes, from: index)
        guard line.count + (end - index) <= limit else { throw .tooLarge(limit: limit) }
        if end == bytes.count {
          line.append(bytes[index..<end])
        } else if line.count == 0 {
          try take(bytes[index..<end], emit)
        } else {
          line.append(bytes[index..<end])
          let whole = line.slice
          line.removeAll()
          try take(whole, emit)
        }
        if end < bytes.count, bytes[end] == ASCII.carriageReturn { state = .afterReturn }
        index = end + 1
      }
    }
  }

  /// A new connection follows on the stream: drops what was left of the old one, keeps the last id.
  package mutating func reconnect() {
    state = .beginning(seen: 0)
    line.removeAll()
    data.removeAll()
    hasData = false
    type = .empty
    pendingID = lastEventID
    hasOwnID = false
  }

  private mutating func take(
    _ line: ByteSlice, _ emit: (ServerEvent) -> Void
  ) throws(ClientFault) {
    if line.isEmpty { return dispatch(emit) }
    let colon = line.firstIndex(of: ASCII.colon)
    if colon == 0 {
      comments += 1
      return
    }
    let name = colon.map { line.prefix($0) } ?? line
    var value = colon.map { line.dropFirst($0 + 1) } ?? .empty
    if !value.isEmpty, value[0] == ASCII.space { value = value.dropFirst(1) }
    if name.equals("data") {
      guard data.count + value.count < limit else { throw .tooLarge(limit: limit) }
      if hasData { data.append(ASCII.lineFeed) }
      data.append(value)
      hasData = true
    } else if name.equals("event") {
      type = ByteSlice(copying: value.span)
    } else if name.equals("id") {
      guard value.firstIndex(of: ASCII.nul) == nil else { return }
      pendingID = ByteSlice(copying: value.span)
      hasOwnID = true
    } else if name.equals("retry") {
      readRetry(value)
    }
  }

  private mutating func dispatch(_ emit: (ServerEvent) -> Void) {
    lastEventID = pendingID
    defer {
      type = .empty
      data.removeAll()
      hasData = false
      hasOwnID = false
    }
    guard hasData else { return }
    emit(
      ServerEvent(
        id: lastEventID, type: type.isEmpty ? Self.message : type, data: data.slice,
        hasOwnID: hasOwnID))
  }

  private mutating func readRetry(_ value: ByteSlice) {
    guard !value.isEmpty, value.count <= 10 else { return }
    var milliseconds: Int64 = 0
    for index in 0..<value.count {
      guard ASCII.isDigit(value[index]) else { return }
      milliseconds = milliseconds * 10 + Int64(value[index] - ASCII.zero)
    }
    retry = .milliseconds(milliseconds)
  }

  private static func lineEnd(in bytes: ByteSlice, from start: Int) -> Int {
    let span = bytes.span
    var index = start
    while index < span.count {
      let byte = span[index]
      if byte == ASCII.lineFeed || byte == ASCII.carriageReturn { return index }
      index &+= 1
    }
    return index
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
  private static let message = ByteSlice(utf8: "message")
}
