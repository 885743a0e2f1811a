import Authentication
import Bytes
import Crypto
import Foundation
import TestSupport
import Testing

@Suite struct `Key sets` {
  /// A JWK of the test issuer with members replaced, or removed by `NSNull()`.
  func key(
    _ algorithm: SignatureAlgorithm = .es256, _ changes: [String: Any] = [:]
  ) throws -> [String: Any] {
    let set = try JSONSerialization.jsonObject(
      with: Data(TestIssuer.keySet([algorithm]).array))
    let keys = try #require(set as? [String: [[String: Any]]])
    let key = try #require(keys["keys"]?.first)
    return key.merging(changes) { _, new in new }.filter { !($0.value is NSNull) }
  }

  func load(
    _ keys: [[String: Any]],
    _ algorithms: [SignatureAlgorithm] = IssuerProfile.defaultAlgorithms
  ) throws -> KeySet {
    try load(text: JSONSerialization.data(withJSONObject: ["keys": keys]), algorithms)
  }

  func load(
    text: Data, _ algorithms: [SignatureAlgorithm] = IssuerProfile.defaultAlgorithms
  ) throws(KeySetFault) -> KeySet {
    try KeySet(parsing: ByteSlice(Array(text)), algorithms: algorithms)
  }

  func fault(
    _ keys: [[String: Any]],
    _ algorithms: [SignatureAlgorithm] = IssuerProfile.defaultAlgorithms
  ) throws -> KeySetFault? {
    do {
      _ = try load(keys, algorithms)
      return nil
    } catch let fault as KeySetFault {
      return fault
    }
  }

  @Test func `all keys for us are taken`() throws {
    #expect(try load(TestIssuer.publicAlgorithms.map { try key($0) }).count == 3)
  }

  @Test func `keys for something else are left out`() throws {
    let ours = try key()
    let others: [[String: Any]] = [
      try key(.rs256, ["use": "enc", "alg": "RSA-OAEP", "kid": "enc"]),
      try key(.rs256, ["alg": "RS512", "kid": "rs512"]),
      try key(.rs256, ["key_ops": ["encrypt"], "kid": "ops"]),
      try key(.es256, ["use": "enc", "kid": "enc2"]),
      ["kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k1"],
      ["kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "ed448"],
      ["kty": "NEW", "kid": "new"],
    ]
    #expect(try load([ours] + others).count == 1)
    #expect(try fault(others) == .noKeys)
    #expect(try load([ours, try key(.rs256)], [.rs256]).count == 1)
    #expect(try load([try key(.es256, ["key_ops": ["verify"], "use": NSNull()])]).count == 1)
  }

  @Test func `a kid twice refuses the set, even on a key that is left out`() throws {
    let twice = try key(.rs256, ["kid": TestIssuer.keyID(.es256)])
    #expect(try fault([try key(), twice]) == .duplicateKeyID(index: 1))
    let unused: [String: Any] = ["kty": "NEW", "kid": TestIssuer.keyID(.es256)]
    #expect(try fault([try key(), unused]) == .duplicateKeyID(index: 1))
  }

  @Test(arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
  func `a private member refuses the set`(member: String) throws {
    let leaked = try key(.rs256, [member: "AQAB"])
    #expect(try fault([try key(), leaked]) == .privateMember(index: 1, member))
  }

  @Test func `a secret refuses the set`() throws {
    let secret: [String: Any] = ["kty": "oct", "kid": "s", "alg": "HS256"]
    #expect(try fault([try key(), secret]) == .secretKey(index: 1))
    #expect(try fault([secret.merging(["k": "AA"]) { $1 }]) == .privateMember(index: 0, "k"))
    #expect(try fault([secret], [.hs256]) == .secretKey(index: 0))
  }

  @Test func `alg must work with the key's type`() throws {
    #expect(try fault([try key(.rs256, ["alg": "ES256"])]) == .algorithmType(index: 0))
    #expect(try fault([try key(.es256, ["alg": "EdDSA"])]) == .algorithmType(index: 0))
  }

  @Test func `without alg a key takes the issuer's algorithm of its type`() throws {
    let keys = try TestIssuer.publicAlgorithms.map { try key($0, ["alg": NSNull()]) }
    #expect(try load(keys).count == 3)
    #expect(try load(keys, [.es256]).count == 1)
  }

  @Test func `a key for us that breaks a rule refuses the set`() throws {
    let ed = try key(.edDSA, ["x": String(repeating: "A", count: 43)])
    #expect(try fault([try key(), ed]) == .key(index: 1, .smallOrder))
    let point = try key(.es256, ["x": "AA"])
    #expect(try fault([point]) == .key(index: 0, .length(1)))
    let modulus = try key(.rs256)["n"] as? String ?? ""
    let even = try key(.rs256, ["e": "BA"])
    #expect(try fault([even]) == .key(index: 0, .exponent))
    let short = try key(.rs256, ["n": String(modulus.prefix(172))])
    #expect(try fault([short]) != nil)
    for name in ["x", "y"] {
      #expect(try fault([try key(.es256, [name: NSNull()])]) == .member(index: 0, name))
      #expect(try fault([try key(.es256, [name: 5])]) == .member(index: 0, name))
      #expect(try fault([try key(.es256, [name: "?"])]) == .member(index: 0, name))
    }
    for name in ["kid", "use", "alg", "key_ops"] {
      #expect(try fault([try key(.es256, [name: 5])]) == .member(index: 0, name))
    }
    #expect(try fault([["kid": "a"]]) == .member(index: 0, "kty"))
  }

  @Test func `shape and limits`() throws {
    for text in ["{}", "[]", #"{"keys":{}}"#, #"{"keys":[1]}"#, "null"] {
      #expect(throws: KeySetFault.shape, "\(text)") { try load(text: Data(text.utf8)) }
    }
    #expect(throws: KeySetFault.noKeys) { try load(text: Data(#"{"keys":[]}"#.utf8)) }
    let many = (0...64).map { ["kty": "NEW", "kid": "\($0)"] }
    #expect(try fault(many) == .tooManyKeys(65))
    #expect(throws: KeySetFault.tooLarge(bytes: 262_145)) {
      try load(text: Data(repeating: 0x20, count: 262_145))
    }
    for text in ["", "{", #"{"keys":[],"keys":[]}"#] {
      #expect(throws: KeySetFault.self) { try load(text: Data(text.utf8)) }
    }
  }

  @Test func `secrets are long enough and told apart`() throws {
    let id = ByteSlice(utf8: "a")
    let good = TestIssuer.secret
    #expect(try KeySet(secrets: [(id, good), (nil, good)]).count == 2)
    #expect(throws: KeySetFault.duplicateKeyID(index: 1)) {
      try KeySet(secrets: [(id, good), (id, good)])
    }
    #expect(throws: KeySetFault.key(index: 0, .secretTooShort(31))) {
      try KeySet(secrets: [(id, good.prefix(31))])
    }
    #expect(throws: KeySetFault.noKeys) { try KeySet(secrets: []) }
  }

  /// RFC 7638 §3.1 and RFC 8037 appendix A.3.
  @Test func `thumbprints are the published ones`() throws {
    func number(_ text: String) -> ByteSlice {
      Base64.decode(ByteSlice(utf8: text), as: .url) ?? .empty
    }
    let edwards = PublicKeyMaterial.ed25519(number("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
    #expect(edwards.thumbprint.text == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    let modulus =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
      + "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
      + "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
      + "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    let rsa = PublicKeyMaterial.rsa(modulus: number(modulus), exponent: number("AQAB"))
    #expect(rsa.thumbprint.text == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
  }
}
