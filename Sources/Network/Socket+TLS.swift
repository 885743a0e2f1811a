import Bytes
import Crypto
import HTTPWire

extension Socket {
  /// Bytes sealed at once: four records, as much as a socket usually takes.
  private static var sealedAtOnce: Int { 64 * 1024 }
  /// Bytes taken from the kernel at once: two records.
  private static var openedAtOnce: Int { 32 * 1024 }
  /// Received bytes for one of content, above which more is opened in a later turn of the loop.
  private static var mostPerByte: Int { 8 }

  /// Bytes that wait for the kernel, in the clear or sealed.
  var pending: Int { outbox.pending + (tls?.unsent ?? 0) }

  /// Receives and opens records; what the handshake answers goes out at once.
  func receiveSealed(_ session: TLSSession) -> Syscalls.Transfer {
    if session.phase == .ended {
      hasEnded = true
      return .ended
    }
    var transfer = Syscalls.Transfer.wouldBlock
    var received = TLSSession.Received.bytes(0)
    // SAFETY: the room is used inside the call, up to what the kernel wrote.
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.openedAtOnce, alignment: 16) { room in
      transfer = unsafe Syscalls.receive(fd, into: room)
      guard case .bytes(let count) = transfer else { return }
      noteReceived(count, of: room.count)
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: room[..<count])
      if unsafe isPlainHTTP(bytes) {
        fallBackToPlain()
        return
      }
      received = unsafe session.receive(bytes, into: &buffer, firstRoom: receiveBytes)
    }
    guard case .bytes(let taken) = transfer else {
      noteFailed(transfer)
      return transfer
    }
    if metPlainHTTP { return .failed(0) }
    if session.unsent > 0 { sendPending() }
    switch received {
    case .bytes(let count):
      if session.phase == .ended {
        // The end came with the bytes.
        noteReadable()
      } else if canRead, count * Self.mostPerByte < taken {
        // Records that do little but change keys cost much, and fill no buffer that has an end.
        readLater()
      }
      return count > 0 ? .bytes(count) : .wouldBlock
    case .ended:
      noteFailed(.ended)
      return .ended
    case .failed:
      isBroken = true
      return .failed(0)
    }
  }

  /// Seals what is in the outbox, bit by bit as the kernel takes it.
  func sendSealed(_ session: TLSSession) {
    while canWrite, !isBroken {
      if session.unsent == 0 {
        let count = min(outbox.pending, Self.sealedAtOnce)
        guard count > 0, session.phase != .handshaking else { return }
        let start = outbox.sent
        // SAFETY: the bytes are borrowed for the call; what has been sent and what is committed lie
        // within them.
        let isSealed = unsafe outbox.bytes.withUnsafeBytes { bytes in
          unsafe session.seal(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]))
        }
        guard isSealed else {
          isBroken = true
          return
        }
        outbox.markSent(count)
      }
      let sent = session.sent
      let transfer = unsafe session.sealed.withUnsafeBytes { bytes in
        unsafe Syscalls.send(fd, UnsafeRawBufferPointer(rebasing: bytes[sent...]))
      }
      switch transfer {
      case .bytes(let count):
        noteSent(count)
        if count < session.unsent { canWrite = false }
        session.markSent(count)
      case .wouldBlock: canWrite = false
      case .ended, .failed: isBroken = true
      }
    }
  }

  /// Seals bytes of somebody else's as long as the kernel takes them.
  ///
  /// - Returns: how many were sealed; of the last ones some may be `pending`.
  func sendSealed(_ session: TLSSession, directly bytes: ByteSlice) -> Int {
    var taken = 0
    while taken < bytes.count, session.unsent == 0, canWrite, !isBroken {
      let piece = bytes[taken..<min(taken + Self.sealedAtOnce, bytes.count)]
      // SAFETY: the bytes are borrowed for the call.
      guard unsafe piece.withUnsafeBytes({ unsafe session.seal($0) }) else {
        isBroken = true
        break
      }
      taken += piece.count
      sendSealed(session)
    }
    return taken
  }

  /// Waits until the handshake is done.
  ///
  /// - Returns: how that went; `.bytes` when it is done.
  func shakeHands(until: MonotonicTime) async -> Received {
    guard let session = tls else { return .bytes }
    while session.phase == .handshaking {
      if canRead {
        switch readNow(receiveBytes) {
        case .ended: return .ended
        case .failed: return .failed
        case .bytes: continue
        case .wouldBlock: if session.phase != .handshaking { continue }
        }
      }
      if canRead { continue }
      switch await wait(for: .readable, until: until) {
      case .ready: continue
      case .deadline: return .deadline
      case .abandoned: return .abandoned
      }
    }
    return session.phase == .open ? .bytes : .failed
  }

  /// Sends what ends the connection in order, as far as the kernel takes it without waiting.
  func sayGoodbye() {
    guard let session = tls, !isBroken, pending == 0 else { return }
    session.finish()
    sendPending()
  }

  /// A request in the clear: nothing has come before it, and it begins with a letter, where a
  /// handshake begins with 22 (RFC 8446 §5.1).
  private func isPlainHTTP(_ bytes: UnsafeRawBufferPointer) -> Bool {
    defer { hasReceived = true }
    let first = unsafe bytes[0]
    return !hasReceived && (0x41...0x5A).contains(first)
  }

  /// Receives whatever comes and drops it, sealed as it is; nil at the end.
  func swallow(until: MonotonicTime) async -> Int? {
    while true {
      if canRead {
        var transfer = Syscalls.Transfer.wouldBlock
        // SAFETY: the room is used inside the call.
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.openedAtOnce, alignment: 16) { room in
          transfer = unsafe Syscalls.receive(fd, into: room)
          if case .bytes(let count) = transfer { noteReceived(count, of: room.count) }
        }
        if case .bytes(let count) = transfer { return count }
        noteFailed(transfer)
        guard transfer == .wouldBlock else { return nil }
      }
      guard await wait(for: .readable, until: until) == .ready else { return nil }
    }
  }
}
