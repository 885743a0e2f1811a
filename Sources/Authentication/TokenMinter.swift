public import Bytes
public import Crypto
public import JSONText

/// Signs tokens: the other side of the verifier, for the gateway's own issuer and for test issuers.
public struct TokenMinter: Sendable {
  private enum Signer: Sendable {
    case asymmetric(PrivateKey)
    case symmetric(SecretKey)
  }
  private let signer: Signer
  public let algorithm: SignatureAlgorithm
  /// The `kid` of its tokens.
  public let keyID: ByteSlice?

  public init(_ key: PrivateKey, keyID: ByteSlice?) {
    signer = .asymmetric(key)
    algorithm = key.algorithm
    self.keyID = keyID
  }

  public init(_ key: SecretKey, keyID: ByteSlice?) {
    signer = .symmetric(key)
    algorithm = key.algorithm
    self.keyID = keyID
  }

  /// A token of these claims, a JSON object, under a header of `alg`, `typ` and `kid`.
  public func mint(claims: ByteSlice, type: StaticString = "at+jwt") throws(KeyFault) -> ByteSlice {
    var header = JSONWriter()
    header.beginObject()
    header.key("alg")
    header.string(algorithm.name)
    header.key("typ")
    header.string(type)
    if let keyID {
      header.key("kid")
      header.string(keyID)
    }
    header.endObject()
    return try mint(header: header.bytes.slice, claims: claims)
  }

  /// A token of exactly these two parts, whatever they say.
  public func mint(header: ByteSlice, claims: ByteSlice) throws(KeyFault) -> ByteSlice {
    var token = ByteWriter(capacity: (header.count + claims.count) * 4 / 3 + 360)
    Base64.encode(header, as: .url, into: &token)
    token.append(ASCII.dot)
    Base64.encode(claims, as: .url, into: &token)
    let signature = try sign(token.slice)
    token.append(ASCII.dot)
    Base64.encode(signature, as: .url, into: &token)
    return token.slice
  }

  private func sign(_ input: ByteSlice) throws(KeyFault) -> ByteSlice {
    switch signer {
    case .asymmetric(let key): return try key.sign(input)
    case .symmetric(let key):
      guard let code = key.code(over: input) else { throw .library }
      return code
    }
  }
}

extension PublicKeyMaterial {
  /// Writes the members of a JWK that make the key, in the order of RFC 7638 §3.2.
  fileprivate func writeMembers(to json: inout JSONWriter) {
    func member(_ name: StaticString, _ number: ByteSlice) {
      json.key(name)
      json.string(Base64.encode(number, as: .url))
    }
    func text(_ name: StaticString, _ text: StaticString) {
      json.key(name)
      json.string(text)
    }
    switch self {
    case .rsa(let modulus, let exponent):
      member("e", exponent)
      text("kty", "RSA")
      member("n", modulus)
    case .elliptic(let curve, let x, let y):
      text("crv", curve.name)
      text("kty", "EC")
      member("x", x)
      member("y", y)
    case .ed25519(let bytes):
      text("crv", "Ed25519")
      text("kty", "OKP")
      member("x", bytes)
    }
  }

  /// The key's thumbprint (RFC 7638) in base64url: a `kid` that follows from the key alone.
  public var thumbprint: ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    writeMembers(to: &json)
    json.endObject()
    return ByteSlice(utf8: Base64.encode(Digest.sha256(json.bytes.slice).bytes, as: .url))
  }

  /// Writes the key as a JWK that says what it is for (RFC 7517 §4).
  public func writeJWK(
    to json: inout JSONWriter, algorithm: SignatureAlgorithm, keyID: ByteSlice?
  ) {
    json.beginObject()
    writeMembers(to: &json)
    json.key("alg")
    json.string(algorithm.name)
    json.key("use")
    json.string("sig")
    if let keyID {
      json.key("kid")
      json.string(keyID)
    }
    json.endObject()
  }
}
