import Bytes
import Crypto
import HTTPWire

/// A body that is still on its way.
struct ArrivingBody {
  enum Coding {
    /// So many bytes have not been handed out.
    case length(left: Int)
    case chunked(ChunkDecoder)
  }

  var coding: Coding
  /// Where the coding's next byte lies in the buffer; for chunks where the decoder's zero lies.
  var base: Int
  let began: MonotonicTime
  /// Bytes that have come in since `began`, for the minimum rate.
  var received: Int
  /// Bytes of the body handed out, for the limit.
  var delivered = 0
  /// The client waits for `100 Continue`.
  var owesContinue: Bool
}

extension Connection {
  /// The request's body: complete if it is, else one that reads on from this connection.
  func makeBody(_ head: borrowing RequestHead, at offset: Int, now: MonotonicTime) -> RequestBody {
    arriving = nil
    let coding: ArrivingBody.Coding
    var declared: Int?
    switch head.framing {
    case .none:
      start = offset
      return completeBody(.empty)
    case .length(let length):
      if socket.buffer.count - offset >= length {
        start = offset + length
        return completeBody(socket.buffer.slice(offset..<start))
      }
      coding = .length(left: length)
      declared = length
    case .chunked:
      coding = .chunked(ChunkDecoder(limits: server.limits))
    }
    arriving = ArrivingBody(
      coding: coding, base: offset, began: now, received: socket.buffer.count - offset,
      owesContinue: head.expectsContinue && socket.buffer.count == offset)
    start = offset
    return RequestBody(arrivingFrom: self, declared: declared)
  }

  /// One object serves the connection's requests in turn, unless somebody still holds it.
  private func completeBody(_ bytes: consuming ByteSlice) -> RequestBody {
    if isKnownUniquelyReferenced(&completeBody) {
      completeBody.renew(whole: bytes)
    } else {
      completeBody = RequestBody(whole: bytes)
    }
    return completeBody
  }

  /// The request that a head begins.
  func makeRequest(
    _ head: consuming RequestHead, _ body: consuming RequestBody, now: MonotonicTime
  ) -> HTTPRequest {
    let id = server.makeID()
    let receivedAt = server.clock.wallNow + (now - server.clock.now)
    // Nobody but a proxy speaks for others.
    let client = server.forwarding == nil ? nil : server.client(of: head, behind: peer)
    if let request {
      request.renew(
        id: id, head: consume head, body: body, received: now, receivedAt: receivedAt, peer: client)
      return request
    }
    let request = HTTPRequest(
      id: id, head: consume head, body: body, received: now, receivedAt: receivedAt, listener: kind,
      peer: client ?? peer.name, clientCertificate: socket.tls?.peerCertificate)
    self.request = request
    return request
  }

  /// The request has been answered: the next one takes its place, unless somebody keeps it.
  func leaveRequest() {
    if isKnownUniquelyReferenced(&request) {
      request?.clear()
    } else {
      request?.body.detach()
      request = nil
    }
  }

  /// Reads what the responder left of a body, to get at the next request.
  ///
  /// - Returns: false when that fails or is not worth it.
  func skipRest() async -> Bool {
    do throws(BodyFailure) {
      var skipped = 0
      while let piece = try await nextPiece() {
        skipped += piece.count
        if skipped > server.limits.skippedBytes { return false }
      }
      return true
    } catch {
      return false
    }
  }

  /// Takes bytes of the body that are in the buffer.
  private enum Taken {
    case piece(ByteSlice)
    case end
    case needMore
  }

  private func take() throws(BodyFailure) -> Taken {
    guard var body = arriving else { return .end }
    switch body.coding {
    case .length(let left):
      let count = min(left, socket.buffer.count - body.base)
      if count > 0 {
        let piece = socket.buffer.slice(body.base..<(body.base + count))
        body.base += count
        body.coding = .length(left: left - count)
        start = body.base
        // Nothing is left to read: the message ends here.
        arriving = left == count ? nil : body
        return .piece(piece)
      }
      arriving = body
      return .needMore
    case .chunked(var decoder):
      let bytes = socket.buffer.slice(body.base..<socket.buffer.count)
      let step = decoder.next(bytes)
      body.coding = .chunked(decoder)
      start = body.base + decoder.consumed
      arriving = body
      switch step {
      case .data(let range):
        body.delivered += range.count
        arriving = body
        guard body.delivered <= server.limits.bodyBytes else {
          throw .tooLarge(limit: server.limits.bodyBytes)
        }
        return .piece(bytes[range])
      case .end:
        arriving = nil
        return .end
      case .needMore: return .needMore
      case .fault(let rule):
        server.counters.count(.badRequest(rule))
        throw .malformed(rule)
      }
    }
  }

  /// Waits for more of the body, no longer than the limits allow.
  private func receiveBody(room: Int) async throws(BodyFailure) {
    guard var body = arriving else { return }
    if body.owesContinue {
      body.owesContinue = false
      arriving = body
      if !outbox.isOpen { outbox.append("HTTP/1.1 100 Continue\r\n\r\n") }
    }
    // Answers to earlier requests, and the word to go on.
    guard await socket.flush() else { throw .closed }
    let limits = server.limits
    let earned = Int64(body.received) * 1_000_000_000 / Int64(max(limits.bodyBytesPerSecond, 1))
    let slowest = body.began + limits.bodyGrace + .nanoseconds(earned)
    let end = min(slowest, server.clock.clocks.monotonic() + limits.bodyIdleTime)
    let before = socket.buffer.count
    switch await socket.receive(atLeastRoom: room, until: end) {
    case .bytes: arriving?.received += socket.buffer.count - before
    case .deadline:
      server.counters.bump(server.counters.bodyTimeouts)
      throw .timedOut
    case .ended, .abandoned, .failed: throw .closed
    }
  }

  /// Drops the bytes that have been handed out. Slices of them keep the old storage.
  private func dropDelivered() {
    guard var body = arriving, start > 0 else { return }
    let dropped = start
    socket.buffer.discardFirst(dropped)
    if case .chunked(var decoder) = body.coding {
      decoder.discarded(dropped - body.base)
      body.coding = .chunked(decoder)
      body.base = 0
    } else {
      body.base -= dropped
    }
    start = 0
    arriving = body
  }
}

extension Connection: BodySource {
  func nextPiece() async throws(BodyFailure) -> ByteSlice? {
    while true {
      switch try take() {
      case .piece(let piece): return piece
      case .end: return nil
      case .needMore:
        dropDelivered()
        try await receiveBody(room: server.limits.receiveBytes)
      }
    }
  }

  func collectRest(upTo limit: Int) async throws(BodyFailure) -> ByteSlice {
    guard let body = arriving else { return .empty }
    switch body.coding {
    case .length(let left):
      guard left <= limit else { throw .tooLarge(limit: limit) }
      if body.base + left > socket.buffer.capacity { dropDelivered() }
      while let body = arriving, socket.buffer.count - body.base < left {
        // Grows with what really comes, not with what was announced.
        let missing = left - (socket.buffer.count - body.base)
        try await receiveBody(room: min(missing, 64 * 1024))
      }
      guard case .piece(let whole) = try take() else { return .empty }
      return whole
    case .chunked:
      var pieces = ByteBuffer()
      while let piece = try await nextPiece() {
        guard pieces.count + piece.count <= limit else { throw .tooLarge(limit: limit) }
        pieces.append(piece)
      }
      return pieces.contents
    }
  }

  var restIsTooMuch: Bool {
    guard let body = arriving else { return false }
    if body.owesContinue { return true }
    guard case .length(let left) = body.coding else { return true }
    return left - (socket.buffer.count - body.base) > server.limits.skippedBytes
  }
}
