public import Bytes
private import COpenSSL

/// The numbers of a key's public half.
extension KeyHandle {
  func publicMaterial(as type: KeyType) throws(KeyFault) -> PublicKeyMaterial {
    switch type {
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

  /// The public half as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), in DER.
  var subjectPublicKeyInfo: ByteSlice {
    get throws(KeyFault) {
      try unsafe Library.encoded { unsafe i2d_PUBKEY(pointer, $0) }
    }
  }

  private func integer(_ name: String, paddedTo width: Int?) throws(KeyFault) -> ByteSlice {
    var number: OpaquePointer?
    guard unsafe Library.succeeded(EVP_PKEY_get_bn_param(pointer, name, &number)),
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
      unsafe Library.succeeded(EVP_PKEY_get_raw_public_key(pointer, out.baseAddress, &length))
    }
    guard done, length == bytes.count else { throw .wrongType }
    return ByteSlice(bytes)
  }
}

/// Keys in PEM, as `openssl genpkey` and `openssl pkey -pubout` write them.
enum PEMKeys {
  /// The algorithms that a key's type alone decides, for keys that name none themselves.
  private static let algorithms: [SignatureAlgorithm] = [.edDSA, .es256, .es384, .es512, .rs256]

  /// What a key is, found by trying: a curve's coordinates alone do not tell its curve, but only on
  /// the right one do they make the same key again.
  static func reading(
    _ key: KeyHandle
  ) throws(KeyFault) -> (material: PublicKeyMaterial, algorithm: SignatureAlgorithm) {
    let whole = try key.subjectPublicKeyInfo
    for algorithm in algorithms {
      guard let material = try? key.publicMaterial(as: algorithm.keyType),
        let again = try? KeyChecks.publicKey(material),
        try again.subjectPublicKeyInfo == whole
      else { continue }
      return (material, algorithm)
    }
    throw .wrongType
  }

  static func privateKey(_ pem: ByteSlice) throws(KeyFault) -> KeyHandle {
    try unsafe key(in: pem) { unsafe PEM_read_bio_PrivateKey($0, nil, PEMReader.noPassphrase, nil) }
  }

  static func publicKey(_ pem: ByteSlice) throws(KeyFault) -> KeyHandle {
    try unsafe key(in: pem) { unsafe PEM_read_bio_PUBKEY($0, nil, PEMReader.noPassphrase, nil) }
  }

  /// SAFETY: the key that was read is ours, and its handle frees it.
  private static func key(
    in pem: ByteSlice, _ read: (OpaquePointer?) -> OpaquePointer?
  ) throws(KeyFault) -> KeyHandle {
    let pointer = unsafe PEMReader.reading(pem, read)
    ERR_clear_error()
    guard let pointer = unsafe pointer else { throw .unreadable }
    return unsafe KeyHandle(owning: pointer)
  }
}

extension PublicKey {
  /// Reads a public key from PEM (RFC 7468 §13), for the algorithm of its type: EdDSA, ES256,
  /// ES384, ES512 or RS256. Held to the same rules as any other.
  public convenience init(pem: ByteSlice) throws(KeyFault) {
    let (material, algorithm) = try PEMKeys.reading(try PEMKeys.publicKey(pem))
    try self.init(material, for: algorithm)
  }

  /// The SHA-256 of the key as SubjectPublicKeyInfo, in hexadecimal: what
  /// `openssl pkey -pubin -outform der | sha256sum` says of it.
  public var fingerprint: String {
    get throws(KeyFault) {
      Digest.sha256(try KeyChecks.publicKey(material).subjectPublicKeyInfo).hexadecimal
    }
  }
}
