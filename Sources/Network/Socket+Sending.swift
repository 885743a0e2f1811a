import Bytes
import HTTPWire

/// A socket whose kernel takes nothing.
struct Stall {
  /// When the peer was last seen to have taken something.
  var since: MonotonicTime
  /// Bytes in the kernel that it had not taken then.
  var left: Int
  /// When that is to be looked at again.
  var nextLook: MonotonicTime
}

extension Socket {
  /// Looks whether the peer takes what is on its way to it; called while bytes are pending. That
  /// the kernel takes none of them says little: it takes the next ones once a third of its room is
  /// free, which may have grown to megabytes.
  ///
  /// - Returns: false when the peer has taken nothing for `writeStallTime`.
  func peerTakes(at now: MonotonicTime) -> Bool {
    let left = Syscalls.unacknowledged(fd)
    let since = if let stall, left >= stall.left { stall.since } else { now }
    let end = since + writeStallTime
    let step = TimeSpan.nanoseconds(writeStallTime.nanoseconds / Self.looksPerStall)
    stall = Stall(since: since, left: left, nextLook: min(now + step, end))
    return now < end
  }

  /// A peer that has taken nothing is found so much late at the most: a part of the time.
  private static var looksPerStall: Int64 { 8 }

  /// Sends everything that is pending, waiting as long as the peer accepts some of it.
  ///
  /// - Returns: false when the connection is lost.
  func flush() async -> Bool {
    while true {
      sendPending()
      if isBroken { return false }
      if pending == 0 { return true }
      guard peerTakes(at: clock.clocks.monotonic()), let stall else {
        lane.bump(lane.writeStalls)
        isBroken = true
        return false
      }
      switch await wait(for: .writable, until: stall.nextLook) {
      case .ready, .deadline: continue
      case .abandoned: return false
      }
    }
  }

  /// The kernel has taken so much.
  func noteSent(_ count: Int) {
    lane.bump(lane.sent, by: count)
    if count > 0 { stall = nil }
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
      noteSent(count)
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
        noteSent(count)
        if count < outbox.pending { canWrite = false }
        outbox.markSent(count)
      case .wouldBlock: canWrite = false
      case .ended, .failed: isBroken = true
      }
    }
  }
}
