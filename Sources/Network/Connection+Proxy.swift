import Bytes
import HTTPWire

extension Connection {
  /// Reads who the connection comes from, which a proxy says before anything else. What follows the
  /// header stays in the socket, TLS or not.
  ///
  /// - Returns: false when the connection is over: without the header, or with half of one, it is
  ///   nobody's, and nothing is said.
  func readProxyHeader() async -> Bool {
    activity = .handshaking
    let lane = server.counters
    let limit = server.limits.proxyHeaderBytes
    let end = server.clock.clocks.monotonic() + server.limits.headTime
    while true {
      if socket.canRead {
        let bytes = socket.peek(upTo: limit)
        switch ProxyHeader.read(bytes, limit: limit) {
        case .header(let source, let length):
          socket.skip(length)
          if case .address(let address) = source { peer = Peer(address) }
          activity = .transferring
          lane.bump(lane.proxied)
          return true
        case .needMore:
          // Nothing more will come.
          if socket.isBroken || socket.hasEnded || socket.hasHungUp { fallthrough }
        case .fault:
          lane.bump(lane.badProxyHeaders)
          return false
        }
      }
      switch await socket.wait(for: .readable, until: end) {
      case .ready: continue
      case .deadline:
        lane.bump(lane.slowProxyHeaders)
        return false
      case .abandoned: return false
      }
    }
  }
}

extension Socket {
  /// What the kernel has, up to `most` bytes, which stay there.
  func peek(upTo most: Int) -> ByteSlice {
    var bytes = ByteSlice.empty
    // SAFETY: the room is used inside the closure, up to what the kernel wrote.
    unsafe withUnsafeTemporaryAllocation(byteCount: most, alignment: 1) { room in
      let transfer = unsafe Syscalls.peek(fd, into: room)
      // The same bytes are no news: the next wait is for more of them.
      noteSeen()
      if case .bytes(let count) = transfer {
        bytes = unsafe ByteSlice(UnsafeRawBufferPointer(rebasing: room[..<count]))
      } else {
        noteFailed(transfer)
      }
    }
    return bytes
  }

  /// Drops bytes that `peek` has shown.
  func skip(_ count: Int) {
    // SAFETY: the room is used inside the closure.
    unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { room in
      switch unsafe Syscalls.receive(fd, into: room) {
      // Whether there is more only the next read tells.
      case .bytes(let taken): noteReceived(taken, of: taken)
      case let transfer: noteFailed(transfer)
      }
    }
  }
}
