import Bytes
import JSONText
import Settings
import Tenancy
import TestSupport
import Testing

/// What the language has beside claims, templates and patterns: time, payloads, other tenants.
@Suite struct PolicyLanguageTests {
  private func payload(_ text: String) throws -> JSONDocument {
    try JSONDocument(parsing: ByteSlice(utf8: text))
  }

  // MARK: Time

  @Test(arguments: [
    (-1, false), (0, true), (59, true), (60, false), (600, false),
  ])
  func `a grant holds from notBefore until until`(seconds: Int64, holds: Bool) throws {
    let start = TestIssuer.now
    let grants = """
      allow: [{publish: ["orders/*"], notBefore: "\(start.rfc3339)",
      until: "\((start + .seconds(60)).rfc3339)"}, {subscribe: ["orders/*"]}]
      """
    let policy = try policy(granting(grants))
    let token = try TestIssuer().verified()
    let scope = try policy.scope(of: token, at: start + .seconds(seconds))
    #expect((refusal(scope, try reference("~/x"), for: .publish) == nil) == holds)
    #expect(refusal(scope, try reference("~/x"), for: .subscribe) == nil)
    let change: UnixTime =
      seconds < 0 ? start : seconds < 60 ? start + .seconds(60) : .distantFuture
    #expect(scope.changes == change)
  }

  @Test func `a denial may have a time as well`() throws {
    let start = TestIssuer.now
    let grants = """
      allow: [{publish: ["*/*"]}], deny: [{publish: ["*/*"], until: "\(start.rfc3339)"}]
      """
    let policy = try policy(granting(grants))
    let token = try TestIssuer().verified()
    let before = try policy.scope(of: token, at: start + .seconds(-1))
    #expect(refusal(before, try reference("~/x"), for: .publish) == .forbidden(.publish))
    #expect(
      refusal(try policy.scope(of: token, at: start), try reference("~/x"), for: .publish) == nil)
  }

  @Test func `a cached scope is made anew when a grant's time has come`() throws {
    let start = TestIssuer.now
    let policy = try policy(
      granting("allow: [{publish: [\"*/*\"], notBefore: \"\((start + .seconds(5)).rfc3339)\"}]"))
    let token = try TestIssuer().verified()
    let cache = ScopeCache(capacity: 8)
    let early = try cache.scope(of: token, under: policy, at: start)
    #expect(early.foreseen.grants.isEmpty)
    let late = try cache.scope(of: token, under: policy, at: start + .seconds(5))
    #expect(late.foreseen.grants.count == 1)
  }

  // MARK: Payloads

  @Test(arguments: [
    (#"{"tenantId":"acme"}"#, true), (#"{"tenantId":"globex"}"#, false), (#"{}"#, false),
    (#"{"tenantId":["acme"]}"#, false), (#"[]"#, false), (#""acme""#, false),
    (#"{"tenantId":null,"x":"acme"}"#, false), (#"{"tenantId":"acme "}"#, false),
  ])
  func `where ties a field of the payload to the caller`(text: String, isTaken: Bool) throws {
    let scope = try scope(
      granting("allow: [{publish: [\"orders/*\"], where: {/tenantId: {eq: \"{tenant}\"}}}]"))
    let address = try scope.address(of: try reference("~/x"), for: .publish)
    #expect(address.looksIntoPayloads)
    #expect(address.takes(try payload(text)) == isTaken)
    #expect(!address.takes(nil))
  }

  @Test func `texts of where hold claims, principal and namespace`() throws {
    let scope = try scope(
      granting(
        "allow: [{publish: [\"*/*\"], where: {/who: {in: [\"u:{/sub}\", \"{principal}\"]}, "
          + "/ns: {prefix: \"{namespace}-\"}, /old: {not: {eq: \"{tenant}\"}}}}]"))
    let address = try scope.address(of: try reference("~/x"), for: .publish)
    #expect(address.takes(try payload(#"{"who":"u:alice","ns":"orders-1"}"#)))
    #expect(address.takes(try payload(#"{"who":"alice","ns":"orders-"}"#)))
    #expect(!address.takes(try payload(#"{"who":"u:bob","ns":"orders-1"}"#)))
    #expect(!address.takes(try payload(#"{"who":"alice","ns":"orders"}"#)))
    #expect(!address.takes(try payload(#"{"who":"alice","ns":"orders-","old":"acme"}"#)))
  }

  @Test func `a claim that is not there takes the grant away`() throws {
    let scope = try scope(
      granting("allow: [{publish: [\"*/*\"], where: {/a: {eq: \"{/department}\"}}}]"))
    #expect(refusal(scope, try reference("~/x"), for: .publish) == .forbidden(.publish))
  }

  @Test func `a grant without where lifts the condition`() throws {
    let scope = try scope(
      granting(
        "allow: [{publish: [\"orders/*\"], where: {/t: {eq: \"{tenant}\"}}}, "
          + "{publish: [\"orders/open\"]}]"))
    let open = try scope.address(of: try reference("~/open"), for: .publish)
    #expect(!open.looksIntoPayloads && open.takes(nil))
    #expect(try scope.address(of: try reference("~/x"), for: .publish).looksIntoPayloads)
  }

  @Test(arguments: [
    "allow: [{publish: [a/b], where: {/a: {eq: \"{nobody}\"}}}]",
    "allow: [{publish: [a/b], where: {/a: {eq: \"{tenant\"}}}]",
    "allow: [{subscribe: [a/b], where: {/a: {eq: x}}}]",
    "allow: [{publish: [a/b], manage: [a/b], where: {/a: {eq: x}}}]",
    "allow: [{publish: [a/b]}], deny: [{publish: [a/b], where: {/a: {eq: x}}}]",
    "allow: [{publish: [a/b], until: \"2026-01-01T00:00:00Z\", "
      + "notBefore: \"2026-01-01T00:00:00Z\"}]",
    "allow: [{subscribe: [a/b], of: acme}]", "allow: [{subscribe: [a/b], of: initech}]",
    "allow: [{subscribe: [./b], of: globex}]",
    "allow: [{admin: [\"*/*\"], of: globex}]",
  ])
  func `what makes no sense is a fault`(grants: String) throws {
    #expect(throws: SettingsFault.self) { try policy(granting(grants)) }
  }

  // MARK: Other tenants

  private func sharing(_ shares: String, _ grants: String) throws -> TenantScope {
    let text = """
      issuers:
        - {id: test, iss: "https://issuer.example", audiences: [event-gateway], keys: {file: k}}
      tenants:
        acme: {}
        globex: {shares: [\(shares)]}
      mappings:
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: "{/sub}",
           namespace: orders, \(grants)}
      """
    return try TenancyPolicy.compile(try gateway(text), generation: 1)
      .scope(of: try TestIssuer().verified(), at: TestIssuer.now)
  }

  @Test(
    arguments: [
      ("globex/orders/public-a", nil), ("globex/orders/secret", .notFound),
      ("globex/billing/public-a", .notFound), ("acme/orders/x", .forbidden(.subscribe)),
      ("initech/orders/public-a", .notFound),
    ] as [(String, TenancyRefusal?)])
  func `a topic of another tenant takes both sides`(path: String, expected: TenancyRefusal?) throws
  {
    let scope = try sharing(
      "{with: acme, subscribe: [\"orders/public-*\"]}",
      "allow: [{subscribe: [\"orders/*\", \"billing/*\"], of: globex}]")
    #expect(refusal(scope, try reference(path), for: .subscribe) == expected)
  }

  @Test func `grants of another tenant's topics show what is shared of them`() throws {
    let scope = try sharing(
      "{with: acme, subscribe: [\"orders/public-*\", \"*/open\"]}",
      "allow: [{subscribe: [\"orders/*\", \"bill*/*\"], publish: [\"in/x\"], of: globex}]")
    #expect(
      scope.foreseen.grants.map(\.pattern.text) == ["orders/public-*", "orders/open", "bill*/open"])
    #expect(scope.foreseen.grants.allSatisfy { $0.grant.action == .subscribe })
  }

  @Test(arguments: [
    ("a/b", "a/b", "a/b"), ("a/*", "*/b", "a/b"), ("a*/*", "ab*/c*", "ab*/c*"),
    ("ab/x", "ab*/x", "ab/x"), ("ab*/x", "ab/x", "ab/x"), ("a/b", "a/c", nil),
    ("ab*/x", "ac*/x", nil), ("ab/x", "abc*/x", nil), ("a/b*", "a/b", "a/b"),
  ])
  func `what two patterns have in common`(_ left: String, _ right: String, _ both: String?) throws {
    let scope = try sharing(
      "{with: acme, subscribe: [\"\(left)\"]}",
      "allow: [{subscribe: [\"\(right)\"], of: globex}]")
    #expect(scope.foreseen.grants.map(\.pattern.text) == [both].compactMap(\.self))
  }

  @Test func `an owner takes back alone what it shares`() throws {
    let scope = try sharing(
      "{with: initech, subscribe: [\"*/*\"]}",
      "allow: [{subscribe: [\"*/*\"], of: globex}, {publish: [\"*/*\"]}]")
    #expect(scope.foreseen.grants.map(\.grant.action) == [.publish])
    #expect(refusal(scope, try reference("globex/orders/x"), for: .subscribe) == .notFound)
    let text = """
      issuers: [{id: i, iss: x, audiences: [a], keys: {file: k}}]
      tenants: {acme: {}, globex: {}}
      mappings: [{id: m, issuer: i, when: {/sub: {exists: true}}, tenant: acme, principal: x,
        allow: [{subscribe: ["a/b"], of: globex}]}]
      """
    let warnings = try TenancyPolicy.compile(try gateway(text), generation: 1).warnings
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("'globex' shares nothing with 'acme'") == true)
  }

  @Test func `a shared topic is its owner's`() throws {
    let scope = try sharing(
      "{with: acme, subscribe: [\"*/*\"], publish: [\"in/*\"]}",
      "allow: [{subscribe: [\"*/*\"], publish: [\"in/*\"], of: globex}]")
    let address = try scope.address(of: try reference("globex/in/box"), for: .publish)
    #expect(address.tenant.text == "globex" && address.caller.tenant.text == "acme")
    #expect(
      address.isShared && address.detached.isShared && address.detached.tenant == address.tenant)
    #expect(address.description == "globex/in/box")
    #expect(address.inNamespace.tenant.text == "globex")
    #expect(refusal(scope, try reference("globex/in/box"), for: .manage) == .notFound)
    #expect(
      throws: TenancyRefusal.notFound,
      performing: {
        try scope.namespace(
          of: NamespaceReference(tenant: try name("globex"), namespace: try name("in")),
          for: .subscribe)
      })
  }

  @Test func `a denial beats what is shared`() throws {
    let scope = try sharing(
      "{with: acme, subscribe: [\"*/*\"]}",
      "allow: [{subscribe: [\"*/*\"], of: globex}], deny: [{subscribe: [\"hr/*\"], of: globex}]")
    #expect(refusal(scope, try reference("globex/hr/pay"), for: .subscribe) == .notFound)
    #expect(refusal(scope, try reference("globex/it/x"), for: .subscribe) == nil)
  }

  @Test func `of the gateway's own tenant nothing but reading is granted`() throws {
    let text = """
      issuers:
        - {id: test, iss: "https://issuer.example", audiences: [event-gateway], keys: {file: k}}
      tenants: {jodrell: {}}
      mappings:
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: "{/t}", principal: p,
           namespace: audit,
           allow: [{publish: ["*/*"], subscribe: ["*/*"], manage: ["*/*"], admin: ["*/*"]}]}
      """
    let scope = try TenancyPolicy.compile(try gateway(text), generation: 1)
      .scope(of: try TestIssuer().verified(["t": "jodrell"]), at: TestIssuer.now)
    for action in Action.allCases {
      let expected: TenancyRefusal? = action == .subscribe ? nil : .forbidden(action)
      #expect(refusal(scope, try reference("~/decisions"), for: action) == expected)
    }
    let fixed = text.replacing("tenant: \"{/t}\"", with: "tenant: jodrell")
    #expect(throws: SettingsFault.self) {
      try TenancyPolicy.compile(try gateway(fixed), generation: 1)
    }
  }

  // MARK: Tests of the file

  @Test func `the file's own tests know time, payloads and other tenants`() throws {
    let text = """
      issuers:
        - {id: test, iss: "https://issuer.example", audiences: [event-gateway], keys: {file: k}}
      tenants:
        acme: {}
        globex: {shares: [{with: acme, subscribe: ["*/*"]}]}
      mappings:
        - {id: m, issuer: test, when: {"/sub": {exists: true}}, tenant: acme, principal: "{/sub}",
           allow: [{publish: ["a/*"], where: {/t: {eq: "{tenant}"}}, until: "2026-06-01T00:00:00Z"},
           {subscribe: ["a/*"], of: globex}]}
      tests:
        - {name: own, issuer: test, claims: {sub: x}, at: "2026-05-01T00:00:00Z",
           request: {publish: a/b, payload: {t: acme}}, expect: {status: 201}}
        - {name: other, issuer: test, claims: {sub: x}, at: "2026-05-01T00:00:00Z",
           request: {publish: a/b, payload: {t: globex}},
           expect: {status: 403, code: tenant_mismatch}}
        - {name: late, issuer: test, claims: {sub: x}, at: "2026-06-01T00:00:00Z",
           request: {publish: a/b, payload: {t: acme}}, expect: {status: 403, code: forbidden}}
        - {name: shared, issuer: test, claims: {sub: x},
           request: {subscribe: a/b, tenant: globex}, expect: {status: 200}}
        - {name: not shared, issuer: test, claims: {sub: x},
           request: {subscribe: b/b, tenant: globex}, expect: {status: 404, code: not_found}}
      """
    let settings = try gateway(text)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    let tests = try PolicyTest.compile(settings)
    #expect(tests.count == 5)
    for test in tests {
      #expect(test.failure(on: policy, at: TestIssuer.now) == nil, "\(test.name)")
    }
  }

  // MARK: Limits

  @Test func `limits are read with their units`() throws {
    let text = """
      tenants:
        acme:
          limits: {publishRate: 20000/s, publishBytes: 50MiB/s, requests: 600/m, streams: 7,
            storage: 2GiB, burst: 500ms, perTopic: {publishRate: 10/s},
            perNamespace: {storage: 1kB, publishRate: 5/s, burst: 2s}}
        globex: {namespaceDefaults: {limits: {streams: 3, storage: 1MB}}}
      limits: {perAddress: {refusedTokens: 3/m}}
      """
    let policy = try TenancyPolicy.compile(try gateway(text), generation: 1)
    let limits = try #require(policy.tenant(try name("acme"))).limits
    #expect(limits.tenant.events?.count == 20_000 && limits.tenant.events?.burst == 10_000)
    #expect(limits.tenant.bytes?.count == 50 << 20 && limits.tenant.requests?.burst == 5)
    #expect(limits.tenant.streams == 7 && limits.storage == 2 << 30)
    #expect(limits.perTopic.events?.burst == 10 && limits.storagePerNamespace == 1_000)
    #expect(policy.addressLimits.refusedTokens.burst == 1)
    #expect(!limits.hasNoRates)
    #expect(limits.perNamespace.events?.burst == 10 && !limits.perNamespace.hasNoRates)
    let others = try #require(policy.tenant(try name("globex"))).limits
    #expect(others.perNamespace.streams == 3 && others.storagePerNamespace == 1_000_000)
    #expect(others.perNamespace.hasNoRates && others.hasNoRates && others.weight == 100)
  }
}
