import Bytes
import Crypto
import HTTPWire

extension Connection {
  /// Makes the connection a TLS one.
  ///
  /// - Returns: false when it is over; whatever there was to say has been said.
  func shakeHands() async -> Bool {
    activity = .handshaking
    let number = server.handshakeBegan(self)
    defer { server.handshakeEnded(number) }
    let lane = server.counters
    let end = server.clock.clocks.monotonic() + server.limits.handshakeTime
    switch await socket.shakeHands(until: end) {
    case .bytes:
      activity = .transferring
      lane.bump(lane.handshakes)
      if socket.tls?.isResumed == true { lane.bump(lane.resumptions) }
      return true
    case .deadline: lane.bump(lane.slowHandshakes)
    case .abandoned: break
    case .ended: lane.bump(lane.failedHandshakes)
    case .failed:
      lane.bump(lane.failedHandshakes)
      if socket.metPlainHTTP, await refuse(.badRequest(.clearOnTLS)) {
        await linger()
      } else {
        // The alert must not be destroyed by a reset.
        await swallowRest()
      }
    }
    return false
  }
}
