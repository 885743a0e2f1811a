public import Bytes
private import COpenSSL

/// One connection's TLS as bytes to bytes: what the socket received goes in, what it is to send
/// comes out; no descriptor, no waiting. Confined to the connection's loop.
///
/// ```
/// handshaking ──▶ open ──close_notify──▶ ended
///      └────────────┴──any failure──▶ failed   (its alert waits in `sealed`)
/// ```
@safe public final class TLSSession {
  public enum Phase: Sendable, Equatable {
    case handshaking, open
    /// The other side sends no more; ours may.
    case ended
    case failed(TLSFailure)
  }

  /// What came of received bytes.
  public enum Received: Sendable, Equatable {
    /// So many bytes were added in the clear: none for a handshake message or a part of a record.
    case bytes(Int)
    /// The other side has ended the connection in order.
    case ended
    case failed
  }

  public private(set) var phase = Phase.handshaking
  /// Bytes for the socket, and how many of them it has taken.
  public private(set) var sealed = ByteWriter()
  public private(set) var sent = 0
  /// The other side's certificate in DER once the handshake is done; its chain has been verified.
  public private(set) var peerCertificate: ByteSlice?

  private let connection: OpaquePointer
  /// What libssl calls back into.
  private let keeper: AnyObject
  /// What the running `receive` has not read yet.
  private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

  /// Memory of `sealed` above which it is given back once everything has been sent.
  private static let keptBytes = 4096
  /// A peer that reads nothing while it makes us answer is cut here.
  private static let mostUnsent = 256 * 1024

  /// Takes over an SSL that has its role.
  init?(owning connection: OpaquePointer, keeping keeper: AnyObject) {
    unsafe self.connection = unsafe connection
    self.keeper = keeper
    guard let pipe = unsafe BIO_new(TLSPipe.method.pointer) else { return nil }
    // SAFETY: the pipe dies with the connection in deinit, so that it never outlives the session.
    unsafe BIO_set_data(pipe, Unmanaged.passUnretained(self).toOpaque())
    unsafe BIO_set_init(pipe, 1)
    unsafe SSL_set_bio(connection, pipe, pipe)
  }

  deinit { unsafe SSL_free(connection) }

  /// Bytes that wait for the socket.
  public var unsent: Int { sealed.count - sent }

  public func markSent(_ count: Int) {
    sent += count
    precondition(sent <= sealed.count, "sent more than there was")
    guard sent == sealed.count else { return }
    if sealed.capacity > Self.keptBytes { sealed = ByteWriter() } else { sealed.removeAll() }
    sent = 0
  }

  /// Whether the handshake began where an earlier connection had left.
  public var isResumed: Bool { unsafe SSL_session_reused(connection) == 1 }

  /// `TLSv1.3` or `TLSv1.2`.
  public var version: String { unsafe String(cString: SSL_get_version(connection)) }

  /// The protocol that was agreed on; nil when the client named none.
  public var applicationProtocol: ApplicationProtocol? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(connection, &name, &count)
    let bytes = unsafe UnsafeBufferPointer(start: name, count: Int(count))
    return ApplicationProtocol.allCases.first { candidate in
      unsafe bytes.elementsEqual(
        UnsafeBufferPointer(
          start: candidate.name.utf8Start, count: candidate.name.utf8CodeUnitCount))
    }
  }

  /// Begins the handshake on the side that connects.
  public func begin() { shakeHands() }

  /// Takes all of what the socket received, and appends to `buffer` what it holds in the clear: no
  /// more bytes than came in, plus one record that had begun before (16 KiB).
  public func receive(
    _ bytes: UnsafeRawBufferPointer, into buffer: inout ByteBuffer, firstRoom: Int
  ) -> Received {
    unsafe input = bytes
    defer { unsafe input = UnsafeRawBufferPointer(start: nil, count: 0) }
    if phase == .handshaking { shakeHands() }
    let before = buffer.count
    while phase == .open {
      let room = buffer.capacity == 0 ? firstRoom : max(buffer.capacity - buffer.count, 2048)
      let count = unsafe buffer.appendUnsafe(room: room) { free in unsafe read(into: free) }
      if count == 0 { break }
      if unsafe input.isEmpty && SSL_pending(connection) == 0 { break }
    }
    if unsent > Self.mostUnsent { phase = .failed(.stalled) }
    let added = buffer.count - before
    switch phase {
    case .handshaking, .open: return .bytes(added)
    case .ended: return added > 0 ? .bytes(added) : .ended
    case .failed: return .failed
    }
  }

  /// Encrypts all of `bytes` behind `sealed`; false when the connection is not open.
  public func seal(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard phase == .open || phase == .ended, unsafe !bytes.isEmpty else { return false }
    ERR_clear_error()
    var written = 0
    guard unsafe SSL_write_ex(connection, bytes.baseAddress, bytes.count, &written) == 1,
      written == bytes.count
    else {
      ERR_clear_error()
      phase = .failed(.broken)
      return false
    }
    return true
  }

  /// Tells the other side that no more comes (close_notify), so that it can tell an end from a cut.
  public func finish() {
    guard phase == .open || phase == .ended else { return }
    ERR_clear_error()
    // 0: theirs has not come yet. Nobody waits for it.
    _ = unsafe SSL_shutdown(connection)
    ERR_clear_error()
  }

  private func shakeHands() {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(connection)
    if result == 1 {
      phase = .open
      peerCertificate = readPeerCertificate()
    } else if unsafe SSL_get_error(connection, result) != SSL_ERROR_WANT_READ {
      phase = .failed(TLSFailure(code: ERR_peek_error()))
    }
    ERR_clear_error()
  }

  private func read(into room: UnsafeMutableRawBufferPointer) -> Int {
    ERR_clear_error()
    var count = 0
    if unsafe SSL_read_ex(connection, room.baseAddress, room.count, &count) == 1 { return count }
    switch unsafe SSL_get_error(connection, 0) {
    case SSL_ERROR_WANT_READ: break
    case SSL_ERROR_ZERO_RETURN: phase = .ended
    default: phase = .failed(TLSFailure(code: ERR_peek_error()))
    }
    ERR_clear_error()
    return 0
  }

  private func readPeerCertificate() -> ByteSlice? {
    guard let certificate = unsafe SSL_get0_peer_certificate(connection) else { return nil }
    var encoded: UnsafeMutablePointer<UInt8>?
    // SAFETY: libcrypto allocates the encoding, which is copied and freed here.
    let count = unsafe i2d_X509(certificate, &encoded)
    defer { unsafe CRYPTO_free(encoded, #file, #line) }
    guard count > 0 else { return nil }
    return unsafe ByteSlice(UnsafeBufferPointer(start: encoded, count: Int(count)))
  }

  // MARK: - What the pipe calls

  /// - Returns: 0 when nothing is left of what was received.
  fileprivate func pour(into room: UnsafeMutableRawBufferPointer) -> Int {
    let count = unsafe min(room.count, input.count)
    guard count > 0 else { return 0 }
    unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
    unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
    return count
  }

  fileprivate func append(_ bytes: UnsafeRawBufferPointer) {
    sealed.append(unsafe Span<UInt8>(_unsafeBytes: bytes))
  }
}

/// Why a TLS connection failed, as far as anybody counts it.
public enum TLSFailure: Error, Equatable, Sendable {
  /// The other side does not know or accept our certificate, or says that something else is wrong.
  case alert
  /// The other side's certificate is missing, or leads to no authority of ours.
  case certificate
  /// Not TLS, a version or suite we do not speak, or a record that was tampered with.
  case broken
  /// The other side reads nothing.
  case stalled

  init(code: UInt) {
    switch ERR_GET_REASON(code) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SSL_R_CERTIFICATE_VERIFY_FAILED:
      self = .certificate
    // libssl numbers the alerts that it receives from here on.
    case let reason where reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256:
      self = .alert
    default: self = .broken
    }
  }
}

/// The BIO between libssl and a session: reads what the running call was given, writes into memory,
/// never waits. Made once per process.
///
/// SAFETY: `@unchecked Sendable` because a BIO_METHOD is not changed after it was made.
@safe private final class TLSPipe: @unchecked Sendable {
  let pointer: OpaquePointer
  static let method = TLSPipe()

  private init() {
    let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard let method = unsafe BIO_meth_new(type, "session") else {
      preconditionFailure("libcrypto without memory")
    }
    unsafe BIO_meth_set_read(method, readFromSession)
    unsafe BIO_meth_set_write(method, writeToSession)
    unsafe BIO_meth_set_ctrl(method, controlPipe)
    unsafe pointer = unsafe method
  }
}

/// SAFETY: the pipe's data is the session that owns it, alive while libssl works for it; `room` and
/// `bytes` are libssl's, valid for the call.
private let readFromSession:
  @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
    pipe, room, count in
    unsafe BIO_clear_flags(pipe, Int32(COPENSSL_RETRY_FLAGS))
    guard let data = unsafe BIO_get_data(pipe) else { return -1 }
    let session = unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
    let poured = unsafe session.pour(
      into: UnsafeMutableRawBufferPointer(start: room, count: Int(max(count, 0))))
    if poured > 0 { return Int32(poured) }
    unsafe BIO_set_flags(pipe, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    return -1
  }

private let writeToSession: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 =
  { pipe, bytes, count in
    unsafe BIO_clear_flags(pipe, Int32(COPENSSL_RETRY_FLAGS))
    guard let data = unsafe BIO_get_data(pipe) else { return -1 }
    let session = unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
    unsafe session.append(UnsafeRawBufferPointer(start: bytes, count: Int(max(count, 0))))
    return count
  }

private let controlPipe:
  @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
    _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0
  }
