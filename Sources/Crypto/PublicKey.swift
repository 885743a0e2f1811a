public import Bytes
private import COpenSSL

/// The numbers of a public key, as a JWK carries them after base64url (RFC 7518 §6, RFC 8037 §2).
public enum PublicKeyMaterial: Sendable, Hashable {
  /// Big-endian, without leading zero bytes.
  case rsa(modulus: ByteSlice, exponent: ByteSlice)
  /// Coordinates of exactly the curve's length.
  case elliptic(EllipticCurve, x: ByteSlice, y: ByteSlice)
  /// The 32 bytes of RFC 8032 §5.1.5.
  case ed25519(ByteSlice)

  public var type: KeyType {
    switch self {
    case .rsa: .rsa
    case .elliptic(let curve, _, _): .elliptic(curve)
    case .ed25519: .ed25519
    }
  }
}

/// A public key that has passed every check, bound to the one algorithm it verifies.
///
/// Shared between loops; each verification has a context to itself, which is copied from one
/// prepared with the key and kept for the next.
///
/// SAFETY: `@unchecked Sendable` because `template` is only ever read after `init`: to duplicate it
/// takes atomic references and writes nothing to the original. A duplicate belongs to whoever has
/// taken it out of `spares`.
@safe public final class PublicKey: @unchecked Sendable {
  public let algorithm: SignatureAlgorithm
  public let material: PublicKeyMaterial
  private let key: KeyHandle
  /// An EVP_PKEY_CTX ready for EVP_PKEY_verify; nil for Ed25519, which takes the whole message.
  private let template: OpaquePointer?
  /// Duplicates of it that nobody uses.
  private let spares = SpareContexts()

  /// Checks the material against the rules of its type and prepares it for verification. Takes up
  /// to a few milliseconds for RSA: libcrypto examines the modulus.
  public init(
    _ material: PublicKeyMaterial, for algorithm: SignatureAlgorithm
  ) throws(KeyFault) {
    guard material.type == algorithm.keyType else { throw .wrongType }
    let key = try KeyChecks.publicKey(material)
    self.algorithm = algorithm
    self.material = material
    self.key = key
    unsafe template = unsafe try Self.template(key, algorithm)
  }

  deinit {
    while let spare = unsafe spares.take() { unsafe EVP_PKEY_CTX_free(spare) }
    unsafe EVP_PKEY_CTX_free(template)
  }

  /// Whether `signature` is this key's over `message`, in the form of RFC 7518 §3 and RFC 8037
  /// §3.1: as long as the modulus for RSA, r and s side by side for ECDSA.
  public func verify(_ signature: ByteSlice, over message: ByteSlice) -> Bool {
    switch material {
    case .rsa(let modulus, _):
      guard signature.count == modulus.count else { return false }
      return verifyHashed(signature, message)
    case .elliptic(let curve, _, _):
      guard let signature = ECDSASignature.der(raw: signature, curve) else { return false }
      return verifyHashed(signature, message)
    case .ed25519:
      guard signature.count == 64 else { return false }
      return verifyWhole(signature, message)
    }
  }

  // SAFETY: the duplicate is owned by this call; libcrypto reads the two buffers within the call. A
  // context may verify any number of signatures, good or bad (EVP_PKEY_verify(3)).
  private func verifyHashed(_ signature: ByteSlice, _ message: ByteSlice) -> Bool {
    guard let hash = algorithm.hash,
      let context = unsafe spares.take() ?? EVP_PKEY_CTX_dup(template)
    else {
      ERR_clear_error()
      return false
    }
    defer { if unsafe !spares.keep(context) { unsafe EVP_PKEY_CTX_free(context) } }
    return unsafe hash.withDigest(of: message) { digest in
      unsafe signature.withUnsafeBytes { signature in
        unsafe Library.succeeded(
          EVP_PKEY_verify(
            context, signature.bindMemory(to: UInt8.self).baseAddress, signature.count,
            digest.baseAddress, digest.count))
      }
    }
  }

  // SAFETY: as above.
  private func verifyWhole(_ signature: ByteSlice, _ message: ByteSlice) -> Bool {
    guard let context = unsafe EVP_MD_CTX_new() else { return false }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard
      unsafe Library.succeeded(EVP_DigestVerifyInit(context, nil, nil, nil, key.pointer))
    else { return false }
    return unsafe message.withUnsafeBytes { message in
      unsafe signature.withUnsafeBytes { signature in
        unsafe Library.succeeded(
          EVP_DigestVerify(
            context, signature.bindMemory(to: UInt8.self).baseAddress, signature.count,
            message.bindMemory(to: UInt8.self).baseAddress, message.count))
      }
    }
  }

  private static func template(
    _ key: KeyHandle, _ algorithm: SignatureAlgorithm
  ) throws(KeyFault) -> OpaquePointer? {
    guard let hash = algorithm.hash else { return nil }
    guard let context = unsafe EVP_PKEY_CTX_new(key.pointer, nil) else {
      ERR_clear_error()
      throw .library
    }
    var ready =
      unsafe Library.succeeded(EVP_PKEY_verify_init(context))
      && Library.succeeded(EVP_PKEY_CTX_set_signature_md(context, hash.method))
    if algorithm.keyType == .rsa {
      ready = unsafe ready && Library.setPadding(of: algorithm, hash, on: context)
    }
    guard ready else {
      unsafe EVP_PKEY_CTX_free(context)
      throw .library
    }
    return unsafe context
  }
}
