import Bytes
import HTTPWire

extension Socket {
  /// Sends everything that is pending, waiting as long as the peer accepts some of it.
  ///
  /// - Returns: false when the connection is lost.
  func flush() async -> Bool {
    while true {
      sendPending()
      if isBroken { return false }
      if pending == 0 { return true }
      let stall = clock.clocks.monotonic() + writeStallTime
      switch await wait(for: .writable, until: stall) {
      case .ready: continue
      case .deadline:
        lane.bump(lane.writeStalls)
        isBroken = true
        return false
      case .abandoned: return false
      }
    }
  }

  /// Sends bytes of somebody else's, with nothing of its own pending.
  ///
  /// - Returns: how many are taken; under TLS some of them may be `pending`.
  func send(directly bytes: ByteSlice) -> Int {
    guard pending == 0, canWrite, !isBroken else { return 0 }
    if let tls { return sendSealed(tls, directly: bytes) }
    // SAFETY: the bytes are borrowed for the call.
    switch unsafe bytes.withUnsafeBytes({ unsafe Syscalls.send(fd, $0) }) {
    case .bytes(let count):
      lane.bump(lane.sent, by: count)
      if count < bytes.count { canWrite = false }
      return count
    case .wouldBlock: canWrite = false
    case .ended, .failed: isBroken = true
    }
    return 0
  }

  /// Sends what the socket takes without waiting.
  func sendPending() {
    if let tls {
      sendSealed(tls)
      return
    }
    while outbox.pending > 0, canWrite, !isBroken {
      let sent = outbox.sent
      // SAFETY: the bytes are borrowed for the call; what has been sent and what is committed lie
      // within them.
      let transfer = unsafe outbox.bytes.withUnsafeBytes { bytes in
        unsafe Syscalls.send(
          fd, UnsafeRawBufferPointer(rebasing: bytes[sent..<outbox.committed]))
      }
      switch transfer {
      case .bytes(let count):
        lane.bump(lane.sent, by: count)
        if count < outbox.pending { canWrite = false }
        outbox.markSent(count)
      case .wouldBlock: canWrite = false
      case .ended, .failed: isBroken = true
      }
    }
  }
}
