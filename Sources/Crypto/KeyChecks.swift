import Bytes
private import COpenSSL

/// The rules a public key must keep before it may verify anything. libcrypto's own examination
/// comes last; what it lets pass (leading zeros, tiny exponents, compressed points, small orders)
/// comes first.
enum KeyChecks {
  static func publicKey(_ material: PublicKeyMaterial) throws(KeyFault) -> KeyHandle {
    switch material {
    case .rsa(let modulus, let exponent): try rsa(modulus, exponent)
    case .elliptic(let curve, let x, let y): try elliptic(curve, x, y)
    case .ed25519(let bytes): try ed25519(bytes)
    }
  }

  private static func rsa(
    _ modulus: ByteSlice, _ exponent: ByteSlice
  ) throws(KeyFault) -> KeyHandle {
    guard modulus.count > 0, modulus[0] != 0, modulus[modulus.count - 1] & 1 == 1 else {
      throw .modulusForm
    }
    let bits = modulus.count * 8 - modulus[0].leadingZeroBitCount
    guard bits >= 2048, bits <= 8192 else { throw .modulusSize(bits: bits) }
    guard exponent.count > 0, exponent.count <= 4, exponent[0] != 0,
      exponent[exponent.count - 1] & 1 == 1, exponent.count > 1 || exponent[0] >= 3
    else { throw .exponent }
    guard !bearsROCAMark(modulus) else { throw .weakModulus }
    let key = Library.publicKey(
      "RSA",
      [.integer("n", bigEndian: modulus.array), .integer("e", bigEndian: exponent.array)])
    guard let key, Library.isSound(key) else { throw .modulusForm }
    return key
  }

  private static func elliptic(
    _ curve: EllipticCurve, _ x: ByteSlice, _ y: ByteSlice
  ) throws(KeyFault) -> KeyHandle {
    for coordinate in [x, y] where coordinate.count != curve.byteCount {
      throw .length(coordinate.count)
    }
    // 4 marks the uncompressed form (SEC 1 §2.3.3); no other can get in.
    let point = [0x04] + x.array + y.array
    let key = Library.publicKey(
      "EC", [.text("group", curve.name.description), .octets("pub", point)])
    guard let key, Library.isSound(key) else { throw .notOnCurve }
    return key
  }

  private static func ed25519(_ bytes: ByteSlice) throws(KeyFault) -> KeyHandle {
    guard bytes.count == 32 else { throw .length(bytes.count) }
    guard !isSmallOrNotCanonical(bytes) else { throw .smallOrder }
    // SAFETY: libcrypto copies the 32 bytes.
    let key = unsafe bytes.withUnsafeBytes { raw in
      unsafe EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nil, raw.bindMemory(to: UInt8.self).baseAddress, raw.count)
    }
    guard let key = unsafe key else {
      ERR_clear_error()
      throw .library
    }
    let handle = unsafe KeyHandle(owning: key)
    guard Library.isSound(handle) else { throw .notOnCurve }
    return handle
  }

  /// Whether the point has order 1, 2, 4 or 8, or its y is not reduced modulo p = 2²⁵⁵ − 19. Looks
  /// at y alone: the sign of x does not change the order.
  private static func isSmallOrNotCanonical(_ bytes: ByteSlice) -> Bool {
    var y = bytes.array
    y[31] &= 0x7F
    // y ≥ p: the upper 31 bytes are all ones and the lowest is at least 0xED.
    if y[31] == 0x7F, y[1..<31].allSatisfy({ $0 == 0xFF }), y[0] >= 0xED { return true }
    return smallOrderY.contains(y)
  }

  /// y of the points of small order, little-endian: order 4; 1; 2 (−1); the two values of order 8.
  private static let smallOrderY: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32),
    [1] + [UInt8](repeating: 0, count: 31),
    [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F],
    bytes(
      0x26E8_958F_C2B2_27B0, 0x45C3_F489_F2EF_98F0, 0xD5DF_AC05_D3C6_3339, 0xB138_0288_6D53_FC05),
    bytes(
      0xC717_6A70_3D4D_D84F, 0xBA3C_0B76_0D10_670F, 0x2A20_53FA_2C39_CCC6, 0x4EC7_FD77_92AC_037A),
  ]

  private static func bytes(_ words: UInt64...) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }

  /// Whether the modulus is a power of 65537 modulo every odd prime up to 167: true for all keys of
  /// the flawed generator, for a random modulus about once in 2¹⁵⁰.
  private static func bearsROCAMark(_ modulus: ByteSlice) -> Bool {
    let bytes = modulus.array
    for prime in oddPrimes {
      let rest = bytes.reduce(0) { ($0 << 8 | UInt32($1)) % prime }
      var power: UInt32 = 1
      var reached = power == rest
      for _ in 0..<prime where !reached {
        power = power * (65537 % prime) % prime
        reached = power == rest
      }
      if !reached { return false }
    }
    return true
  }

  private static let oddPrimes: [UInt32] = (3...167).filter { candidate in
    !(2..<candidate).contains { candidate % $0 == 0 }
  }
}
