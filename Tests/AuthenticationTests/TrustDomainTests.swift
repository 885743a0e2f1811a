import Authentication
import Bytes
import Crypto
import Foundation
import Settings
import TestSupport
import Testing

@Suite struct `Tokens of SPIFFE workloads` {
  private let workload = "spiffe://acme.example/ns/orders/sa/publisher"

  /// The keys as a trust domain's bundle has them: the first for certificates, the others for
  /// tokens.
  private static func bundle() throws -> ByteSlice {
    let text = try TestIssuer.keySet().text
    return ByteSlice(
      utf8: text.replacing(
        "\"kty\":", with: "\"use\":\"jwt-svid\",\"kty\":"
      ).replacing(
        "[", with: #"[{"use":"x509-svid","kty":"EC","crv":"P-256","x":"AA","y":"AA"},"#,
        maxReplacements: 1
      ).replacing("\"use\":\"sig\",", with: "").replacing(",\"use\":\"sig\"", with: ""))
  }

  private func compile(_ more: String) throws -> IssuerProfile {
    let text = "{id: spiffe, audiences: [event-gateway], keys: {file: bundle.json}, \(more)}"
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "test.yaml")
    return try IssuerProfile.compile(document.root) { _ in try Self.bundle() }
  }

  private func token(
    _ claims: [String: Any] = [:], header: [String: Any] = [:],
    algorithm: SignatureAlgorithm = .es256
  ) throws -> ByteSlice {
    let usual: [String: Any] = ["iss": NSNull(), "jti": NSNull(), "sub": workload]
    return try TestIssuer().token(
      usual.merging(claims) { $1 }, header: ["typ": "JWT"].merging(header) { $1 },
      algorithm: algorithm)
  }

  @Test func `a token without iss is its trust domain's`() throws {
    let verifier = try TokenVerifier(issuers: [compile("trustDomain: acme.example")])
    let verified = try verifier.verify(try token(), at: TestIssuer.now)
    #expect(verified.issuerID.text == "spiffe" && verified.issuer.text == "spiffe://acme.example")
    #expect(verified.subject?.text == workload)
    for algorithm in [SignatureAlgorithm.rs256, .es256] {
      #expect(refusal(try token(algorithm: algorithm), verifier) == nil)
    }
    #expect(refusal(try token(algorithm: .edDSA), verifier) == .algorithm)
    #expect(refusal(try token(header: ["typ": "JOSE"]), verifier) == nil)
    #expect(refusal(try token(header: ["typ": NSNull()]), verifier) == nil)
    #expect(refusal(try token(header: ["typ": "at+jwt"]), verifier) == .type)
    #expect(refusal(try token(["aud": "others"]), verifier) == .audience)
    #expect(refusal(try token(["exp": NSNull()]), verifier) == .claim(.exp))
    #expect(verifier.claimedKey(of: try token())?.issuer.id.text == "spiffe")
    try verifier.recheck(verified, at: TestIssuer.now)
  }

  @Test func `of a bundle only the keys that are for tokens verify tokens`() throws {
    let keys = try TestIssuer.keySet().text
    let plain = try KeySet(
      parsing: ByteSlice(utf8: keys), algorithms: [.rs256, .es256], ofBundle: true)
    #expect(plain.count == 2)
    // The same keys beside one for certificates: they do not say that they are for tokens.
    let mixed = keys.replacing(
      "[", with: #"[{"use":"x509-svid","kty":"EC","crv":"P-256","x":"AA","y":"AA"},"#,
      maxReplacements: 1)
    #expect(throws: KeySetFault.noKeys) {
      try KeySet(
        parsing: ByteSlice(utf8: mixed), algorithms: [.rs256, .es256], ofBundle: true)
    }
    #expect(
      try KeySet(parsing: Self.bundle(), algorithms: [.rs256, .es256], ofBundle: true).count == 2)
  }

  @Test(arguments: [
    "alice", "spiffe://globex.example/x", "spiffe://acme.example", "spiffe://acme.example/",
    "spiffe://acme.example/a//b", "spiffe://acme.example/a/../b", "spiffe://acme.example/a/./b",
    "spiffe://acme.example/a/", "spiffe://acme.example/a b", "spiffe://acme.example.evil/a",
    "spiffe://acme.example:1/a", "SPIFFE://acme.example/a", "spiffe://acme.example/%61",
    "spiffe://acme.example/\u{e9}", "spiffe:///a", "spiffe://user@acme.example/a",
    "spiffe://acme.example/" + String(repeating: "a", count: 2048),
  ])
  func `a sub that is no SPIFFE ID of the domain is refused`(subject: String) throws {
    let verifier = try TokenVerifier(issuers: [compile("trustDomain: acme.example")])
    let found = refusal(try token(["sub": subject]), verifier)
    #expect(found == .claim(.sub) || found == .claim(.iss) || found == .issuer)
  }

  @Test func `an iss that is there names the issuer, and no trust domain does`() throws {
    let bare = try TokenVerifier(issuers: [compile("trustDomain: acme.example")])
    #expect(refusal(try token(["iss": "https://spire.example"]), bare) == .issuer)
    let named = try TokenVerifier(issuers: [
      compile("trustDomain: acme.example, iss: \"https://spire.example\"")
    ])
    #expect(refusal(try token(["iss": "https://spire.example"]), named) == nil)
    #expect(refusal(try token(), named) == nil)
    let alice = ["iss": "https://spire.example", "sub": "alice"]
    #expect(refusal(try token(alice), named) == .claim(.sub))
    #expect(refusal(try token(["iss": 7]), named) == .claim(.iss))
  }

  @Test func `other issuers' tokens still need iss, and their keys are for tokens`() throws {
    let other = try TestIssuer().profile()
    let verifier = try TokenVerifier(issuers: [other, compile("trustDomain: acme.example")])
    #expect(refusal(try TestIssuer().token(), verifier) == nil)
    #expect(refusal(try TestIssuer().token(["iss": NSNull()]), verifier) == .claim(.iss))
    #expect(throws: KeySetFault.noKeys) {
      try KeySet(parsing: Self.bundle(), algorithms: [.rs256, .es256])
    }
    #expect(throws: IssuersFault.duplicateTrustDomain(index: 1)) {
      try TokenVerifier(issuers: [
        compile("trustDomain: acme.example, iss: a"),
        compile("trustDomain: acme.example, iss: b").renamed("second"),
      ])
    }
  }

  @Test(arguments: [
    "trustDomain: Acme", "trustDomain: \"\"", "trustDomain: \"spiffe://acme.example\"",
    "trustDomain: acme.example, algorithms: [EdDSA]",
    "trustDomain: acme.example, algorithms: [HS256]",
    "trustDomain: acme.example, introspection: {url: \"https://x/i\", clientID: a, "
      + "clientSecret: \"env:S\"}",
  ])
  func `what is no trust domain's is refused where it stands`(more: String) throws {
    #expect(throws: SettingsFault.self) { try compile(more) }
  }

  @Test(arguments: ["{discovery: true}", "{discovery: \"https://x/m\"}", "{secretFile: s}"])
  func `its keys are published, and not found below an iss that it has not`(keys: String) throws {
    let text = "{id: spiffe, audiences: [a], trustDomain: acme.example, keys: \(keys)}"
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "test.yaml")
    #expect(throws: SettingsFault.self) {
      try IssuerProfile.compile(document.root) { _ in TestIssuer.secret }
    }
  }
}

extension IssuerProfile {
  fileprivate func renamed(_ id: String) -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: id), issuer: issuer, trustDomain: trustDomain, audiences: audiences,
      algorithms: algorithms, keys: keys)
  }
}
