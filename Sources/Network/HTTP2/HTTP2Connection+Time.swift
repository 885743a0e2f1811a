import Bytes
import HTTPWire

/// What ends a connection, or a stream of it, that is too slow.
extension HTTP2Connection {
  /// When the connection is next to be looked at though nothing comes in.
  var deadline: MonotonicTime {
    let limits = server.limits
    var until = hasReleased ? MonotonicTime.distantFuture : quietSince + limits.bufferKeepTime
    if socket.pending > 0 {
      until = min(until, socket.stall?.nextLook ?? server.clock.now + sweepSpan)
    }
    if let began = session.headBegan { until = min(until, began + limits.headTime) }
    if streams.isEmpty { until = min(until, idleEnd) }
    if session.pendingBytes > 0 {
      if nextSweep == .distantFuture { nextSweep = server.clock.now + sweepSpan }
      until = min(until, nextSweep)
    } else {
      nextSweep = .distantFuture
    }
    return until
  }

  private var idleEnd: MonotonicTime {
    idleSince + (hasHadRequest ? server.limits.idleTime : server.limits.headTime)
  }

  /// Whether there has been no stream for too long.
  func hasIdled(at now: MonotonicTime) -> Bool { streams.isEmpty && now >= idleEnd }

  private var sweepSpan: TimeSpan {
    .nanoseconds(server.limits.writeStallTime.nanoseconds / 4)
  }

  /// - Returns: false when the connection's time is up.
  func timePassed() -> Bool {
    let now = server.clock.now
    let limits = server.limits
    let lane = server.counters
    if socket.pending > 0 {
      behindAt = now
      guard socket.peerTakes(at: now) else {
        lane.bump(lane.writeStalls)
        socket.isBroken = true
        return false
      }
    }
    if let began = session.headBegan, now - began >= limits.headTime {
      lane.bump(lane.headTimeouts)
      return false
    }
    if hasIdled(at: now) { return false }
    if now >= nextSweep {
      nextSweep = .distantFuture
      for stream in streams.values { endIfStalled(stream.id, stream.outgoing, at: now) }
      for (id, answer) in refused { endIfStalled(id, answer, at: now) }
    }
    if !hasReleased, now - quietSince >= limits.bufferKeepTime {
      hasReleased = true
      socket.buffer.reset(keeping: 0)
      socket.outbox.release(keeping: 0)
    }
    return true
  }

  /// Ends a stream whose client has let its answer wait for too long. Until `behindAt` the socket
  /// did.
  private func endIfStalled(_ id: Int32, _ answer: HTTP2Outgoing, at now: MonotonicTime) {
    guard answer.pending > 0,
      now - max(answer.movedAt, behindAt) >= server.limits.writeStallTime
    else { return }
    server.counters.bump(server.counters.writeStalls)
    session.reset(id, .cancelled)
    wantsPump()
  }
}
