import Authentication
import Bytes
import Crypto
import TestSupport
import Testing

@Suite struct `Every algorithm` {
  let issuer = TestIssuer()

  private func profile(_ algorithm: SignatureAlgorithm) throws -> IssuerProfile {
    let keys =
      algorithm.isSymmetric
      ? try KeySet(
        secrets: [(ByteSlice(utf8: TestIssuer.keyID(algorithm)), Self.secret)],
        algorithm: algorithm)
      : try KeySet(parsing: TestIssuer.keySet([algorithm]), algorithms: [algorithm])
    return IssuerProfile(
      id: ByteSlice(utf8: issuer.id), issuer: ByteSlice(utf8: issuer.iss),
      audiences: [ByteSlice(utf8: issuer.audience)], algorithms: [algorithm], keys: keys)
  }

  private static let secret = ByteSlice([UInt8](repeating: 0x5A, count: 64))

  private func token(_ algorithm: SignatureAlgorithm) throws -> ByteSlice {
    guard algorithm.isSymmetric else { return try issuer.token(algorithm: algorithm) }
    let text = try issuer.token(algorithm: .es256)
    let claims = text.dropFirst((text.firstIndex(of: ASCII.dot) ?? 0) + 1)
    let body = claims.prefix(claims.firstIndex(of: ASCII.dot) ?? 0)
    let minter = TokenMinter(
      try SecretKey(Self.secret, for: algorithm),
      keyID: ByteSlice(utf8: TestIssuer.keyID(algorithm)))
    return try minter.mint(claims: try #require(Base64.decode(body, as: .url)))
  }

  @Test(arguments: SignatureAlgorithm.allCases)
  func `verifies what its key has signed and nothing that was changed`(
    _ algorithm: SignatureAlgorithm
  ) throws {
    let verifier = try TokenVerifier(issuers: [try profile(algorithm)])
    let token = try token(algorithm)
    #expect(try verifier.verify(token, at: TestIssuer.now).subject == ByteSlice(utf8: "alice"))
    var bytes = token.array
    bytes[bytes.count - 20] = bytes[bytes.count - 20] == 0x41 ? 0x42 : 0x41
    #expect(throws: TokenRefusal.signature) {
      try verifier.verify(ByteSlice(bytes), at: TestIssuer.now)
    }
  }

  @Test(arguments: SignatureAlgorithm.allCases)
  func `no issuer takes another algorithm than it asks for`(
    _ algorithm: SignatureAlgorithm
  ) throws {
    let token = try token(algorithm)
    for other in SignatureAlgorithm.allCases where other != algorithm {
      let verifier = try TokenVerifier(issuers: [try profile(other)])
      #expect(throws: TokenRefusal.algorithm) { try verifier.verify(token, at: TestIssuer.now) }
    }
  }

  @Test(arguments: [SignatureAlgorithm.rs256, .rs384, .rs512, .ps256, .ps384, .ps512])
  func `a key of one RSA algorithm serves no other, though the issuer allows both`(
    _ algorithm: SignatureAlgorithm
  ) throws {
    let all = SignatureAlgorithm.allCases.filter { $0.keyType == .rsa }
    for other in all where other != algorithm {
      let profile = IssuerProfile(
        id: ByteSlice(utf8: issuer.id), issuer: ByteSlice(utf8: issuer.iss),
        audiences: [ByteSlice(utf8: issuer.audience)], algorithms: all,
        keys: try KeySet(parsing: TestIssuer.keySet([other]), algorithms: all))
      let verifier = try TokenVerifier(issuers: [profile])
      let token = try issuer.token(
        header: ["kid": TestIssuer.keyID(other)], algorithm: algorithm)
      #expect(throws: TokenRefusal.algorithmOfKey) {
        try verifier.verify(token, at: TestIssuer.now)
      }
    }
  }

  @Test func `the costly curves have to be asked for`() {
    #expect(IssuerProfile.defaultAlgorithms == [.rs256, .es256, .edDSA])
  }
}
