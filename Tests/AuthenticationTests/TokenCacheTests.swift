import Authentication
import Bytes
import Crypto
import TestSupport
import Testing

@Suite struct `The token cache` {
  let issuer = TestIssuer()
  let verifier: TokenVerifier
  let cache = TokenCache(capacity: 16)
  let now = TestIssuer.now

  init() throws { verifier = try issuer.verifier() }

  @Test func `a token is verified once`() throws {
    let token = try issuer.token()
    let first = try cache.verify(token, with: verifier, at: now)
    let second = try cache.verify(ByteSlice(token.array), with: verifier, at: now + .seconds(1))
    #expect(!first.wasCached && second.wasCached)
    #expect(second.token.subject == first.token.subject)
    #expect(second.token.digest == first.token.digest)
    #expect(cache.count == 1)
  }

  @Test func `the same claims under another signature are another token`() throws {
    let token = try issuer.token()
    _ = try cache.verify(token, with: verifier, at: now)
    let again = try issuer.token()
    #expect(again != token)  // ECDSA signs with a fresh nonce.
    #expect(try !cache.verify(again, with: verifier, at: now).wasCached)
    var spoiled = token.array
    spoiled[token.count - 3] ^= 0x01
    #expect(throws: TokenRefusal.self) {
      try cache.verify(ByteSlice(spoiled), with: verifier, at: now)
    }
  }

  @Test func `a token known by its bytes is that token and no other, and holds as long as it does`()
    throws
  {
    let token = try issuer.token(lifetime: .seconds(10))
    for _ in 0..<4 { _ = try cache.verify(token, with: verifier, at: now) }
    for index in [0, 8, token.count / 2, token.count - 9] {
      var other = token.array
      other[index] ^= 0x01
      #expect(throws: TokenRefusal.self) {
        try cache.verify(ByteSlice(other), with: verifier, at: now)
      }
    }
    #expect(throws: TokenRefusal.self) {
      try cache.verify(token.dropFirst(1), with: verifier, at: now)
    }
    #expect(try cache.verify(token, with: verifier, at: now).wasCached)
    #expect(try !cache.verify(token, with: verifier, at: now + .seconds(10)).wasCached)
    #expect(throws: TokenRefusal.expired) {
      try cache.verify(token, with: verifier, at: now + .seconds(40))
    }
  }

  @Test func `a token is not served from its expiry on, while the skew still admits it`() throws {
    let token = try issuer.token(lifetime: .seconds(10))
    _ = try cache.verify(token, with: verifier, at: now)
    let before = UnixTime(nanoseconds: (now + .seconds(10)).nanoseconds - 1)
    #expect(try cache.verify(token, with: verifier, at: before).wasCached)
    #expect(try !cache.verify(token, with: verifier, at: now + .seconds(10)).wasCached)
    #expect(cache.count == 0)
    #expect(throws: TokenRefusal.expired) {
      try cache.verify(token, with: verifier, at: now + .seconds(40))
    }
  }

  @Test func `refusals are not kept`() throws {
    let token = try issuer.token(["nbf": (now + .seconds(100)).seconds])
    #expect(throws: TokenRefusal.notYetValid) {
      try cache.verify(token, with: verifier, at: now)
    }
    #expect(cache.count == 0)
    #expect(try !cache.verify(token, with: verifier, at: now + .seconds(100)).wasCached)
    #expect(throws: TokenRefusal.tooLarge(bytes: 8193)) {
      try cache.verify(
        ByteSlice([UInt8](repeating: 0x41, count: 8193)), with: verifier, at: now)
    }
  }

  @Test func `another generation of the verifier starts afresh`() throws {
    let token = try issuer.token()
    _ = try cache.verify(token, with: verifier, at: now)
    let next = try issuer.verifier(generation: 1)
    #expect(try !cache.verify(token, with: next, at: now).wasCached)
    #expect(try cache.verify(token, with: next, at: now).wasCached)
    let none = try TokenVerifier(issuers: [], generation: 2)
    #expect(throws: TokenRefusal.issuer) { try cache.verify(token, with: none, at: now) }
  }

  @Test func `a clock that steps back starts afresh`() throws {
    let token = try issuer.token()
    cache.clockIs(now + .seconds(10))
    _ = try cache.verify(token, with: verifier, at: now + .seconds(10))
    cache.clockIs(now + .seconds(9))
    #expect(try cache.verify(token, with: verifier, at: now + .seconds(9)).wasCached)
    cache.clockIs(now + .seconds(7))
    #expect(try !cache.verify(token, with: verifier, at: now + .seconds(7)).wasCached)
    #expect(throws: TokenRefusal.issuedAhead) {
      try cache.verify(token, with: verifier, at: now - .seconds(60))
    }
  }

  @Test func `a request that came a while ago takes nobody's token away`() throws {
    let (token, other) = (try issuer.token(["jti": "a"]), try issuer.token(["jti": "b"]))
    cache.clockIs(now)
    _ = try cache.verify(token, with: verifier, at: now)
    cache.clockIs(now + .seconds(20))
    _ = try cache.verify(other, with: verifier, at: now + .seconds(20))
    #expect(try cache.verify(token, with: verifier, at: now).wasCached)
    #expect(try cache.verify(other, with: verifier, at: now + .seconds(20)).wasCached)
  }

  @Test func `it can be emptied`() throws {
    let token = try issuer.token()
    _ = try cache.verify(token, with: verifier, at: now)
    cache.removeAll()
    #expect(cache.count == 0)
    #expect(try !cache.verify(token, with: verifier, at: now).wasCached)
  }

  @Test func `a revoked token is not found again, others are`() throws {
    let revocations = Revocations()
    let verifier = try TokenVerifier(issuers: [try issuer.profile()], revocations: revocations)
    let (bad, good) = (try issuer.token(["jti": "bad"]), try issuer.token(["jti": "good"]))
    for token in [bad, good] { _ = try cache.verify(token, with: verifier, at: now) }
    let revocation = Revocation(
      issuer: ByteSlice(utf8: "test"), target: .token(ByteSlice(utf8: "bad")), expires: nil)
    #expect(revocations.add([revocation], at: now))
    #expect(throws: TokenRefusal.revoked) { try cache.verify(bad, with: verifier, at: now) }
    #expect(try cache.verify(good, with: verifier, at: now).wasCached)
    #expect(cache.count == 1)
  }

  @Test func `a token is not found again when its key is gone, and is when it stays`() throws {
    let profile = try issuer.profile()
    let verifier = try TokenVerifier(issuers: [profile])
    let (gone, stays) = (
      try issuer.token(algorithm: .rs256), try issuer.token(algorithm: .es256)
    )
    for token in [gone, stays] { _ = try cache.verify(token, with: verifier, at: now) }
    let same = try KeySet(
      parsing: TestIssuer.keySet(), algorithms: TestIssuer.publicAlgorithms)
    #expect(!profile.keys.replace(by: same), "the same keys are no change")
    let fewer = try KeySet(
      parsing: TestIssuer.keySet([.es256, .edDSA]), algorithms: TestIssuer.publicAlgorithms)
    #expect(profile.keys.replace(by: fewer))
    #expect(throws: TokenRefusal.key) { try cache.verify(gone, with: verifier, at: now) }
    #expect(try cache.verify(stays, with: verifier, at: now).wasCached)
  }

  @Test func `a token that is kept at hand holds as long as it would be found`() throws {
    let revocations = Revocations()
    let profile = try issuer.profile()
    let verifier = try TokenVerifier(issuers: [profile], revocations: revocations)
    func keep(_ claims: [String: any Sendable] = [:]) throws -> TokenCache.Kept {
      let token = try issuer.token(claims, algorithm: .rs256, lifetime: .seconds(60))
      #expect(cache.kept(token) == nil || claims.isEmpty, "nobody has verified it")
      _ = try cache.verify(token, with: verifier, at: now)
      let kept = try #require(cache.kept(token))
      #expect(kept.isOf(token) && !kept.isOf(token.dropFirst(1)))
      return kept
    }
    var kept = try keep()
    #expect(cache.holds(&kept, for: verifier, at: now))
    #expect(cache.holds(&kept, for: verifier, at: now + .seconds(59)))
    #expect(!cache.holds(&kept, for: verifier, at: now + .seconds(60)), "it has ended")
    cache.clockIs(now + .seconds(60))
    cache.clockIs(now)
    #expect(!cache.holds(&kept, for: verifier, at: now), "the clock has stepped back")

    kept = try keep()
    var other = try keep(["jti": "bad"])
    let revocation = Revocation(
      issuer: ByteSlice(utf8: "test"), target: .token(ByteSlice(utf8: "bad")), expires: nil)
    #expect(revocations.add([revocation], at: now))
    #expect(cache.holds(&kept, for: verifier, at: now))
    #expect(!cache.holds(&other, for: verifier, at: now), "it is revoked")

    let next = try TokenVerifier(issuers: [profile], revocations: revocations, generation: 1)
    #expect(!cache.holds(&kept, for: next, at: now), "the rules are others")

    kept = try keep()
    let fewer = try KeySet(
      parsing: TestIssuer.keySet([.es256]), algorithms: TestIssuer.publicAlgorithms)
    #expect(profile.keys.replace(by: fewer))
    #expect(!cache.holds(&kept, for: verifier, at: now), "its key is gone")
  }

  @Test func `names that end alike are told apart, and all remembered`() throws {
    let cache = TokenCache(capacity: 1_024)
    let token = try issuer.verified()
    let tail = String(repeating: "t", count: 40)
    let names = (0..<300).map { ByteSlice(utf8: "realm.\($0 * 7_919).\(tail)") }
    for name in names { cache.keep(token, as: name, at: now) }
    for name in names { cache.keep(token, as: name, at: now) }
    #expect(cache.count == names.count)
    for name in names {
      guard case .known = try cache.recall(name, for: verifier, at: now) else {
        Issue.record("\(name) is known")
        continue
      }
    }
  }

  @Test func `it stays within its capacity and keeps what is used`() throws {
    let favourite = try issuer.token(["jti": "favourite"])
    _ = try cache.verify(favourite, with: verifier, at: now)
    var hits = 0
    for number in 0..<100 {
      _ = try cache.verify(try issuer.token(["jti": "\(number)"]), with: verifier, at: now)
      hits += try cache.verify(favourite, with: verifier, at: now).wasCached ? 1 : 0
      #expect(cache.count <= 16)
    }
    // Used after every other token, it is never the one that went unused for longest.
    #expect(hits == 100)
    #expect(cache.count > 8)
  }
}

extension TokenCache {
  /// The two steps of a caller in one: what it got, and whether the cache had it.
  fileprivate func verify(
    _ token: ByteSlice, with verifier: TokenVerifier, at now: UnixTime
  ) throws(TokenRefusal) -> (token: VerifiedToken, wasCached: Bool) {
    switch try find(token, for: verifier, at: now) {
    case .known(let token): (token, true)
    case .unknown(let digest):
      (try verify(token, digest: digest, with: verifier, at: now), false)
    }
  }
}
