import Bytes
private import COpenSSL

/// A protocol above TLS that a listener speaks (RFC 7301).
public enum ApplicationProtocol: Sendable, Equatable, CaseIterable {
  case http2, http11

  var name: StaticString {
    switch self {
    case .http2: "h2"
    case .http11: "http/1.1"
    }
  }
}

/// Whether a listener asks for certificates of its clients.
public enum ClientCertificates: Sendable {
  case notAsked
  /// One that is shown must lead to an authority; none is fine.
  case optional(CertificateAuthorities)
  /// Without one the handshake fails.
  case required(CertificateAuthorities)
}

/// What a TLS listener shows to new connections: its certificates and terms. Immutable and replaced
/// whole; connections keep the one they began with. Any thread may use it.
///
/// Session tickets (RFC 8446 §4.6.1, RFC 5077) are sealed with random keys of this object: they end
/// with it, so whoever wants those keys changed makes a new one. Nothing is kept per session here.
public final class TLSServer: Sendable {
  private let identities: [ServerIdentity]
  /// As many, in the same order; the first one is for clients that name no host we know.
  private let contexts: [TLSContext]
  private let protocols: [ApplicationProtocol]

  /// - Parameters:
  ///   - identities: at least one; the first is the one for everybody who asks for none of them.
  ///   - protocols: in the order of preference. A client that names protocols (ALPN) and none of
  ///     these is refused.
  public init(
    _ identities: [ServerIdentity], clients: ClientCertificates = .notAsked,
    protocols: [ApplicationProtocol] = ApplicationProtocol.allCases
  ) throws(TLSFault) {
    precondition(!identities.isEmpty, "a TLS listener needs a certificate")
    self.identities = identities
    self.protocols = protocols
    var contexts: [TLSContext] = []
    for identity in identities {
      let context = unsafe try TLSContext(TLS_server_method())
      unsafe SSL_CTX_set_options(context.pointer, COPENSSL_SERVER_OPTIONS)
      unsafe copenssl_ctx_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_OFF))
      try context.use(identity)
      try Self.ask(clients, context, like: contexts.first)
      contexts.append(context)
    }
    self.contexts = contexts
    // SAFETY: libssl hands the object back during handshakes only, and every session keeps it.
    let first = unsafe contexts[0].pointer
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    // A handshake asks the context of the certificate that was chosen, but for names and tickets.
    for context in contexts {
      unsafe SSL_CTX_set_alpn_select_cb(context.pointer, protocolsOffered, this)
    }
    unsafe copenssl_ctx_set_servername_callback(first, hostNamed, this)
    unsafe SSL_CTX_set_session_ticket_cb(first, nil, ticketOpened, nil)
  }

  /// - Parameter other: a context that asks them already.
  private static func ask(
    _ clients: ClientCertificates, _ context: TLSContext, like other: TLSContext?
  ) throws(TLSFault) {
    let mode: Int32
    switch clients {
    case .notAsked: return
    case .optional(let authorities):
      try context.trust(authorities, like: other)
      mode = SSL_VERIFY_PEER
    case .required(let authorities):
      try context.trust(authorities, like: other)
      mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
    }
    unsafe SSL_CTX_set_verify(context.pointer, mode, nil)
    // A session that was verified here is resumed here only (RFC 5246 has no such rule; libssl asks
    // for it).
    let name: StaticString = "jodrell"
    guard
      unsafe SSL_CTX_set_session_id_context(
        context.pointer, name.utf8Start, UInt32(name.utf8CodeUnitCount)) == 1
    else { throw .lastWord() }
  }

  /// A new connection's session, on the side that accepts; nil without memory.
  public func accept() -> TLSSession? {
    guard let connection = unsafe SSL_new(contexts[0].pointer) else {
      ERR_clear_error()
      return nil
    }
    unsafe SSL_set_accept_state(connection)
    return unsafe TLSSession(owning: connection, keeping: self)
  }

  /// The client has named a host (RFC 6066 §3): shows it the certificate for that one.
  fileprivate func chooseCertificate(_ connection: OpaquePointer?) {
    guard identities.count > 1,
      let host = unsafe SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name),
      let index = identities.firstIndex(where: { unsafe $0.isFor(host) }), index > 0
    else { return }
    unsafe SSL_set_SSL_CTX(connection, contexts[index].pointer)
  }

  /// The first of our protocols that is in the client's list.
  ///
  /// - Parameter offered: names with their lengths before them.
  /// - Returns: where its name lies in `offered`.
  fileprivate func chooseProtocol(_ offered: UnsafeRawBufferPointer) -> Range<Int>? {
    for candidate in protocols {
      var index = 0
      while index < offered.count {
        let name = unsafe (index + 1)..<(index + 1 + Int(offered[index]))
        guard name.upperBound <= offered.count else { return nil }
        if unsafe Self.equal(offered[name], candidate.name) { return name }
        index = name.upperBound
      }
    }
    return nil
  }

  private static func equal(
    _ bytes: Slice<UnsafeRawBufferPointer>, _ name: StaticString
  ) -> Bool {
    unsafe bytes.elementsEqual(
      UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }
}

/// SAFETY: libssl calls these on the thread of the handshake with the pointer that was set
/// together with them; what they write and return lives in libssl's own memory.
private let hostNamed:
  @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 =
    { connection, _, argument in
      guard let argument = unsafe argument else { return SSL_TLSEXT_ERR_NOACK }
      let server = unsafe Unmanaged<TLSServer>.fromOpaque(argument).takeUnretainedValue()
      unsafe server.chooseCertificate(connection)
      return SSL_TLSEXT_ERR_OK
    }

private let protocolsOffered:
  @convention(c) (
    OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
    UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
  ) -> Int32 = { _, chosen, length, offered, count, argument in
    guard let argument = unsafe argument, let chosen = unsafe chosen, let length = unsafe length
    else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let server = unsafe Unmanaged<TLSServer>.fromOpaque(argument).takeUnretainedValue()
    let list = unsafe UnsafeRawBufferPointer(start: offered, count: Int(count))
    guard let range = unsafe server.chooseProtocol(list) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    unsafe chosen.pointee = unsafe offered?.advanced(by: range.lowerBound)
    unsafe length.pointee = UInt8(range.count)
    return SSL_TLSEXT_ERR_OK
  }

/// A session begins where an earlier one left, without the client's certificate being verified
/// again: not once that has ended. Then the whole handshake is made, which looks at it.
private let ticketOpened:
  @convention(c) (
    OpaquePointer?, OpaquePointer?, UnsafePointer<UInt8>?, Int, Int32, UnsafeMutableRawPointer?
  ) -> Int32 = { _, session, _, _, status, _ in
    // As libssl would decide without being asked, but for the certificate.
    guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
      return SSL_TICKET_RETURN_IGNORE_RENEW
    }
    if let session = unsafe session, let certificate = unsafe SSL_SESSION_get0_peer(session),
      unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) != 1
    {
      return SSL_TICKET_RETURN_IGNORE_RENEW
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
  }
