import Authentication
import Bytes
import Crypto
import Foundation
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
        #expect(throws: TenancyRefusal.noTenant) { try policy.scope(of: token) }
        continue
      }
      let scope = try policy.scope(of: token)
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
    #expect(throws: TenancyRefusal.noTenant) { try policy.scope(of: token) }
  }

  @Test func `several tenants stand side by side`() throws {
    let (verifier, policy) = try compile(
      EmbeddedPolicy.text(tenants: [try name("acme"), try name("007")]))
    for tenant in ["acme", "007"] {
      let text = try issuer.token(["tenant": tenant, "allow": ["publish", "subscribe"]])
      let scope = try policy.scope(of: try verifier.verify(text, at: TestIssuer.now))
      #expect(scope.tenant == (try name(tenant)))
      #expect(scope.grants.count == 2)
    }
  }
}

@Suite struct ExampleConfigurationTests {
  private static let schemas = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "schemas")

  private func bytes(_ file: String) throws -> ByteSlice {
    ByteSlice([UInt8](try Data(contentsOf: Self.schemas.appending(path: file))))
  }

  private func example() throws -> SettingsDocument {
    try SettingsDocument(
      parsing: try bytes("jodrell.example.yaml"), named: "jodrell.example.yaml")
  }

  @Test func `the example compiles in every room and passes its own tests`() throws {
    let settings = try GatewaySettings(compiling: try example())
    let profiles = try settings.issuers.map { node in
      try IssuerProfile.compile(node) { try bytes($0) }
    }
    #expect(profiles.count == 2)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    let tests = try PolicyTest.compile(settings)
    #expect(tests.count == 6)
    for test in tests { #expect(test.failure(on: policy) == nil, "\(test.name)") }
  }

  @Test func `every object of the configuration's schema is closed or of free keys`() throws {
    let data = try Data(contentsOf: Self.schemas.appending(path: "jodrell-config.schema.json"))
    let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
    func walk(_ value: Any, _ path: String) {
      if let list = value as? [Any] { for item in list { walk(item, path) } }
      guard let object = value as? [String: Any] else { return }
      if object["properties"] is [String: Any] {
        #expect(object["additionalProperties"] as? Bool == false, "\(path) is open")
      }
      for (key, item) in object { walk(item, "\(path)/\(key)") }
    }
    walk(schema, "#")
  }
}
