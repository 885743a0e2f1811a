import Bytes
import Crypto
import Testing

@Suite struct `Keys` {
  static let asymmetric: [SignatureAlgorithm] = [.rs256, .es256, .edDSA]

  /// The pair of RFC 8410 §10.
  private static let privatePEM = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
    -----END PRIVATE KEY-----
    """
  private static let publicPEM = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
    -----END PUBLIC KEY-----
    """

  @Test func `keys are read from PEM, and what is none is refused`() throws {
    let privateKey = try PrivateKey(pem: ByteSlice(utf8: Self.privatePEM))
    let publicKey = try PublicKey(pem: ByteSlice(utf8: Self.publicPEM))
    #expect(privateKey.algorithm == .edDSA && publicKey.algorithm == .edDSA)
    #expect(try privateKey.publicKey.material == publicKey.material)
    #expect(try publicKey.fingerprint.count == 64)
    #expect(try privateKey.publicKey.fingerprint == publicKey.fingerprint)
    for text in ["", "x", Self.privatePEM, Self.publicPEM.replacing("MCow", with: "MCox")] {
      #expect(throws: KeyFault.self) { try PublicKey(pem: ByteSlice(utf8: text)) }
    }
    for text in ["", "x", Self.publicPEM] {
      #expect(throws: KeyFault.self) { try PrivateKey(pem: ByteSlice(utf8: text)) }
    }
  }

  @Test(arguments: [SignatureAlgorithm.es256, .es384, .es512, .rs256, .edDSA])
  func `a key in PEM has the algorithm of its type`(algorithm: SignatureAlgorithm) throws {
    let key = try PrivateKey.generate(algorithm)
    let text = Base64.encode(try key.der, as: .standard)
    let read = try PrivateKey(
      pem: ByteSlice(
        utf8: "-----BEGIN PRIVATE KEY-----\n\(text)\n-----END PRIVATE KEY-----\n"))
    #expect(read.algorithm == algorithm)
    #expect(try read.publicMaterial == key.publicMaterial)
  }

  @Test(arguments: asymmetric)
  func `a generated key signs what its public half verifies`(
    algorithm: SignatureAlgorithm
  ) throws {
    let key = try PrivateKey.generate(algorithm)
    let other = try PrivateKey.generate(algorithm)
    let message = ByteSlice(utf8: "eyJhbGciOiJFUzI1NiJ9.e30")
    let signature = try key.sign(message)
    let verifier = try key.publicKey
    #expect(verifier.algorithm == algorithm)
    #expect(verifier.verify(signature, over: message))
    #expect(!verifier.verify(signature, over: ByteSlice(utf8: "eyJhbGciOiJFUzI1NiJ9.e31")))
    #expect(try !other.publicKey.verify(signature, over: message))
    #expect(!verifier.verify(.empty, over: message))
    #expect(!verifier.verify(signature.dropFirst(1), over: message))
    #expect(!verifier.verify(ByteSlice(signature.array + [0]), over: message))
    for index in stride(from: 0, to: signature.count, by: 7) {
      var altered = signature.array
      altered[index] ^= 0x10
      #expect(!verifier.verify(ByteSlice(altered), over: message), "byte \(index)")
    }
  }

  @Test(arguments: asymmetric)
  func `one key verifies on many threads at once`(algorithm: SignatureAlgorithm) async throws {
    let key = try PrivateKey.generate(algorithm)
    let verifier = try key.publicKey
    let message = ByteSlice(utf8: "message")
    let signature = try key.sign(message)
    let other = ByteSlice(utf8: "another")
    let wrong = await withTaskGroup { group in
      for _ in 0..<8 {
        group.addTask { @concurrent in
          (0..<50).count { _ in
            !verifier.verify(signature, over: message) || verifier.verify(signature, over: other)
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }

  @Test(arguments: asymmetric)
  func `a key is the same after export and import`(algorithm: SignatureAlgorithm) throws {
    let key = try PrivateKey.generate(algorithm)
    let again = try PrivateKey(der: try key.der, for: algorithm)
    let message = ByteSlice(utf8: "message")
    #expect(try again.publicMaterial == key.publicMaterial)
    #expect(try key.publicKey.verify(try again.sign(message), over: message))
    for other in Self.asymmetric where other != algorithm {
      #expect(throws: KeyFault.self) { try PrivateKey(der: try key.der, for: other) }
    }
    #expect(throws: KeyFault.unreadable) {
      try PrivateKey(der: try key.der.dropFirst(1), for: algorithm)
    }
  }

  @Test func `a key verifies for its own algorithm only`() throws {
    let material = try PrivateKey.generate(.es256).publicMaterial
    for algorithm in SignatureAlgorithm.allCases where algorithm != .es256 {
      #expect(throws: KeyFault.wrongType) { try PublicKey(material, for: algorithm) }
    }
    #expect(throws: KeyFault.wrongType) { try PrivateKey.generate(.hs256) }
  }

  /// RFC 8037 appendix A.4 over the key of A.2.
  @Test func `Ed25519 verifies the published signature`() throws {
    let key = try PublicKey(
      .ed25519(ByteSlice(base64url: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")), for: .edDSA)
    let message = ByteSlice(
      utf8: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
    let signature = ByteSlice(
      base64url: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
        + "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    #expect(key.verify(signature, over: message))
  }

  @Test func `Ed25519 keys of small order and out of range are refused`() {
    let order8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    let otherOrder8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
    let zeros = String(repeating: "00", count: 31)
    let ones = String(repeating: "ff", count: 30)
    let lowest = [
      "00" + zeros, "01" + zeros, "ec" + ones + "7f", "ed" + ones + "7f", "ee" + ones + "7f",
      "ff" + ones + "7f", order8, otherOrder8,
    ]
    for text in lowest {
      var bytes = ByteSlice(hexadecimal: text).array
      #expect(throws: KeyFault.smallOrder, "\(text)") {
        try PublicKey(.ed25519(ByteSlice(bytes)), for: .edDSA)
      }
      bytes[31] |= 0x80
      #expect(throws: KeyFault.smallOrder, "\(text) with the sign bit") {
        try PublicKey(.ed25519(ByteSlice(bytes)), for: .edDSA)
      }
    }
    #expect(throws: KeyFault.length(31)) {
      try PublicKey(.ed25519(ByteSlice([UInt8](repeating: 9, count: 31))), for: .edDSA)
    }
  }

  @Test func `points off the curve and coordinates of another length are refused`() throws {
    guard case .elliptic(_, let x, let y) = try PrivateKey.generate(.es256).publicMaterial else {
      Issue.record("not a curve's key")
      return
    }
    func refusal(_ x: ByteSlice, _ y: ByteSlice) -> KeyFault? {
      do throws(KeyFault) {
        _ = try PublicKey(.elliptic(.p256, x: x, y: y), for: .es256)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(x, y) == nil)
    #expect(refusal(y, x) == .notOnCurve)
    let zero = ByteSlice([UInt8](repeating: 0, count: 32))
    #expect(refusal(zero, zero) == .notOnCurve)
    #expect(refusal(ByteSlice([0] + x.array), y) == .length(33))
    #expect(refusal(x, y.dropFirst(1)) == .length(31))
    #expect(refusal(.empty, .empty) == .length(0))
  }

  @Test func `RSA numbers out of the rules are refused`() throws {
    guard case .rsa(let modulus, let exponent) = try PrivateKey.generate(.rs256).publicMaterial
    else {
      Issue.record("not an RSA key")
      return
    }
    func refusal(_ modulus: ByteSlice, _ exponent: ByteSlice) -> KeyFault? {
      do throws(KeyFault) {
        _ = try PublicKey(.rsa(modulus: modulus, exponent: exponent), for: .rs256)
        return nil
      } catch {
        return error
      }
    }
    func bytes(_ values: [UInt8]) -> ByteSlice { ByteSlice(values) }
    #expect(refusal(modulus, exponent) == nil)
    #expect(refusal(modulus, bytes([3])) == nil)
    for bad in [[], [0], [1], [2], [0, 3], [1, 0, 0], [1, 0, 0, 0, 1]] as [[UInt8]] {
      #expect(refusal(modulus, bytes(bad)) == .exponent, "\(bad)")
    }
    #expect(refusal(.empty, exponent) == .modulusForm)
    #expect(refusal(bytes([0] + modulus.array), exponent) == .modulusForm)
    #expect(refusal(bytes(modulus.array.dropLast() + [2]), exponent) == .modulusForm)
    #expect(refusal(modulus.dropFirst(128), exponent) != nil)
    let short = bytes([0x7F] + [UInt8](repeating: 0xFF, count: 255))
    #expect(refusal(short, exponent) == .modulusSize(bits: 2047))
    let long = bytes([0x01] + [UInt8](repeating: 0xFF, count: 1024))
    #expect(refusal(long, exponent) == .modulusSize(bits: 8193))
  }

  @Test func `algorithm names are exact`() {
    for algorithm in SignatureAlgorithm.allCases {
      #expect(
        SignatureAlgorithm(named: ByteSlice(utf8: algorithm.name.description)) == algorithm)
      #expect(
        SignatureAlgorithm(named: ByteSlice(utf8: algorithm.name.description.lowercased())) == nil)
    }
    #expect(SignatureAlgorithm(named: ByteSlice(utf8: "Ed25519")) == .edDSA)
    for name in ["none", "None", "", "RS256 ", "HS1", "ES256K", "Ed448"] {
      #expect(SignatureAlgorithm(named: ByteSlice(utf8: name)) == nil)
    }
  }
}
