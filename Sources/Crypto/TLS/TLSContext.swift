private import COpenSSL

/// The one owner of an SSL_CTX, freed with its last reference.
///
/// SAFETY: `@unchecked Sendable` because the context is not changed once its owner has been made,
/// and libssl lets threads make connections of one context (openssl-threads(7)).
@safe final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer

  /// Only forward secrecy and authenticated encryption; TLS 1.3 has nothing else (RFC 9325 §4.2).
  private static let suites = "ECDHE+AESGCM:ECDHE+CHACHA20"
  private static let groups = "X25519:P-256:P-384"

  /// A context for TLS 1.2 and 1.3.
  init(_ method: OpaquePointer?) throws(TLSFault) {
    guard let pointer = unsafe SSL_CTX_new(method) else { throw .lastWord() }
    unsafe self.pointer = unsafe pointer
    guard unsafe copenssl_ctx_set_min_proto_version(pointer, TLS1_2_VERSION) == 1,
      unsafe SSL_CTX_set_cipher_list(pointer, Self.suites) == 1,
      unsafe copenssl_ctx_set_groups_list(pointer, Self.groups) == 1
    else { throw .lastWord() }
    // Buffers of a connection that is quiet are given back: 34 KB each.
    unsafe copenssl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
    unsafe SSL_CTX_set_verify_depth(pointer, Self.longestChain)
  }

  deinit { unsafe SSL_CTX_free(pointer) }

  /// Certificates between the other side's and its authority.
  private static let longestChain: Int32 = 8

  /// Takes certificate and key.
  func use(_ identity: ServerIdentity) throws(TLSFault) {
    for index in 0..<identity.chain.count {
      let certificate = unsafe identity.chain.pointers[index]
      let taken =
        index == 0
        ? unsafe SSL_CTX_use_certificate(pointer, certificate)
        : unsafe copenssl_ctx_add_chain_cert(pointer, certificate)
      guard taken == 1 else { throw .lastWord() }
    }
    guard unsafe SSL_CTX_use_PrivateKey(pointer, identity.key.pointer) == 1 else {
      throw .lastWord()
    }
  }

  /// Trusts these authorities, and names them to clients that are asked for a certificate.
  ///
  /// - Parameter other: a context that trusts them already: they are kept there for both.
  func trust(
    _ authorities: CertificateAuthorities, like other: TLSContext? = nil
  ) throws(TLSFault) {
    if let other {
      unsafe SSL_CTX_set1_cert_store(pointer, SSL_CTX_get_cert_store(other.pointer))
    }
    let store = unsafe SSL_CTX_get_cert_store(pointer)
    for index in 0..<authorities.list.count {
      let certificate = unsafe authorities.list.pointers[index]
      guard unsafe other != nil || X509_STORE_add_cert(store, certificate) == 1,
        unsafe SSL_CTX_add_client_CA(pointer, certificate) == 1
      else { throw .lastWord() }
    }
  }
}
