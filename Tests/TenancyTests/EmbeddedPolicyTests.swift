import Authentication
import Bytes
import Crypto
import Settings
import Tenancy
import TestSupport
import Testing

@Suite struct EmbeddedPolicyTests {
  private let issuer = TestIssuer(
    id: "\(DevelopmentIssuer.id)", iss: "\(DevelopmentIssuer.issuer)",
    audience: "\(DevelopmentIssuer.audience)")

  private func compile(_ text: ByteSlice) throws -> (TokenVerifier, TenancyPolicy) {
    let settings = try GatewaySettings(
      compiling: try SettingsDocument(parsing: text, named: "embedded"))
    let profiles = try settings.issuers.map { node in
      try IssuerProfile.compile(node) { file in
        #expect(file == "\(EmbeddedPolicy.keysFile)")
        return try TestIssuer.keySet([.es256])
      }
    }
    return (
      try TokenVerifier(issuers: profiles, generation: 1),
      try TenancyPolicy.compile(settings, generation: 1)
    )
  }

  @Test func `a token gets what it lists, by the ordinary way`() throws {
    let (verifier, policy) = try compile(EmbeddedPolicy.text())
    for allowed in [[], ["publish"], ["subscribe", "manage"], ["publish", "subscribe", "admin"]] {
      let text = try issuer.token(["tenant": "public", "allow": allowed])
      let token = try verifier.verify(text, at: TestIssuer.now)
      guard !allowed.isEmpty else {
        #expect(throws: TenancyRefusal.noTenant) { try policy.scope(of: token, at: TestIssuer.now) }
        continue
      }
      let scope = try policy.scope(of: token, at: TestIssuer.now)
      #expect(scope.tenant == (try name("public")))
      #expect(scope.namespace == (try name("default")))
      #expect(scope.principal.text == "alice")
      for action in Action.allCases {
        let expected: TenancyRefusal? =
          allowed.contains("\(action.word)") ? nil : .forbidden(action)
        #expect(refusal(scope, try reference("~/x"), for: action) == expected)
        #expect(refusal(scope, try reference("public/other/x"), for: action) == expected)
        #expect(refusal(scope, try reference("acme/default/x"), for: action) == .notFound)
      }
    }
  }

  @Test(arguments: ["acme", "", "*", "Public"])
  func `a tenant that the text does not hold gets nothing`(tenant: String) throws {
    let (verifier, policy) = try compile(EmbeddedPolicy.text())
    let text = try issuer.token(["tenant": tenant, "allow": ["publish"]])
    let token = try verifier.verify(text, at: TestIssuer.now)
    #expect(throws: TenancyRefusal.noTenant) { try policy.scope(of: token, at: TestIssuer.now) }
  }

  @Test func `several tenants stand side by side`() throws {
    let (verifier, policy) = try compile(
      EmbeddedPolicy.text(tenants: [try name("acme"), try name("007")]))
    for tenant in ["acme", "007"] {
      let text = try issuer.token(["tenant": tenant, "allow": ["publish", "subscribe"]])
      let scope = try policy.scope(
        of: try verifier.verify(text, at: TestIssuer.now), at: TestIssuer.now)
      #expect(scope.tenant == (try name(tenant)))
      #expect(scope.foreseen.grants.count == 2)
    }
  }
}
