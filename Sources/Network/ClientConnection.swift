public import Bytes
public import Crypto
public import HTTPWire

/// A client's connection to an HTTP/1.1 server: send requests, read their answers in order.
/// Confined to its loop and to one task at a time; made in `Loop.run`.
public final class ClientConnection {
  private let loop: Loop
  let socket: Socket
  private let limits: WireLimits
  private var parser: ResponseParser
  /// Where the current answer, or the rest of its body, starts in the receive buffer.
  private var start = 0
  private var body = Body.none

  private enum Body {
    case none
    case length(left: Int)
    case chunked(ChunkDecoder)
    case untilClose
  }

  /// Whether the last answer allows another request.
  public private(set) var keepsAlive = true

  /// Connects without blocking the loop.
  ///
  /// - Parameters:
  ///   - tls: the session to speak TLS with; nil: in the clear.
  ///   - span: how long it may take, with the TLS handshake.
  public init(
    to address: SocketAddress, tls: TLSSession? = nil, within span: TimeSpan = .seconds(10),
    limits: WireLimits = WireLimits(), on loop: isolated Loop
  ) async throws(ClientFailure) {
    self.loop = loop
    self.limits = limits
    parser = ResponseParser(limits: limits)
    do throws(NetworkFailure) {
      let fd = try Syscalls.connect(to: address)
      socket = Socket(
        fd: fd, clock: loop.clock, lane: ServerCounters.Lane(), limits: limits, tls: tls,
        canWrite: false)
      do throws(NetworkFailure) {
        try socket.watch(on: loop)
      } catch {
        Syscalls.close(fd)
        throw error
      }
    } catch {
      throw .network(error)
    }
    let end = loop.clock.clocks.monotonic() + span
    let woken = await interruptible { await socket.wait(for: .writable, until: end) }
    let code = Syscalls.pendingError(socket.fd)
    guard woken == .ready, code == 0 else {
      socket.close(on: loop)
      switch woken {
      case .ready: throw .network(.system(call: "connect", code: code))
      case .deadline: throw .timedOut
      case .abandoned: throw .cancelled
      }
    }
    guard let tls else { return }
    tls.begin()
    socket.sendPending()
    let ending = await interruptible { await socket.shakeHands(until: end) }
    guard ending != .bytes else { return }
    socket.close(on: loop)
    switch ending {
    case .bytes, .ended, .failed:
      if case .failed(let failure) = tls.phase { throw .tls(failure) }
      throw .closed
    case .deadline: throw .timedOut
    case .abandoned: throw .cancelled
    }
  }

  /// Ends the connection; to be called on every path.
  public func close(on loop: isolated Loop) {
    socket.sayGoodbye()
    socket.close(on: loop)
  }

  /// Sends bytes of a request, suspending while the server does not take them.
  public func send(_ bytes: ByteSlice) async throws(ClientFailure) {
    socket.outbox.append(bytes)
    guard await interruptible({ await socket.flush() }) else { throw lost }
  }

  /// Sends what `write` appends, without a copy in between.
  public func send(_ write: (inout ByteWriter) -> Void) async throws(ClientFailure) {
    socket.outbox.append(write)
    guard await interruptible({ await socket.flush() }) else { throw lost }
  }

  /// Reads the next answer's head; interim answers are skipped.
  ///
  /// - Parameters:
  ///   - method: the method of the request it answers.
  ///   - span: how long to wait for it, in all.
  public func readHead(
    answering method: HTTPMethod, within span: TimeSpan
  ) async throws(ClientFailure) -> ResponseHead {
    let end = socket.clock.clocks.monotonic() + span
    rewind()
    while true {
      if start < socket.buffer.count {
        let view = socket.buffer.slice(start..<socket.buffer.count)
        switch parser.next(view, answering: method) {
        case .response(let head, let length):
          parser.reset()
          start += length
          if head.status < 200, head.status != 101 { continue }
          begin(head)
          return head
        case .fault(let fault): throw .malformed(fault)
        case .needMore: break
        }
      }
      try await receive(until: end)
    }
  }

  private func begin(_ head: ResponseHead) {
    keepsAlive = head.keepAlive
    switch head.framing {
    case .none: body = .none
    case .length(let length): body = .length(left: length)
    case .chunked: body = .chunked(ChunkDecoder(limits: limits))
    case .untilClose: body = .untilClose
    }
  }

  /// The next piece of the answer's body, never empty; nil at its end.
  public func nextPiece(within span: TimeSpan) async throws(ClientFailure) -> ByteSlice? {
    let end = socket.clock.clocks.monotonic() + span
    while true {
      if let piece = try take() { return piece }
      if case .none = body { return nil }
      rewind()
      do throws(ClientFailure) {
        try await receive(until: end)
      } catch {
        // Under TLS an end that was not announced may be somebody else's doing.
        let isWhole = socket.tls.map { $0.phase == .ended } ?? true
        guard case .untilClose = body, error == .closed, isWhole else { throw error }
        body = .none
        return nil
      }
    }
  }

  /// What is left of the answer's body.
  public func readBody(upTo limit: Int, within span: TimeSpan) async throws(ClientFailure)
    -> ByteSlice
  {
    guard let first = try await nextPiece(within: span) else { return .empty }
    guard first.count <= limit else { throw .tooLong }
    if case .none = body { return first }
    var whole = ByteBuffer(capacity: first.count * 2)
    whole.append(first)
    while let piece = try await nextPiece(within: span) {
      guard whole.count + piece.count <= limit else { throw .tooLong }
      whole.append(piece)
    }
    return whole.contents
  }

  private func take() throws(ClientFailure) -> ByteSlice? {
    let available = socket.buffer.count - start
    switch body {
    case .none: return nil
    case .untilClose:
      guard available > 0 else { return nil }
      defer { start = socket.buffer.count }
      return socket.buffer.slice(start..<socket.buffer.count)
    case .length(let left):
      let count = min(left, available)
      guard count > 0 else { return nil }
      body = left == count ? .none : .length(left: left - count)
      defer { start += count }
      return socket.buffer.slice(start..<(start + count))
    case .chunked(var decoder):
      let view = socket.buffer.slice(start..<socket.buffer.count)
      let step = decoder.next(view)
      start += decoder.consumed
      decoder.discarded(decoder.consumed)
      body = .chunked(decoder)
      switch step {
      case .data(let range): return view[range]
      case .needMore: return nil
      case .fault(let rule): throw .malformed(.head(.badRequest(rule)))
      case .end:
        body = .none
        return nil
      }
    }
  }

  /// Makes room at the front of the receive buffer once everything in it has been used.
  private func rewind() {
    if start == socket.buffer.count {
      socket.buffer.reset(keeping: 1 << 20)
    } else {
      socket.buffer.discardFirst(start)
    }
    start = 0
  }

  private func receive(until: MonotonicTime) async throws(ClientFailure) {
    let room = limits.receiveBytes
    switch await interruptible({ await socket.receive(atLeastRoom: room, until: until) }) {
    case .bytes: return
    case .deadline: throw .timedOut
    case .ended, .abandoned, .failed: throw lost
    }
  }

  private var lost: ClientFailure { socket.isAbandoned ? .cancelled : .closed }

  /// Lets a wait at the socket end when the task is cancelled; the connection is over then.
  private func interruptible<Result>(_ wait: () async -> Result) async -> Result {
    let loop = self.loop
    let registration = socket.registration
    return await withTaskCancellationHandler(operation: wait) {
      if let registration { loop.interruptSoon(registration) }
    }
  }
}

/// Why a client got no answer.
public enum ClientFailure: Error, Equatable, Sendable {
  case network(NetworkFailure)
  case timedOut
  /// The TLS handshake failed.
  case tls(TLSFailure)
  /// The server ended the connection.
  case closed
  /// The task was cancelled; the connection is of no use any more.
  case cancelled
  case malformed(ResponseFault)
  /// The body is longer than asked for.
  case tooLong
}
