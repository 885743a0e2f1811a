public import Bytes
private import COpenSSL

/// A private key that signs: of the gateway's own issuer in development, and of test issuers.
///
/// Immutable; may be used from any thread. Not made for the hot path.
public final class PrivateKey: Sendable {
  public let algorithm: SignatureAlgorithm
  private let key: KeyHandle

  private init(_ key: KeyHandle, _ algorithm: SignatureAlgorithm) {
    self.key = key
    self.algorithm = algorithm
  }

  /// A fresh key. RSA has 2048 bits and takes some hundred milliseconds.
  public static func generate(_ algorithm: SignatureAlgorithm) throws(KeyFault) -> PrivateKey {
    let type: String
    switch algorithm.keyType {
    case .rsa: type = "RSA"
    case .elliptic: type = "EC"
    case .ed25519: type = "ED25519"
    case .secret: throw .wrongType
    }
    guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else {
      ERR_clear_error()
      throw .library
    }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var ready = unsafe Library.succeeded(EVP_PKEY_keygen_init(context))
    switch algorithm.keyType {
    case .rsa:
      ready = unsafe ready && Library.succeeded(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048))
    case .elliptic(let curve):
      ready =
        unsafe ready
        && Library.succeeded(EVP_PKEY_CTX_set_group_name(context, curve.name.description))
    case .ed25519, .secret: break
    }
    var key: OpaquePointer?
    guard ready, unsafe Library.succeeded(EVP_PKEY_generate(context, &key)),
      let key = unsafe key
    else { throw .library }
    return unsafe PrivateKey(KeyHandle(owning: key), algorithm)
  }

  /// Reads a key from unencrypted PKCS #8 DER (RFC 5958) or the older form of its type.
  public convenience init(
    der: ByteSlice, for algorithm: SignatureAlgorithm
  ) throws(KeyFault) {
    // SAFETY: libcrypto reads within the buffer; it moves `start`, which is a copy.
    let key = unsafe der.withUnsafeBytes { raw in
      var start = unsafe raw.bindMemory(to: UInt8.self).baseAddress
      return unsafe d2i_AutoPrivateKey(nil, &start, raw.count)
    }
    guard let key = unsafe key else {
      ERR_clear_error()
      throw .unreadable
    }
    let handle = unsafe KeyHandle(owning: key)
    self.init(handle, algorithm)
    // Holding the public half to the rules also shows that the key is of the algorithm's type.
    _ = try publicKey
  }

  /// Reads a key from PEM without a passphrase (RFC 7468 §10), for the algorithm of its type:
  /// EdDSA, ES256, ES384, ES512 or RS256.
  public convenience init(pem: ByteSlice) throws(KeyFault) {
    let handle = try PEMKeys.privateKey(pem)
    self.init(handle, try PEMKeys.reading(handle).algorithm)
  }

  /// The key as unencrypted PKCS #8 DER (RFC 5958): to be kept where only the owner reads.
  public var der: ByteSlice {
    get throws(KeyFault) {
      guard let info = unsafe EVP_PKEY2PKCS8(key.pointer) else {
        ERR_clear_error()
        throw .library
      }
      defer { unsafe PKCS8_PRIV_KEY_INFO_free(info) }
      return try unsafe Library.encoded { unsafe i2d_PKCS8_PRIV_KEY_INFO(info, $0) }
    }
  }

  /// The public half, checked like anyone's.
  public var publicKey: PublicKey {
    get throws(KeyFault) { try PublicKey(try publicMaterial, for: algorithm) }
  }

  /// The numbers of the public half.
  public var publicMaterial: PublicKeyMaterial {
    get throws(KeyFault) { try key.publicMaterial(as: algorithm.keyType) }
  }

  /// The signature over `message` in the form that `PublicKey.verify` takes.
  public func sign(_ message: ByteSlice) throws(KeyFault) -> ByteSlice {
    guard let context = unsafe EVP_MD_CTX_new() else { throw .library }
    defer { unsafe EVP_MD_CTX_free(context) }
    var keyContext: OpaquePointer?
    guard
      unsafe Library.succeeded(
        EVP_DigestSignInit(context, &keyContext, algorithm.hash?.method, nil, key.pointer))
    else { throw .library }
    if algorithm.keyType == .rsa {
      // SAFETY: the inner context belongs to the outer one and lives as long.
      guard let hash = algorithm.hash, let keyContext = unsafe keyContext,
        unsafe Library.setPadding(of: algorithm, hash, on: keyContext)
      else { throw .library }
    }
    // As long as the longest modulus taken; every other signature is shorter.
    var signature = [UInt8](repeating: 0, count: 1024)
    var length = signature.count
    // SAFETY: libcrypto reads the message and writes at most `length` bytes within the call.
    let done = unsafe message.withUnsafeBytes { message in
      unsafe signature.withUnsafeMutableBufferPointer { out in
        unsafe Library.succeeded(
          EVP_DigestSign(
            context, out.baseAddress, &length, message.bindMemory(to: UInt8.self).baseAddress,
            message.count))
      }
    }
    guard done else { throw .library }
    let bytes = ByteSlice(signature[0..<length])
    guard case .elliptic(let curve) = algorithm.keyType else { return bytes }
    guard let raw = ECDSASignature.raw(der: bytes, curve) else { throw .library }
    return raw
  }
}
