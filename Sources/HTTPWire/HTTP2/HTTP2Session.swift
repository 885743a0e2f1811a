public import Bytes

/// What has happened on an HTTP/2 connection, in order.
public enum HTTP2Event: Sendable {
  /// A request begins; without a body when `isWhole`.
  case request(stream: Int32, RequestHead, isWhole: Bool)
  /// A request that the wire itself refuses; the answer ends the stream, not the connection.
  case refused(stream: Int32, WireRefusal, isHead: Bool)
  /// Bytes of a request's body; `consumed` gives the room back.
  case data(stream: Int32, ByteSlice)
  /// The request's body is complete.
  case end(stream: Int32)
  /// The stream is over: answered to its end, or reset by either side.
  case closed(stream: Int32)
}

/// What a stream is to send: a head as `AnswerWriter` leaves it, then a body, taken as flow control
/// allows. Loop-confined.
public final class HTTP2Outgoing {
  public let outbox = Outbox()
  /// Nothing follows what is in the outbox.
  public var isEnded = false
  /// When the client last took something, or something was there again after nothing.
  public fileprivate(set) var movedAt = MonotonicTime.distantFuture
  /// What of it stands in the session's sum.
  fileprivate var counted = 0

  public init() {}

  /// Bytes that wait for the client's window or the socket.
  public var pending: Int { outbox.pending }
}

/// The server's side of an HTTP/2 connection (RFC 9113) as a machine: received bytes in, events and
/// bytes to send out. libnghttp2 keeps the protocol's state; heads are checked by the same
/// `RequestParser` as those of HTTP/1.1, so that both follow the same rules. Loop-confined.
///
/// The connection's receive window is given back at once: what a peer may have unread is bounded by
/// the windows of its streams. Floods end the connection with GOAWAY: `HTTP2Guard`.
public final class HTTP2Session {
  private let limits: WireLimits
  private let engine: HTTP2Engine
  private var parser: RequestParser
  private var guardian: HTTP2Guard
  private var head = HTTP2Head()
  private var fields = HTTP2Fields()
  private var events: [HTTP2Event] = []
  private var outgoing: [Int32: HTTP2Outgoing] = [:]
  /// Streams whose bytes have all been taken since somebody last asked.
  private var drained: [Int32] = []
  /// Streams whose requests nobody reads to their end: reset when the answer is out.
  private var notNeeded: Set<Int32> = []
  /// What the running `receive` was given, for slices of it.
  private var input = ByteSlice.empty
  /// Bytes of bodies in the running `receive`.
  private var bodyBytes = 0
  private var now: MonotonicTime

  /// Bytes of bodies of answers that wait for the client, all streams together.
  public private(set) var pendingBytes = 0
  /// Since when a block of fields has been on its way; nil while none is.
  public private(set) var headBegan: MonotonicTime?

  /// - Parameter now: what allowances are counted from.
  public init(limits: WireLimits, now: MonotonicTime) {
    self.limits = limits
    self.now = now
    parser = RequestParser(limits: limits)
    guardian = HTTP2Guard(limits: limits, now: now)
    engine = HTTP2Engine(limits: limits)
    engine.attach(self)
    engine.open(
      streams: limits.streams, headerList: limits.headBytes, streamWindow: limits.streamWindow,
      connectionWindow: limits.connectionWindow)
  }

  /// Why the connection was ended; nil while it was not.
  public var flood: HTTP2Flood? { guardian.flood }
  /// RST_STREAM frames of the peer so far.
  public var resets: Int { guardian.resets }
  /// Frames that wait, answers to the peer's own among them.
  public var queuedFrames: Int { engine.queued }
  /// Whether nothing more can come of this connection but what is left to send.
  public var isOver: Bool { engine.isOver }

  // MARK: - In

  /// Takes bytes from the socket and returns what came of them. Afterwards there may be something
  /// to send, even if the connection is at its end.
  public func receive(_ bytes: ByteSlice, at now: MonotonicTime) -> [HTTP2Event] {
    self.now = now
    guardian.earn(at: now)
    input = bytes
    unsafe bytes.withUnsafeBytes { unsafe engine.receive($0) }
    input = .empty
    if bodyBytes > 0 { engine.consumeConnection(bodyBytes) }
    bodyBytes = 0
    headBegan = head.isOpen ? headBegan ?? now : nil
    return takeEvents()
  }

  /// Events that came while sending: streams that ended by it.
  public func takeEvents() -> [HTTP2Event] {
    guard !events.isEmpty else { return [] }
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  /// The reader has used bytes of a body: the client may send as many more on this stream.
  public func consumed(_ count: Int, on stream: Int32) { engine.consume(count, on: stream) }

  // MARK: - Out

  /// Begins the answer of a stream; of one that is over nothing comes.
  ///
  /// - Parameters:
  ///   - answer: a head, perhaps with the body behind it; more may follow until it `isEnded`.
  ///   - now: what the client's time for taking it counts from: nothing may have been received or
  ///     sent for long.
  public func respond(with answer: HTTP2Outgoing, on stream: Int32, at now: MonotonicTime) {
    guard engine.takesAnswer(stream) else { return }
    answer.outbox.markSent(takeHead(of: answer.outbox.bytes))
    let hasBody = !answer.isEnded || answer.pending > 0
    if hasBody { outgoing[stream] = answer }
    count(answer, at: now)
    engine.respond(fields, hasBody: hasBody, isInterim: false, on: stream)
  }

  private func takeHead(of answer: ByteWriter) -> Int { fields.take(answer.span) }

  /// Tells a client that waits for it to send its body (RFC 9110 §10.1.1).
  public func sendContinue(on stream: Int32) {
    let head = ByteSlice(utf8: "HTTP/1.1 100 Continue\r\n\r\n")
    _ = fields.take(head.span)
    engine.respond(fields, hasBody: false, isInterim: true, on: stream)
  }

  /// A stream's answer has more bytes, or its end; `now` as in `respond`.
  public func resume(_ stream: Int32, at now: MonotonicTime) {
    if let answer = outgoing[stream] { count(answer, at: now) }
    engine.resume(stream)
  }

  private func count(_ answer: HTTP2Outgoing, at now: MonotonicTime) {
    let pending = answer.pending
    if answer.counted == 0, pending > 0 { answer.movedAt = now }
    pendingBytes += pending - answer.counted
    answer.counted = pending
  }

  /// Why we end a stream.
  public enum Reset: Sendable {
    /// The answer was complete before the request was, which is not read to its end.
    case notNeeded
    case refused
    case cancelled
    case failed
  }

  /// Ends a stream, if it has not ended: at once, or with `notNeeded` behind its answer
  /// (RFC 9113 §8.1).
  public func reset(_ stream: Int32, _ reason: Reset) {
    switch reason {
    case .notNeeded:
      guard engine.isOpen(stream) else { return }
      if outgoing[stream] != nil, engine.takesAnswer(stream) {
        notNeeded.insert(stream)
      } else {
        engine.reset(stream, .none)
      }
    case .refused: engine.reset(stream, .refused)
    case .cancelled: engine.reset(stream, .cancel)
    case .failed: engine.reset(stream, .internal)
    }
  }

  /// Takes no new requests; those that run are answered.
  public func goAway() { engine.goAway() }

  /// Appends what is to be sent, until that is about `most` bytes.
  ///
  /// - Returns: streams all of whose bytes have been taken meanwhile, and which have more to come.
  public func pump(into outbox: Outbox, upTo most: Int, at now: MonotonicTime) -> [Int32] {
    self.now = now
    while outbox.pending < most {
      let isMore = engine.send { bytes in outbox.append(bytes) }
      if !isMore { break }
    }
    guard !drained.isEmpty else { return [] }
    defer { drained.removeAll(keepingCapacity: true) }
    return drained
  }
}

/// What the engine tells, inside the calls above.
extension HTTP2Session {
  func headBegan(isRequest: Bool) { head.begin(isRequest: isRequest) }

  /// - Returns: false when nothing more of this connection is to be read.
  func headField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
    // SAFETY: the bytes are the engine's for the time of this call.
    let name = unsafe Span<UInt8>(_unsafeBytes: name)
    let value = unsafe Span<UInt8>(_unsafeBytes: value)
    head.add(name, value, limits: limits)
    guard head.size > Self.bombFactor * limits.headBytes else { return true }
    end(guardian.headerBomb())
    return false
  }

  /// A list of fields that is larger than allowed gets an answer, one this many times as large ends
  /// the connection: a few bytes of HPACK stand for it.
  private static let bombFactor = 8

  func receivedInvalid() {
    head.end()
    end(guardian.controlFrame())
  }

  func received(_ frame: HTTP2Engine.Frame, stream: Int32, length: Int, isEnd: Bool) {
    switch frame {
    case .headers:
      if head.isRequest {
        guardian.requestBegan()
        finishHead(stream, isWhole: isEnd)
      } else if isEnd {
        events.append(.end(stream: stream))
      }
      head.end()
    case .data:
      if isEnd {
        events.append(.end(stream: stream))
      } else if length == 0 {
        end(guardian.controlFrame())
      }
    case .reset: guardian.resetReceived()
    case .windowUpdate: end(guardian.windowUpdate())
    case .settings, .ping, .priority, .other: end(guardian.controlFrame())
    }
  }

  /// Ends the connection if the guardian says so; once.
  private func end(_ isFlood: Bool) {
    if isFlood { engine.terminate(.calm) }
  }

  private func finishHead(_ stream: Int32, isWhole: Bool) {
    if let refusal = head.refusal {
      events.append(.refused(stream: stream, refusal, isHead: head.isHead))
      return
    }
    parser.reset()
    switch parser.next(head.text(isWhole: isWhole)) {
    case .request(let head, _):
      events.append(.request(stream: stream, head, isWhole: isWhole))
    case .refuse(let refusal):
      events.append(.refused(stream: stream, refusal, isHead: head.isHead))
    case .needMore:
      events.append(.refused(stream: stream, .badRequest(.requestLine), isHead: head.isHead))
    }
  }

  func received(_ data: UnsafeRawBufferPointer, on stream: Int32) {
    bodyBytes += data.count
    var piece: ByteSlice?
    unsafe input.withUnsafeBytes { input in
      guard let base = input.baseAddress, let start = data.baseAddress,
        unsafe start >= base, unsafe start + data.count <= base + input.count
      else { return }
      let offset = unsafe start - base
      piece = self.input[offset..<(offset + data.count)]
    }
    let copied = unsafe piece ?? ByteSlice(data)
    events.append(.data(stream: stream, copied))
  }

  func sent(_ frame: HTTP2Engine.Frame, stream: Int32, isEnd: Bool, isError: Bool) {
    if frame == .data { guardian.dataSent() }
    // A peer can make us reset streams with frames that break them.
    if isError { end(guardian.controlFrame()) }
    guard !notNeeded.isEmpty, isEnd, frame == .headers || frame == .data,
      notNeeded.remove(stream) != nil
    else { return }
    engine.reset(stream, .none)
  }

  func closed(_ stream: Int32) {
    if let answer = outgoing.removeValue(forKey: stream) {
      pendingBytes -= answer.counted
      answer.counted = 0
    }
    notNeeded.remove(stream)
    events.append(.closed(stream: stream))
  }

  func pour(_ stream: Int32, into room: UnsafeMutableRawBufferPointer) -> HTTP2Engine.Poured {
    guard let answer = outgoing[stream] else { return .gone }
    let outbox = answer.outbox
    let count = min(room.count, outbox.pending)
    if count > 0 {
      let sent = outbox.sent
      // SAFETY: both hold `count` bytes; what is pending lies behind what has been sent.
      unsafe outbox.bytes.withUnsafeBytes { bytes in
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[sent..<(sent + count)]))
      }
      outbox.markSent(count)
      answer.counted -= count
      pendingBytes -= count
      answer.movedAt = now
    }
    if outbox.pending > 0 { return .bytes(count, isEnd: false) }
    if answer.isEnded { return .bytes(count, isEnd: true) }
    if count == 0 { return .later }
    drained.append(stream)
    return .bytes(count, isEnd: false)
  }
}
