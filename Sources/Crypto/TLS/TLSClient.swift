import Bytes
private import COpenSSL

/// How a client trusts servers. Immutable; any thread may use it.
public final class TLSClient: Sendable {
  private let context: TLSContext

  /// - Parameters:
  ///   - authorities: who may sign servers' certificates; nil: those of the system.
  ///   - identity: what the client shows to a server that asks for a certificate.
  public init(
    trusting authorities: CertificateAuthorities? = nil, identity: ServerIdentity? = nil
  ) throws(TLSFault) {
    // SAFETY: the calls of this file get the context, or a connection made of it, which outlives
    // them.
    context = unsafe try TLSContext(TLS_client_method())
    if let authorities {
      try context.trust(authorities)
    } else {
      guard unsafe SSL_CTX_set_default_verify_paths(context.pointer) == 1 else {
        throw .lastWord()
      }
    }
    if let identity { try context.use(identity) }
    unsafe SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
  }

  /// A new connection's session, on the side that connects; nil without memory, or for a host that
  /// no certificate can name.
  ///
  /// - Parameters:
  ///   - host: a name or a numeric address; the server's certificate must be for it.
  ///   - protocols: what to offer (ALPN).
  public func connect(to host: String, protocols: [ApplicationProtocol]) -> TLSSession? {
    guard let connection = unsafe SSL_new(context.pointer) else {
      ERR_clear_error()
      return nil
    }
    unsafe SSL_set_connect_state(connection)
    guard let session = unsafe TLSSession(owning: connection, keeping: self),
      unsafe Self.expect(host, on: connection), unsafe Self.offer(protocols, on: connection)
    else {
      ERR_clear_error()
      return nil
    }
    return session
  }

  /// The certificate must be for this host; a name is told to the server, an address is not
  /// (RFC 6066 §3).
  private static func expect(_ host: String, on connection: OpaquePointer) -> Bool {
    let parameters = unsafe SSL_get0_param(connection)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return true }
    ERR_clear_error()
    return unsafe SSL_set1_host(connection, host) == 1
      && copenssl_set_server_name(connection, host) == 1
  }

  private static func offer(
    _ protocols: [ApplicationProtocol], on connection: OpaquePointer
  ) -> Bool {
    guard !protocols.isEmpty else { return true }
    var list = ByteWriter()
    for one in protocols {
      list.append(UInt8(one.name.utf8CodeUnitCount))
      list.append(one.name)
    }
    let bytes = list.bytes
    // 0 is this function's success.
    return unsafe bytes.withUnsafeBufferPointer { names in
      unsafe SSL_set_alpn_protos(connection, names.baseAddress, UInt32(names.count)) == 0
    }
  }
}
