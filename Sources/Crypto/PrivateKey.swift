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

  /// The key as unencrypted PKCS #8 DER (RFC 5958): to be kept where only the owner reads.
  public var der: ByteSlice {
    get throws(KeyFault) {
      guard let info = unsafe EVP_PKEY2PKCS8(key.pointer) else {
        ERR_clear_error()
        throw .library
      }
      defer { unsafe PKCS8_PRIV_KEY_INFO_free(info) }
      let length = unsafe i2d_PKCS8_PRIV_KEY_INFO(info, nil)
      guard length > 0 else {
        ERR_clear_error()
        throw .library
      }
      var bytes = [UInt8](repeating: 0, count: Int(length))
      // SAFETY: the encoder writes exactly the length it announced and moves `start`, a copy.
      let written = unsafe bytes.withUnsafeMutableBufferPointer { out in
        var start = out.baseAddress
        return unsafe i2d_PKCS8_PRIV_KEY_INFO(info, &start)
      }
      guard written == length else { throw .library }
      return ByteSlice(bytes)
    }
  }

  /// The public half, checked like anyone's.
  public var publicKey: PublicKey {
    get throws(KeyFault) { try PublicKey(try publicMaterial, for: algorithm) }
  }

  /// The numbers of the public half.
  public var publicMaterial: PublicKeyMaterial {
    get throws(KeyFault) {
      switch algorithm.keyType {
      case .rsa:
        return .rsa(
          modulus: try integer(OSSL_PKEY_PARAM_RSA_N, paddedTo: nil),
          exponent: try integer(OSSL_PKEY_PARAM_RSA_E, paddedTo: nil))
      case .elliptic(let curve):
        return .elliptic(
          curve, x: try integer(OSSL_PKEY_PARAM_EC_PUB_X, paddedTo: curve.byteCount),
          y: try integer(OSSL_PKEY_PARAM_EC_PUB_Y, paddedTo: curve.byteCount))
      case .ed25519: return .ed25519(try rawPublicKey())
      case .secret: throw .wrongType
      }
    }
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

  private func integer(_ name: String, paddedTo width: Int?) throws(KeyFault) -> ByteSlice {
    var number: OpaquePointer?
    guard unsafe Library.succeeded(EVP_PKEY_get_bn_param(key.pointer, name, &number)),
      let number = unsafe number
    else { throw .wrongType }
    defer { unsafe BN_free(number) }
    let length = width ?? (Int(unsafe BN_num_bits(number)) + 7) / 8
    var bytes = [UInt8](repeating: 0, count: length)
    // SAFETY: BN_bn2binpad writes exactly `length` bytes or fails.
    let written = unsafe bytes.withUnsafeMutableBufferPointer { out in
      unsafe BN_bn2binpad(number, out.baseAddress, Int32(length))
    }
    guard written == Int32(length) else { throw .library }
    return ByteSlice(bytes)
  }

  private func rawPublicKey() throws(KeyFault) -> ByteSlice {
    var bytes = [UInt8](repeating: 0, count: 32)
    var length = bytes.count
    // SAFETY: libcrypto writes at most `length` bytes.
    let done = unsafe bytes.withUnsafeMutableBufferPointer { out in
      unsafe Library.succeeded(
        EVP_PKEY_get_raw_public_key(key.pointer, out.baseAddress, &length))
    }
    guard done, length == bytes.count else { throw .wrongType }
    return ByteSlice(bytes)
  }
}
