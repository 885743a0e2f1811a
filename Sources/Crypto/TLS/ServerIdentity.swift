public import Bytes
private import COpenSSL

/// A server's certificate, those that lead from it to its authority, and its private key, found to
/// belong together. Immutable; any thread may use it.
public final class ServerIdentity: Sendable {
  let chain: CertificateList
  let key: KeyHandle
  /// From when to when the certificate is valid. A time outside is no fault here.
  public let validity: ClosedRange<UnixTime>

  /// - Parameters:
  ///   - certificate: PEM, the server's own certificate first, its issuers after it.
  ///   - key: PEM without a passphrase.
  public init(certificate: ByteSlice, key: ByteSlice) throws(TLSFault) {
    chain = try CertificateList(pem: certificate)
    guard let validity = chain.validity else { throw .badCertificate }
    self.validity = validity
    // SAFETY: the key that was read is ours, and its handle frees it.
    let pointer = unsafe PEMReader.reading(key) { source in
      unsafe PEM_read_bio_PrivateKey(source, nil, PEMReader.noPassphrase, nil)
    }
    ERR_clear_error()
    guard let pointer = unsafe pointer else { throw .badKey }
    self.key = unsafe KeyHandle(owning: pointer)
    guard let first = unsafe chain.pointers.first,
      unsafe Library.succeeded(X509_check_private_key(first, self.key.pointer))
    else { throw .foreignKey }
  }

  /// Whether the certificate is for this host (RFC 6125, RFC 9525), wildcards included.
  func isFor(_ host: UnsafePointer<CChar>) -> Bool {
    guard let first = unsafe chain.pointers.first else { return false }
    return unsafe X509_check_host(first, host, 0, 0, nil) == 1
  }
}

/// Who may sign certificates of the other side. Immutable; any thread may use it.
public final class CertificateAuthorities: Sendable {
  let list: CertificateList

  /// - Parameter pem: their certificates.
  public init(pem: ByteSlice) throws(TLSFault) { list = try CertificateList(pem: pem) }
}
