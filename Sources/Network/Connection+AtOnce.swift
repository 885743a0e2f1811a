import Bytes
import HTTPWire

/// Requests that are answered while the connection's task goes on waiting for the next one: of two
/// waits of a task, the one for the request and the one for its outcome, none is left. What the
/// responder does not take, and what ends the connection or fills its socket, is the task's.
extension Connection: AnswerTaker, BytesReader {
  /// What the task finds when its wait is over.
  enum Arrived {
    /// A head, and how long it is.
    case head(RequestHead, Int)
    /// A request that the responder has left to it.
    case request(HTTPRequest)
  }

  func bytesArrived() {
    holdsBuffers = true
    goOn()
  }

  func completeAnswer(_ write: (inout AnswerWriter) -> Void) {
    // In place: a copy of the writer would count what it refers to.
    write(&writer)
    if conclude() { goOn() }
  }

  /// Whether another request may be answered without the task.
  var mayGoOn: Bool {
    socket.pending == 0 && !socket.isBroken && !socket.isAbandoned && !isClosing
      && !server.commons.isDraining
  }

  /// Whether the loop's turn has lasted long enough: what is left to be served here is for the next
  /// one, so that a client that always has another request does not keep the loop to itself.
  var hasHadTurn: Bool { lastBegan - server.clock.now >= server.limits.turn }

  /// Lets all others of the loop have a turn.
  func giveWay() async {
    socket.sendPending()
    await server.clock.nextTurn()
  }

  /// Serves what is there, until a request is under way or none is left.
  private func goOn() {
    while true {
      if start == socket.buffer.count {
        rewind()
        socket.sendPending()
        guard mayGoOn else { return handOver() }
        guard socket.canRead else { return rest() }
        // The task gives way.
        if hasHadTurn { return handOver() }
        switch socket.readNow(2048) {
        case .bytes: break
        case .wouldBlock: return rest()
        case .ended, .failed: return handOver()
        }
      } else if hasHadTurn {
        return handOver()
      }
      guard serveHere() else { return }
    }
  }

  /// The task waits on. What has come in may have been no request: that makes no connection live
  /// longer.
  private func rest() { socket.waitOn(until: nextLook) }

  /// What comes next is the task's, which is not idle from here on.
  private func handOver() {
    activity = .transferring
    socket.wakeTask()
  }

  /// Serves what stands next in the buffer.
  ///
  /// - Returns: whether that is done; otherwise the task or the responder has it.
  private func serveHere() -> Bool {
    parser.reset()
    let beginning: Beginning
    switch parser.next(socket.buffer.slice(start..<socket.buffer.count)) {
    case .needMore, .refuse:
      // The rest of a head is waited for, and what is none refused, by the task.
      handOver()
      return false
    case .request(let head, let length):
      guard case .length(let body) = head.framing,
        body <= socket.buffer.count - start - length
      else {
        arrived = .head(head, length)
        handOver()
        return false
      }
      beginning = begin(consume head, bodyAt: start + length)
    }
    switch beginning {
    case .left:
      guard let request else { preconditionFailure("a request that was begun is the connection's") }
      arrived = .request(request)
      handOver()
      return false
    case .begun:
      activity = .answering
      socket.holdWait()
      if outbox.pending > 0 { server.sendAtTurnEnd(socket) }
      return false
    case .complete: return conclude()
    }
  }

  /// Has the responder begin the request of a head. Apart, so that when that is over nobody but the
  /// connection holds the request, and the next one can take its place.
  @inline(__always)
  private func begin(_ head: consuming RequestHead, bodyAt: Int) -> Beginning {
    let request = open(consume head, bodyAt: bodyAt)
    return server.responder.begin(request, with: &writer, for: self)
  }

  /// An answer is complete.
  ///
  /// - Returns: whether the connection goes on without its task.
  private func conclude() -> Bool {
    let isComplete = writer.phase == .complete
    isClosing = writer.closes
    writer.leave()
    leaveRequest()
    if !isComplete {
      // A responder that did not keep its word: nothing sensible can be sent.
      outbox.abandon()
      socket.isBroken = true
    }
    if isClosing || socket.isBroken {
      handOver()
      return false
    }
    beginIdling()
    return true
  }
}
