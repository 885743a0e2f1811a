import Bytes
import HTTPWire

/// The body of a request on an HTTP/2 stream: what has come and was not read, and whether more
/// comes. What is unread never exceeds the stream's window.
struct HTTP2Body {
  /// What came first, as it was received.
  private var slice = ByteSlice.empty
  /// What came, once there is more of it.
  private var gathered = ByteWriter()
  var hasAll: Bool
  /// Bytes that have come, read or not.
  private(set) var received = 0
  /// When the request was begun: the minimum rate counts from there.
  var began = MonotonicTime.distantFuture
  /// The client waits for `100 Continue`.
  var owesContinue: Bool
  /// Bytes of the connection's room for long bodies.
  var room = 0

  init(isWhole: Bool, owesContinue: Bool) {
    hasAll = isWhole
    self.owesContinue = owesContinue
  }

  /// Bytes that nobody has read.
  var unread: Int { slice.count + gathered.count }

  mutating func append(_ piece: ByteSlice) {
    received += piece.count
    owesContinue = false
    if unread == 0 {
      slice = piece
    } else {
      settle()
      gathered.append(piece)
    }
  }

  /// Copies what shares memory with other things that were received.
  mutating func settle() {
    guard !slice.isEmpty else { return }
    gathered.append(slice)
    slice = .empty
  }

  /// Hands out all that is unread.
  mutating func take() -> ByteSlice {
    defer {
      slice = .empty
      gathered = ByteWriter()
    }
    return slice.isEmpty ? gathered.slice : slice
  }
}

extension HTTP2Stream {
  func makeBody() -> RequestBody {
    var declared: Int?
    if case .length(let length) = head.framing { declared = length }
    if body.hasAll { return RequestBody(whole: body.take()) }
    return RequestBody(arrivingFrom: self, declared: declared)
  }

  /// Nobody reads the body any more.
  func leaveBody() {
    let unread = body.take().count
    if unread > 0, !isClosed { connection.session.consumed(unread, on: id) }
    connection.bodyRoom.leave(self, holding: body.room)
    body.room = 0
  }

  func roomCame(_ bytes: Int) {
    body.room = bytes
    resume()
  }

  /// Waits for more of the body than has been read, no longer than the limits allow.
  private func awaitBody() async throws(BodyFailure) {
    while body.unread == 0, !body.hasAll {
      if isClosed { throw .closed }
      if body.owesContinue {
        body.owesContinue = false
        connection.session.sendContinue(on: id)
        connection.wantsPump()
      }
      let limits = server.limits
      let earned =
        Int64(body.received) * 1_000_000_000 / Int64(max(limits.bodyBytesPerSecond, 1))
      let slowest = body.began + limits.bodyGrace + .nanoseconds(earned)
      await wait(until: min(slowest, server.clock.clocks.monotonic() + limits.bodyIdleTime))
      if hasTimedOut, body.unread == 0, !body.hasAll {
        server.counters.bump(server.counters.bodyTimeouts)
        throw .timedOut
      }
    }
    guard body.received <= server.limits.bodyBytes else {
      throw .tooLarge(limit: server.limits.bodyBytes)
    }
  }

  /// Before more than a window is collected, all of the body gets room.
  private func awaitRoom(_ bytes: Int) async throws(BodyFailure) {
    guard body.room == 0 else { return }
    let began = server.clock.clocks.monotonic()
    if connection.bodyRoom.take(bytes, for: self) {
      body.room = bytes
    } else {
      while body.room == 0, !isClosed { await wait(until: .distantFuture) }
    }
    if isClosed { throw .closed }
    // The client could not send meanwhile.
    body.began = body.began + (server.clock.clocks.monotonic() - began)
  }
}

extension HTTP2Stream: BodySource {
  func nextPiece() async throws(BodyFailure) -> ByteSlice? {
    try await awaitBody()
    let piece = body.take()
    if piece.isEmpty { return nil }
    if !body.hasAll {
      connection.session.consumed(piece.count, on: id)
      connection.wantsPump()
    }
    return piece
  }

  func collectRest(upTo limit: Int) async throws(BodyFailure) -> ByteSlice {
    var declared: Int?
    if case .length(let length) = head.framing {
      guard length <= limit else { throw .tooLarge(limit: limit) }
      declared = length
    }
    let window = server.limits.streamWindow
    var whole = ByteBuffer()
    while true {
      try await awaitBody()
      let piece = body.take()
      if piece.isEmpty { return whole.contents }
      guard whole.count + piece.count <= limit else { throw .tooLarge(limit: limit) }
      if whole.isEmpty, body.hasAll { return piece }
      whole.append(piece)
      // What fits into the window needs no more of it.
      guard !body.hasAll, declared ?? .max > window else { continue }
      try await awaitRoom(declared ?? limit)
      connection.session.consumed(piece.count, on: id)
      connection.wantsPump()
    }
  }

  /// The rest costs this stream only.
  var restIsTooMuch: Bool { false }
}
