import Authentication
import Bytes
import Foundation
import JSONText
import Settings
import Tenancy
import TestSupport
import Testing

@testable import Schemas

/// The configuration's JSON Schema, the example and the code, held against each other.
@Suite struct ConfigurationSchemaTests {
  private static let schemas = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "schemas")

  private static func bytes(_ file: String) throws -> ByteSlice {
    ByteSlice([UInt8](try Data(contentsOf: schemas.appending(path: file))))
  }

  private static let program = Result {
    try CompiledSchema.compile(try bytes("jodrell-config.schema.json"))
  }

  /// What the schema says about a settings text, which may cost more than an event may.
  private func schemaAccepts(_ root: SettingsNode) throws -> Bool {
    let program = try Self.program.get()
    let scratch = SchemaScratch(limits: .settings)
    try scratch.parser.parse(root.json)
    return program.accepts(scratch.parser, scratch, fuel: SchemaLimits.metaschemaFuel) == .valid
  }

  /// Compiles a text in every room; key files hold the test issuer's keys.
  private func compile(_ root: SettingsDocument) throws {
    let settings = try GatewaySettings(compiling: root)
    for node in settings.issuers {
      _ = try IssuerProfile.compile(node) { _ in try TestIssuer.keySet() }
    }
    let ids = [ByteSlice(utf8: "i")]
    _ = try Revocation.compile(settings.revoked, of: ids, at: TestIssuer.now)
    _ = try TenancyPolicy.compile(settings, generation: 1)
    _ = try PolicyTest.compile(settings)
  }

  @Test func `the example pleases the schema, every room, and its own tests`() throws {
    let document = try SettingsDocument(
      parsing: try Self.bytes("jodrell.example.yaml"), named: "jodrell.example.yaml")
    #expect(try schemaAccepts(document.root))
    let settings = try GatewaySettings(compiling: document)
    let profiles = try settings.issuers.map { node in
      try IssuerProfile.compile(node) { try Self.bytes($0) }
    }
    #expect(profiles.count == 2)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    let tests = try PolicyTest.compile(settings)
    #expect(tests.count == 11)
    for test in tests {
      #expect(test.failure(on: policy, at: TestIssuer.now) == nil, "\(test.name)")
    }
  }

  @Test func `development mode's text pleases the schema`() throws {
    let document = try SettingsDocument(parsing: EmbeddedPolicy.text(), named: "embedded")
    #expect(try schemaAccepts(document.root))
  }

  private static let issuer = "id: i, iss: x, audiences: [a], keys: {file: k}"
  private static let rule = "id: m, issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: p"

  /// A text whose mapping takes its tenant from a table.
  private static func mapped(_ table: String) -> String {
    text().replacing("tenant: acme", with: "tenantMap: \(table)")
  }

  /// A text with one more field of an issuer, of a mapping, or of the tenant.
  private static func text(
    issuer: String = "", mapping: String = "allow: [{publish: [a/b]}]", tenant: String = "",
    more: String = ""
  ) -> String {
    """
    issuers: [{\(Self.issuer), \(issuer)}]
    mappings: [{\(rule), \(mapping)}]
    tenants:
      acme: {\(tenant)}
    \(more)
    """
  }

  @Test(arguments: [
    text(),
    text(issuer: "typ: [JWT], maxLifetime: 1h, clockSkew: 0s, algorithms: [ES256, Ed25519]"),
    text(issuer: "require: {/a: {not: {in: [1, true, x]}, exists: true}}"),
    text(
      mapping: "namespace: \"{/n}\", service: s, source: \"u:{/a~1b}\", deny: [{publish: [./x*]}]"),
    text(mapping: "allow: [{manage: [\"*/*\"], admin: [\"*/*\"]}]"),
    text(tenant: "limits: {}, namespaceDefaults: {compatibility: NONE}, autoCreate: false"),
    text(tenant: "namespaceDefaults: {compatibility: FULL, compatibilityPolicy: strict}"),
    text(
      tenant: "limits: {publishRate: 20000/s, publishBytes: 50MiB/s, streams: 2000, "
        + "storage: 200GiB, burst: 2s, weight: 300, perPrincipal: {requests: 600/m, streams: 5}, "
        + "perTopic: {publishBytes: 1GB/h, requests: 1/s, streams: 5}, "
        + "perNamespace: {storage: 1TiB}}"),
    text(tenant: "limits: {perNamespace: {publishRate: 5/s, publishBytes: 1MB/m, streams: 2}}"),
    text(tenant: "namespaceDefaults: {retention: {age: 7d, bytes: 0B}, limits: {requests: 9/s}}"),
    text(tenant: "namespaceDefaults: {retention: {}, limits: {storage: 1GB, burst: 1m}}"),
    text(
      mapping: "allow: [{publish: [a/*], where: {/tenantId: {eq: \"{tenant}\"}, "
        + "/by: {in: [\"{/sub}\", \"{principal}\"]}}}]"),
    text(
      mapping: "allow: [{publish: [a/b], notBefore: \"2026-01-01T00:00:00Z\", "
        + "until: \"2026-02-01T00:00:00+01:00\"}]"),
    text(
      mapping: "allow: [{subscribe: [a/*], of: globex}]",
      more: "  globex: {shares: [{with: acme, subscribe: [\"a/*\"]}]}"),
    text(more: "limits: {perAddress: {requests: 10/s, refusedTokens: 60/m, streams: 9}}"),
    text(more: "audit: {file: audit.jsonl, topic: true, sample: 0}"),
    text(more: "audit: {topic: true, required: true, signature: {key: \"file:k\", every: 10s}}"),
    text(mapping: "allow: [{publish: [a/b]}], select: header"),
    mapped("{claim: /o, values: {\"1\": acme, org_2: globex}}") + "  globex: {}",
    text(
      more: "tests: [{name: t, issuer: i, claims: {}, request: {publish: ~/x, header: acme}, "
        + "expect: {status: 403}}]"),
    text(
      more: "tests: [{name: t, issuer: i, claims: {}, at: \"2026-01-01T00:00:00Z\", "
        + "request: {publish: ~/x, payload: {a: 1}}, expect: {status: 403, code: tenant_mismatch}}]"
    ),
    text(more: "listen: {http: \"[::1]:0\"}\nstreams: {heartbeat: 1s}\npublicURL: http://a/b"),
    text(more: "listen: {http: {address: \"localhost:80\"}}"),
    text(
      more: "tests: [{name: t, issuer: i, claims: {}, request: {publish: ~/x, tenant: acme}, "
        + "expect: {status: 404, code: not_found}}]"),
    "issuers: [{id: i, iss: x, audiences: [a], keys: {url: \"https://x\", refresh: 5m}}]",
    "issuers: [{id: i, iss: x, audiences: [a], algorithms: [PS512], "
      + "keys: {url: \"http://127.0.0.1:1/k\", addresses: [127.0.0.1], ca: c, lazy: true}}]",
    "issuers: [{id: i, iss: \"https://x/\", audiences: [a], keys: {discovery: true}}]",
    "issuers: [{id: i, iss: x, audiences: [a], keys: {discovery: \"https://x/m\"}}]",
    "issuers: [{id: i, trustDomain: acme.example, audiences: [a], keys: {url: \"https://x\"}}]",
    "issuers: [{id: i, trustDomain: a_b-c.1, iss: \"https://x\", audiences: [a], algorithms: [ES384], "
      + "keys: {discovery: true}}]",
    "issuers: [{id: i, iss: x, audiences: [a], introspection: "
      + "{url: \"https://x/i\", clientID: g, clientSecret: \"env:S\", lifetime: 10s}}]",
    "issuers: [{id: i, iss: x, audiences: [a], audienceClaim: /client_id, introspection: "
      + "{url: \"https://x/i\", clientID: g, clientSecret: \"env:S\", prefix: gho_}}]",
    "limits: {perAddress: {publishRate: 5/s, publishBytes: 1MiB/s, refusedTokens: 9/m}}",
    "issuers: [{id: i, apiKeys: [{id: a, sha256: \"" + String(repeating: "0f", count: 32)
      + "\", expires: \"2030-01-01T00:00:00Z\", claims: {shop: x}}]}]",
    "revoked: [{issuer: i, jti: a}, {issuer: i, sub: s, before: \"2026-01-01T00:00:00Z\"}]",
    "dpop: {nonce: true}",
    "tenants: {acme: }",
    "{}",
  ])
  func `what the code accepts, the schema accepts`(text: String) throws {
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "j.yaml")
    try compile(document)
    #expect(try schemaAccepts(document.root))
  }

  @Test(arguments: [
    text(issuer: "audience: [a]"), text(issuer: "clockSkew: 30"), text(issuer: "algorithms: []"),
    text(issuer: "algorithms: [none]"), text(issuer: "require: {}"),
    text(issuer: "require: {sub: {eq: x}}"), text(issuer: "require: {/sub: {like: x}}"),
    text(issuer: "require: {/sub: {eq: [x]}}"), text(issuer: "require: {/sub: {prefix: \"\"}}"),
    text(mapping: "alow: []"), text(mapping: ""), text(mapping: "allow: [{}]"),
    text(mapping: "allow: [{publish: []}]"), text(mapping: "allow: [{publish: [a]}]"),
    text(mapping: "allow: [{publish: [\"a/b*c\"]}]"), text(mapping: "allow: [{admin: [\"a/*\"]}]"),
    text(mapping: "allow: [{publish: [a/b], classes: [x]}]"),
    text(mapping: "allow: [{publish: [a/b]}], service: \"{x}\""),
    text(mapping: "allow: [{publish: [a/b]}], namespace: \"a b\""),
    text(mapping: "allow: [{publish: [a/b]}], select: body"),
    text(mapping: "allow: [{publish: [a/b]}], tenantMap: {claim: /o, values: {a: acme}}"),
    mapped("{claim: /o}"), mapped("{claim: o, values: {a: acme}}"), mapped("{values: {a: acme}}"),
    mapped("{claim: /o, values: {}}"), mapped("{claim: /o, values: {a: \"a b\"}}"),
    mapped("{claim: /o, values: {a: acme}, else: acme}"),
    text(more: "audit: {file: a, required: yes}"), text(more: "audit: {file: a, signature: {}}"),
    text(more: "audit: {file: a, signature: {key: audit.key}}"),
    text(more: "audit: {file: a, signature: {key: \"file:k\", every: often}}"),
    text(tenant: "limits: {streams: many}"),
    text(tenant: "namespaceDefaults: {compatibility: full}"),
    text(tenant: "namespaceDefaults: {retention: {age: week}}"),
    text(tenant: "namespaceDefaults: {retention: {bytes: -1}}"),
    text(tenant: "namespaceDefaults: {retention: 7d}"),
    text(tenant: "namespaceDefaults: {limits: {weight: 5}}"),
    text(tenant: "limits: {perNamespace: {weight: 5}}"),
    text(tenant: "limits: {publishRate: 5}"), text(tenant: "limits: {publishRate: 5MiB/s}"),
    text(tenant: "limits: {storage: much}"),
    text(tenant: "shares: [{with: globex}]"), text(tenant: "shares: [{subscribe: [a/b]}]"),
    text(mapping: "allow: [{where: {/a: {eq: x}}}]"), text(mapping: "allow: [{until: soon}]"),
    text(mapping: "allow: [{subscribe: [a/b], where: {/a: {eq: x}}}]"),
    text(mapping: "allow: [{manage: [a/b], of: globex}]"),
    text(mapping: "allow: [{publish: [a/b], until: tomorrow}]"),
    text(more: "audit: {}"), text(more: "audit: {topic: false}"),
    text(more: "limits: {perAddress: {requests: 10}}"), text(more: "limits: {perTenant: {}}"),
    text(tenant: "requireSchema: 1"), text(more: "listen: {}"), text(more: "nonsense: 1"),
    text(more: "listen: {http: \"a:80\"}"), text(more: "listen: {http: \"0.0.0.0\"}"),
    text(more: "listen: {http: \"0.0.0.0:80\", https: {}}"),
    text(more: "listen: {management: \"0.0.0.0:80\"}"),
    text(more: "listen: {https: {address: \"0.0.0.0:80\", certificate: c}}"),
    text(
      more: "listen: {https: {address: \"0.0.0.0:80\", certificate: c, key: k, "
        + "clientCertificates: required}}"),
    text(more: "listen: {http: {address: \"0.0.0.0:80\", clientCA: x}}"),
    text(more: "streams: {heartbeat: soon}"), text(more: "publicURL: events.example"),
    text(more: "data: \"\""), text(more: "tests: [{name: t}]"),
    text(more: "tests: [{name: t, issuer: i, claims: {}, expect: {status: 401}}]"),
    text(more: "tests: [{name: t, issuer: i, claims: [], expect: {status: 403}}]"),
    text(
      more: "tests: [{name: t, issuer: i, claims: {}, request: {publish: x}, "
        + "expect: {status: 403}}]"),
    "tenants: {\"a b\": {}}", "tenants: []", "issuers: {}", "mappings: [1]",
    "issuers: [{id: i, iss: x, audiences: [a], keys: {url: \"http://x\"}}]",
    "issuers: [{id: i, iss: x, audiences: [a], keys: {url: \"https://x\", file: k}}]",
    "issuers: [{id: i, iss: x, audiences: [a]}]",
    "issuers: [{id: i, iss: x, audiences: [a], keys: {secret: plain}}]",
    "issuers: [{id: i, apiKeys: []}]",
    "issuers: [{id: i, apiKeys: [{id: a, sha256: \"00\", expires: \"2030-01-01T00:00:00Z\"}]}]",
    "revoked: [{issuer: i}]", "revoked: [{issuer: i, jti: a, kid: b}]", "dpop: {nonces: true}",
    "issuers: [{id: i, iss: x, audiences: [], keys: {file: k}}]",
  ])
  func `what the schema's grammar refuses, the code refuses`(text: String) throws {
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "j.yaml")
    #expect(throws: SettingsFault.self) { try compile(document) }
    #expect(try !schemaAccepts(document.root))
  }
}
