import Bytes
import HTTPWire

extension Connection {
  /// Ends our side and swallows what the peer still sends, for a while: closing with unread bytes
  /// would reset the connection and could destroy the answer before it is read (RFC 9112 §9.6).
  func linger() async {
    if socket.hasEnded || socket.isBroken { return }
    socket.sayGoodbye()
    await swallowRest()
  }

  func swallowRest() async {
    Syscalls.shutdownWriting(socket.fd)
    let end = server.clock.clocks.monotonic() + server.limits.lingerTime
    var swallowed = 0
    while swallowed < server.limits.lingerBytes {
      guard let count = await socket.swallow(until: end) else { return }
      swallowed += count
    }
  }
}
