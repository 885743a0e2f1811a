import Authentication
import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct `Bound tokens` {
  let issuer = TestIssuer()
  let verifier: TokenVerifier
  let now = TestIssuer.now
  let certificate = ByteSlice(utf8: "the DER of a client's certificate")

  init() throws { verifier = try issuer.verifier() }

  private func base64(_ bytes: ByteSlice) -> String { Base64.encode(bytes, as: .url) }

  private func refusal(
    _ confirmation: [String: Any]?, _ presentation: Presentation
  ) throws -> TokenRefusal? {
    let token = try issuer.token(confirmation.map { ["cnf": $0] } ?? [:])
    do throws(TokenRefusal) {
      _ = try verifier.verify(token, presentedBy: presentation, at: now)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a certificate binds`() throws {
    let bound = ["x5t#S256": base64(Digest.sha256(certificate).bytes)]
    let holder = Presentation(certificate: certificate, proofKey: nil)
    let thief = Presentation(certificate: ByteSlice(utf8: "another one"), proofKey: nil)
    #expect(try refusal(bound, holder) == nil)
    #expect(try refusal(bound, thief) == .bound)
    #expect(try refusal(bound, .bare) == .bound)
    #expect(try refusal(nil, holder) == nil)
  }

  @Test func `a key binds, and only under a proof of it`() throws {
    let key = ByteSlice(utf8: base64(Digest.sha256(certificate).bytes))
    let other = ByteSlice(utf8: base64(Digest.sha256(key).bytes))
    let bound = ["jkt": key.text]
    #expect(try refusal(bound, Presentation(certificate: nil, proofKey: key)) == nil)
    #expect(try refusal(bound, Presentation(certificate: nil, proofKey: other)) == .bound)
    #expect(try refusal(bound, .bare) == .bound)
    #expect(try refusal(nil, Presentation(certificate: nil, proofKey: key)) == .bound)
  }

  @Test func `a remembered token asks for the proof again`() throws {
    let cache = TokenCache(capacity: 8)
    let token = try issuer.token([
      "cnf": ["x5t#S256": base64(Digest.sha256(certificate).bytes)]
    ])
    let holder = Presentation(certificate: certificate, proofKey: nil)
    guard case .unknown(let digest) = try cache.find(token, for: verifier, at: now) else {
      Issue.record("known before it was seen")
      return
    }
    _ = try cache.verify(token, digest: digest, presentedBy: holder, with: verifier, at: now)
    guard case .known = try cache.find(token, presentedBy: holder, for: verifier, at: now) else {
      Issue.record("not remembered")
      return
    }
    #expect(throws: TokenRefusal.bound) { try cache.find(token, for: verifier, at: now) }
  }
}

@Suite struct `Proofs of possession` {
  let now = TestIssuer.now
  let token = Digest.sha256(ByteSlice(utf8: "an access token"))
  let key: PrivateKey

  init() throws { key = try PrivateKey.generate(.es256) }

  private func occasion(
    _ method: StaticString = "POST",
    _ url: String = "https://events.example/v1/topics/a/b/c/events",
    nonces: [ByteSlice] = [], at now: UnixTime = TestIssuer.now
  ) -> DPoPProof.Occasion {
    DPoPProof.Occasion(
      method: method, url: ByteSlice(utf8: url), token: token, nonces: nonces, now: now)
  }

  private func proof(
    _ changes: [String: Any] = [:], type: String = "dpop+jwt", by signer: PrivateKey? = nil,
    showing shown: PrivateKey? = nil, jwk: ((inout JSONWriter) throws -> Void)? = nil
  ) throws -> ByteSlice {
    let signer = signer ?? key
    var claims: [String: Any] = [
      "jti": UUID().uuidString, "htm": "POST",
      "htu": "https://events.example/v1/topics/a/b/c/events", "iat": now.seconds,
      "ath": Base64.encode(token.bytes, as: .url),
    ]
    for (name, value) in changes { claims[name] = value }
    claims = claims.filter { !($0.value is NSNull) }
    var header = JSONWriter()
    header.beginObject()
    header.key("typ")
    header.string(type)
    header.key("alg")
    header.string(signer.algorithm.name)
    header.key("jwk")
    if let jwk {
      try jwk(&header)
    } else {
      try (shown ?? signer).publicMaterial.writeJWK(
        to: &header, algorithm: signer.algorithm, keyID: nil)
    }
    header.endObject()
    let text = try JSONSerialization.data(withJSONObject: claims)
    return try TokenMinter(signer, keyID: nil).mint(
      header: header.bytes.slice, claims: ByteSlice(Array(text)))
  }

  private func refusal(_ proof: ByteSlice, for occasion: DPoPProof.Occasion) -> DPoPRefusal? {
    do throws(DPoPRefusal) {
      _ = try DPoPProof(
        verifying: ShownProof(parsing: proof), for: occasion, keys: ProofKeys())
      return nil
    } catch {
      return error
    }
  }

  @Test func `a good one names its key`() throws {
    let shown = try ShownProof(parsing: try proof())
    #expect(shown.key == (try key.publicMaterial.thumbprint))
    let proof = try DPoPProof(verifying: shown, for: occasion(), keys: ProofKeys())
    #expect(proof.key == shown.key)
  }

  @Test func `it holds for its method, its URL and its token only`() throws {
    let proof = try proof()
    #expect(refusal(proof, for: occasion("GET")) == .request)
    #expect(refusal(proof, for: occasion("POST", "https://events.example/v1/other")) == .request)
    #expect(
      refusal(proof, for: occasion("POST", "https://evil.example/v1/topics/a/b/c/events"))
        == .request)
    #expect(refusal(try self.proof(["ath": NSNull()]), for: occasion()) == .token)
    let other = Base64.encode(Digest.sha256(ByteSlice(utf8: "another")).bytes, as: .url)
    #expect(refusal(try self.proof(["ath": other]), for: occasion()) == .token)
  }

  @Test(arguments: [
    "HTTPS://Events.Example:443/v1/topics/a/b/c/events",
    "https://events.example/v1/topics/%61/b/c/events",
    "https://events.example/v1/topics/a/b/c/events?from=1#x",
  ])
  func `URLs are compared in their normal form`(_ url: String) throws {
    #expect(refusal(try proof(["htu": url]), for: occasion()) == nil)
  }

  @Test func `it is fresh, by the client's clock within reason`() throws {
    for (age, expected) in [
      (Int64(0), DPoPRefusal?.none), (60, nil), (61, .time), (-5, nil), (-6, .time),
    ] {
      #expect(refusal(try proof(["iat": now.seconds - age]), for: occasion()) == expected, "\(age)")
    }
    #expect(refusal(try proof(["iat": NSNull()]), for: occasion()) == .claim)
    #expect(refusal(try proof(["iat": 1e300]), for: occasion()) == .claim)
    #expect(refusal(try proof(["iat": "now"]), for: occasion()) == .claim)
  }

  @Test func `the key inside is the one that signed, and a public one`() throws {
    let other = try PrivateKey.generate(.es256)
    #expect(refusal(try proof(showing: other), for: occasion()) == .signature)
    let secret = try proof { json in
      json.raw(ByteSlice(utf8: #"{"kty":"oct","k":"AAAA"}"#))
    }
    #expect(refusal(secret, for: occasion()) == .key)
    let small = try proof { json in
      json.raw(
        ByteSlice(
          utf8: #"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#)
      )
    }
    #expect(refusal(small, for: occasion()) == .key)
  }

  @Test func `anything but a dpop+jwt with a jti is none`() throws {
    #expect(refusal(try proof(type: "JWT"), for: occasion()) == .form)
    #expect(refusal(try proof(["jti": NSNull()]), for: occasion()) == .claim)
    #expect(refusal(try proof(["jti": ""]), for: occasion()) == .claim)
    #expect(refusal(ByteSlice(utf8: "a.b.c"), for: occasion()) == .form)
    #expect(refusal(.empty, for: occasion()) == .form)
  }

  @Test func `a nonce that was asked for has to be there`() throws {
    let nonces = [ByteSlice(utf8: "new"), ByteSlice(utf8: "old")]
    #expect(refusal(try proof(), for: occasion(nonces: nonces)) == .nonce)
    #expect(refusal(try proof(["nonce": "older"]), for: occasion(nonces: nonces)) == .nonce)
    #expect(refusal(try proof(["nonce": "old"]), for: occasion(nonces: nonces)) == nil)
  }

  @Test func `a proof is no access token`() throws {
    let issuer = TestIssuer()
    let token = try issuer.token(header: ["typ": "dpop+jwt"])
    #expect(throws: TokenRefusal.type) { try issuer.verifier().verify(token, at: now) }
  }
}
