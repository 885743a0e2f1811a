import Bytes
import HTTPWire

/// A streamed body on its way.
struct StreamedBody {
  let stream: any AnswerStream
  let isChunked: Bool
  /// Whether its end is the connection's.
  let closes: Bool
  /// Somebody has called while the stream did not wait: its next wait ends at once.
  var isRoused = false
}

extension Connection {
  /// The head of a streamed answer is written; `streamOn` follows.
  func begin(_ body: StreamedBody) {
    streamed = body
    socket.sleeper = self
    body.stream.attach(to: self)
    releaseBuffers()
  }

  /// Sends a streamed body: a step, then all of its bytes, then the next step, until the stream
  /// ends or waits.
  func streamOn() async -> Next {
    guard await socket.flush(), let body = streamed else { return endStream(.cut) }
    var steps = 0
    while true {
      var bytes = outbox.take()
      if body.isChunked { ChunkFrame.open(&bytes) }
      let step = await nextStep(of: body.stream, into: &bytes)
      if step == .abort || socket.isAbandoned {
        outbox.putBack(ByteWriter())
        return endStream(.cut)
      }
      if body.isChunked { ChunkFrame.close(&bytes, isLast: step == .end) }
      outbox.putBack(bytes)
      guard await socket.flush() else { return endStream(.cut) }
      switch step {
      case .end:
        return body.closes ? endStream(.farewell) : endStream(await finishRequest())
      case .wait(let until):
        outbox.release(keeping: 0)
        if sleep(until: until) { return .wait }
      case .more, .abort:
        outbox.release(keeping: server.limits.receiveBytes)
      }
      steps += 1
      // A stream whose socket takes everything at once lets others have their turn.
      if steps % 16 == 0 { await server.clock.nextTurn() }
    }
  }

  private func nextStep(
    of stream: any AnswerStream, into bytes: inout ByteWriter
  ) async -> AnswerStreamStep {
    activity = .answering
    streamed?.isRoused = false
    socket.beginInterruptible()
    if server.commons.isDraining { socket.task?.cancel() }
    let step = await stream.next(into: &bytes)
    socket.endInterruptible()
    activity = .transferring
    return step
  }

  private func endStream(_ next: Next) -> Next {
    streamed?.stream.detach()
    streamed = nil
    socket.sleeper = nil
    return next
  }

  /// Lets the task end while the stream waits.
  ///
  /// - Returns: false when the wait is over already.
  private func sleep(until: MonotonicTime) -> Bool {
    let isRoused = streamed?.isRoused == true
    if isRoused || server.commons.isDraining || socket.hasHungUp { return false }
    activity = .waiting
    socket.task = nil
    socket.sleep(until: until)
    return true
  }
}

extension Connection: AnswerSink, Sleeper {
  func rouse() {
    if socket.stopSleeping() { wokeUp() } else { streamed?.isRoused = true }
  }

  /// A new task takes up where the last one left.
  func wokeUp() {
    activity = .answering
    socket.task = server.loop.startTask(for: ObjectIdentifier(self))
  }

  func push(_ chunk: ByteSlice) -> PushOutcome {
    guard socket.isAsleep, let body = streamed else {
      rouse()
      return .refused
    }
    let bytes = body.isChunked ? chunk : ChunkFrame.payload(of: chunk)
    let count = socket.send(directly: bytes)
    if count == bytes.count, socket.pending == 0 { return .sent }
    rouse()
    guard count > 0 else { return .refused }
    if count < bytes.count { outbox.append(bytes.dropFirst(count)) }
    return .queued
  }
}
