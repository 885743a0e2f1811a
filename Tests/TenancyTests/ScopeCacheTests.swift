import Authentication
import Bytes
import Tenancy
import TestSupport
import Testing

@Suite struct ScopeCacheTests {
  private let rule = """
      - {id: m, issuer: test, when: {"/sub": {exists: true}}, tenant: "{/t}", principal: "{/sub}",
         allow: [{publish: ["*/*"]}]}

    """

  @Test func `each token finds its own scope, however small the cache`() throws {
    let policy = try policy(rule)
    let verifier = try TestIssuer().verifier()
    let tokens = try (0..<20).map { index in
      let text = try TestIssuer().token(["sub": "s\(index)", "t": index % 2 == 0 ? "acme" : "007"])
      return try verifier.verify(text, at: TestIssuer.now)
    }
    for capacity in [1, 4, 64] {
      let cache = ScopeCache(capacity: capacity)
      for _ in 0..<3 {
        for (index, token) in tokens.enumerated() {
          let scope = try cache.scope(of: token, under: policy, at: TestIssuer.now)
          #expect(scope.principal.text == "s\(index)")
          #expect(scope.tenant.text == (index % 2 == 0 ? "acme" : "007"))
        }
      }
    }
  }

  @Test func `a new policy decides anew`() throws {
    let cache = ScopeCache(capacity: 8)
    let token = try TestIssuer().verified(["t": "acme"])
    #expect(try cache.scope(of: token, under: try policy(rule), at: TestIssuer.now).generation == 7)
    let strict = try TenancyPolicy.compile(
      try gateway(declarations + "mappings: []"), generation: 8)
    #expect(throws: TenancyRefusal.noTenant) {
      try cache.scope(of: token, under: strict, at: TestIssuer.now)
    }
    let later = try TenancyPolicy.compile(
      try gateway(declarations + "mappings:\n" + rule), generation: 9)
    #expect(try cache.scope(of: token, under: later, at: TestIssuer.now).generation == 9)
  }

  @Test func `what the request selects is part of the question`() throws {
    let both = ["acme", "globex"].map { tenant in
      """
        - {id: \(tenant), issuer: test, when: {"/sub": {exists: true}}, tenant: \(tenant),
           principal: p, allow: [{publish: ["*/*"]}]}

      """
    }.joined()
    let policy = try policy(both)
    let cache = ScopeCache(capacity: 1)
    let token = try TestIssuer().verified()
    for _ in 0..<2 {
      for tenant in ["acme", "globex"] {
        let scope = try cache.scope(
          of: token, selecting: .path(try name(tenant)), under: policy, at: TestIssuer.now)
        #expect(scope.tenant.text == tenant)
      }
      // What the path may choose, the field may not: the mappings do not say so.
      #expect(throws: TenancyRefusal.notFound) {
        try cache.scope(
          of: token, selecting: .header(try name("acme")), under: policy, at: TestIssuer.now)
      }
      #expect(throws: TenancyRefusal.ambiguousTenant) {
        try cache.scope(of: token, under: policy, at: TestIssuer.now)
      }
      #expect(throws: TenancyRefusal.notFound) {
        try cache.scope(
          of: token, selecting: .path(try name("initech")), under: policy, at: TestIssuer.now)
      }
    }
  }
}
