import Authentication
import Bytes
import Crypto
import Foundation
import TestSupport
import Testing

@Suite struct `Issuers, algorithms and keys` {
  let issuer = TestIssuer()
  let verifier: TokenVerifier

  init() throws { verifier = try issuer.verifier() }

  @Test(arguments: [
    "none", "None", "NONE", "nOnE", "", "HS256", "RS384", "PS256", "ES384", "es256", "ES256K",
    "ES256 ",
  ])
  func `an algorithm that is not allowed is refused, whoever signed`(name: String) throws {
    // A name of an algorithm here, beside a key of another: the one is to be taken for the other.
    let isName = SignatureAlgorithm(named: ByteSlice(utf8: name)) != nil
    let expected = isName ? TokenRefusal.algorithmOfKey : .algorithm
    let token = try issuer.token(header: ["alg": name])
    #expect(refusal(token, verifier) == expected)
    #expect(refusal(try issuer.token(header: ["alg": name, "kid": "x"]), verifier) == .algorithm)
    let unsigned = ByteSlice(
      utf8: token.text.split(separator: ".").dropLast().joined(separator: ".") + ".")
    #expect(refusal(unsigned, verifier) == expected)
  }

  @Test func `the algorithm is the key's own`() throws {
    for algorithm in TestIssuer.publicAlgorithms {
      for other in TestIssuer.publicAlgorithms where other != algorithm {
        let token = try issuer.token(
          header: ["kid": TestIssuer.keyID(other)], algorithm: algorithm)
        #expect(refusal(token, verifier) == .algorithmOfKey)
      }
    }
  }

  @Test func `a public key is never a secret`() throws {
    let publicText = try TestIssuer.keySet([.rs256])
    let secret = try SecretKey(publicText, for: .hs256)
    let keyID = ByteSlice(utf8: TestIssuer.keyID(.rs256))
    let forged = try TokenMinter(secret, keyID: keyID).mint(
      claims: ByteSlice(utf8: #"{"iss":"https://issuer.example"}"#))
    #expect(refusal(forged, verifier) == .algorithmOfKey)
  }

  @Test func `Ed25519 is a name of EdDSA`() throws {
    let token = try issuer.token(header: ["alg": "Ed25519"], algorithm: .edDSA)
    #expect(refusal(token, verifier) == nil)
  }

  @Test func `an allowed algorithm without the key, and a key without the allowance`() throws {
    let profile = IssuerProfile(
      id: ByteSlice(utf8: "x"), issuer: ByteSlice(utf8: issuer.iss),
      audiences: [ByteSlice(utf8: issuer.audience)], algorithms: [.rs256],
      keys: try KeySet(
        parsing: TestIssuer.keySet([.es256, .rs256]), algorithms: [.es256, .rs256]))
    let narrow = try TokenVerifier(issuers: [profile])
    #expect(refusal(try issuer.token(algorithm: .rs256), narrow) == nil)
    #expect(refusal(try issuer.token(algorithm: .es256), narrow) == .algorithm)
  }

  @Test func `a kid is exact and there is no second guess`() throws {
    for kid in ["test-es256", "test-ES256 ", "", "../../etc/passwd", "' or 1=1", "a\u{0}b"] {
      #expect(refusal(try issuer.token(header: ["kid": kid]), verifier) == .key, "\(kid)")
    }
  }

  @Test func `without a kid the key must be the only one of its algorithm`() throws {
    let token = try issuer.token(header: ["kid": NSNull()])
    #expect(refusal(token, verifier) == nil)
    let without = try verifierOver(keySet: TestIssuer.keySet([.rs256]))
    #expect(refusal(token, without) == .key)
    var keys = try #require(
      JSONSerialization.jsonObject(with: Data(TestIssuer.keySet([.es256]).array))
        as? [String: [[String: Any]]])
    var other = try #require(keys["keys"]?.first)
    other["kid"] = "other"
    keys["keys"]?.append(other)
    let two = try verifierOver(
      keySet: ByteSlice(Array(try JSONSerialization.data(withJSONObject: keys))))
    #expect(refusal(token, two) == .keyAmbiguous)
    #expect(refusal(try issuer.token(), two) == nil)
  }

  @Test func `keys inside the header are never used`() throws {
    let attacker = try PrivateKey.generate(.es256)
    let jwk: [String: Any] = ["kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"]
    let minter = TokenMinter(attacker, keyID: nil)
    let header = try JSONSerialization.data(withJSONObject: [
      "alg": "ES256", "kid": TestIssuer.keyID(.es256), "jwk": jwk,
      "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/chain", "x5c": ["AAAA"],
    ])
    let token = try minter.mint(
      header: ByteSlice(Array(header)),
      claims: ByteSlice(utf8: #"{"iss":"https://issuer.example"}"#))
    #expect(refusal(token, verifier) == .signature)
  }

  @Test(arguments: [
    "https://issuer.example/", "https://issuer.exampl", "HTTPS://issuer.example", "",
    "https://issuer.example\u{0}", "https://other.example",
  ])
  func `the issuer is exact`(iss: String) throws {
    #expect(refusal(try issuer.token(["iss": iss]), verifier) == .issuer)
  }

  @Test func `the issuer must be a text`() throws {
    for value in [1, ["https://issuer.example"], NSNull()] as [Any] {
      #expect(refusal(try issuer.token(["iss": value]), verifier) == .claim(.iss))
    }
  }

  @Test func `another issuer with the same key id cannot vouch`() throws {
    let other = TestIssuer(id: "other", iss: "https://other.example", audience: "elsewhere")
    let both = try TokenVerifier(issuers: [try issuer.profile(), try other.profile()])
    #expect(refusal(try issuer.token(), both) == nil)
    #expect(refusal(try other.token(), both) == nil)
    #expect(refusal(try other.token(["aud": issuer.audience]), both) == .audience)
    #expect(try both.verify(try other.token(), at: TestIssuer.now).issuerID.text == "other")
  }

  @Test func `issuers do not share a name`() throws {
    let sameIss = TestIssuer(id: "b")
    let sameID = TestIssuer(iss: "https://b.example")
    #expect(throws: IssuersFault.duplicateIssuer(index: 1)) {
      try TokenVerifier(issuers: [try issuer.profile(), try sameIss.profile()])
    }
    #expect(throws: IssuersFault.duplicateID(index: 1)) {
      try TokenVerifier(issuers: [try issuer.profile(), try sameID.profile()])
    }
  }

  private func verifierOver(keySet: ByteSlice) throws -> TokenVerifier {
    try TokenVerifier(issuers: [
      IssuerProfile(
        id: ByteSlice(utf8: "x"), issuer: ByteSlice(utf8: issuer.iss),
        audiences: [ByteSlice(utf8: issuer.audience)],
        keys: try KeySet(parsing: keySet, algorithms: IssuerProfile.defaultAlgorithms))
    ])
  }
}
