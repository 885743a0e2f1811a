import HTTPWire

extension Connection {
  /// The rest of the connection's life as an HTTP/2 one.
  ///
  /// - Parameter isWelcome: false where it only learns that nothing is taken.
  func speakHTTP2(isWelcome: Bool = true) async -> Leave {
    let http2 = HTTP2Connection(socket, server: server, kind: kind, peer: peer)
    self.http2 = http2
    releaseBuffers()
    if !isWelcome {
      http2.turnAway()
    } else {
      if server.commons.isDraining { http2.drainBegan() }
      await http2.run(from: start)
    }
    self.http2 = nil
    if !socket.hasEnded, await socket.flush() { await linger() }
    return .over
  }
}
