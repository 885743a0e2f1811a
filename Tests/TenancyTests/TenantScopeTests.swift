import Authentication
import Bytes
import Foundation
import Tenancy
import TestSupport
import Testing

@Suite struct TenantScopeTests {
  @Test func `a scope says who, where, why and until when`() throws {
    let text = """
        - {id: writers, issuer: test, when: {"/azp": {eq: shop}}, tenant: acme,
           namespace: "{/ns}", principal: "kc:{/azp}", service: "{/azp}",
           source: "urn:acme:{/azp}/{/n}", allow: [{publish: ["./*"]}]}
        - {id: readers, issuer: test, when: {"/azp": {eq: shop}}, tenant: acme,
           principal: "other", service: other, allow: [{subscribe: ["billing/*"]}]}

      """
    let scope = try scope(text, ["azp": "shop", "ns": "depot", "n": 42])
    #expect(scope.tenant == (try name("acme")))
    #expect(scope.namespace == (try name("depot")))
    #expect(scope.principal.text == "kc:shop")
    #expect(scope.service?.text == "shop")
    #expect(scope.source?.text == "urn:acme:shop/42")
    #expect(scope.issuer.text == "test")
    #expect(scope.expires == TestIssuer.now + .seconds(3600))
    #expect(scope.generation == 7)
    #expect(scope.foreseen.grants.map(\.grant.rule.text) == ["writers", "readers"])
    #expect(scope.foreseen.grants.map(\.pattern.text) == ["depot/*", "billing/*"])
    let address = try scope.address(of: try reference("~/created"), for: .publish)
    #expect(address.description == "acme/depot/created")
    #expect(address.action == .publish)
    #expect(address.caller.principal.text == "kc:shop")
    #expect(address.detached == address)
    #expect(refusal(scope, try reference("acme/billing/x"), for: .subscribe) == nil)
  }

  @Test func `nothing matches: no tenant`() throws {
    #expect(try refusal(granting("allow: [{publish: [\"*/*\"]}]"), ["sub": "bob"]) == .noTenant)
    #expect(try refusal("    []\n") == .noTenant)
  }

  @Test func `a mapping of another issuer's tokens does not match`() throws {
    let settings = try gateway(
      """
      issuers: [{id: test}, {id: other}]
      tenants: {acme: }
      mappings: [{id: m, issuer: other, when: {"/sub": {exists: true}}, tenant: acme,
                  principal: p, allow: [{publish: ["*/*"]}]}]
      """)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    let token = try TestIssuer().verified()
    #expect(throws: TenancyRefusal.noTenant) { try policy.scope(of: token, at: TestIssuer.now) }
  }

  @Test func `several tenants: the request selects, or it is ambiguous`() throws {
    let text = """
        - {id: a, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: a,
           allow: [{publish: ["*/*"]}]}
        - {id: g, issuer: test, when: {"/sub": {eq: alice}}, tenant: globex, principal: g,
           allow: [{subscribe: ["*/*"]}], deny: [{publish: ["*/*"]}]}

      """
    #expect(try refusal(text) == .ambiguousTenant)
    #expect(try refusal(text, selecting: try name("initech")) == .notFound)
    #expect(try refusal(text, selecting: try name("007")) == .notFound)
    let acme = try scope(text, selecting: try name("acme"))
    #expect(acme.principal.text == "a")
    #expect(acme.foreseen.grants.map(\.grant.rule.text) == ["a"])
    #expect(refusal(acme, try reference("acme/x/y"), for: .publish) == nil)
    let globex = try scope(text, selecting: try name("globex"))
    #expect(globex.principal.text == "g")
    #expect(
      refusal(globex, try reference("globex/x/y"), for: .publish) == .forbidden(.publish))
    #expect(refusal(globex, try reference("acme/x/y"), for: .publish) == .notFound)
  }

  private static let chosen = """
        - {id: a, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, select: header,
           namespace: x, principal: a, allow: [{publish: ["*/*"]}]}
        - {id: g, issuer: test, when: {"/sub": {eq: alice}}, tenant: globex, principal: g,
           allow: [{subscribe: ["*/*"]}]}

    """

  @Test func `the field chooses among tenants that may be chosen by it, and never adds one`() throws
  {
    func tenant(_ selection: TenantSelection, _ mappings: String) throws -> String? {
      let policy = try policy(mappings)
      let token = try TestIssuer().verified()
      do throws(TenancyRefusal) {
        return try policy.scope(of: token, selecting: selection, at: TestIssuer.now).tenant.text
      } catch {
        #expect(error == .notFound)
        return nil
      }
    }
    #expect(try tenant(.header(name("acme")), Self.chosen) == "acme")
    #expect(try tenant(.header(name("globex")), Self.chosen) == nil)
    #expect(try tenant(.header(name("initech")), Self.chosen) == nil)
    // Of one tenant: the field may name it and nothing else.
    let one = granting("allow: [{publish: [\"*/*\"]}]")
    #expect(try tenant(.header(name("acme")), one) == "acme")
    #expect(try tenant(.header(name("globex")), one) == nil)
  }

  @Test(
    arguments: [
      (#"org_9Zx"# as any Sendable, "acme"), (42, "globex"), ("42", "globex"), ("org_9zx", nil),
      ("acme", nil), ("", nil), (true, nil), (["org_9Zx"], nil), (1.5, nil),
    ] as [(any Sendable, String?)])
  func `a table of tenants is closed`(value: any Sendable, expected: String?) throws {
    let text = """
        - {id: a, issuer: test, when: {"/sub": {eq: alice}}, principal: a,
           tenantMap: {claim: /org, values: {org_9Zx: acme, "42": globex}},
           allow: [{publish: ["*/*"]}]}

      """
    guard let expected else {
      #expect(try refusal(text, ["org": value]) == .noTenant)
      return
    }
    #expect(try scope(text, ["org": value]).tenant.text == expected)
  }

  @Test func `a selection has no say over a caller of one tenant`() throws {
    let scope = try scope(
      granting("allow: [{publish: [\"*/*\"]}]"), selecting: try name("globex"))
    #expect(scope.tenant == (try name("acme")))
    #expect(refusal(scope, try reference("globex/x/y"), for: .publish) == .notFound)
  }

  @Test(arguments: Action.allCases)
  func `another tenant answers as an absent one, my own by its grants`(action: Action) throws {
    let scope = try scope(granting("allow: [{publish: [\"orders/x\"]}]"))
    for tenant in ["globex", "nobody", "ACME", "acme2", "acm"] {
      #expect(refusal(scope, try reference("\(tenant)/orders/x"), for: action) == .notFound)
    }
    let own = refusal(scope, try reference("acme/orders/x"), for: action)
    #expect(own == (action == .publish ? nil : .forbidden(action)))
    #expect(refusal(scope, try reference("acme/no/y"), for: action) == .forbidden(action))
  }

  @Test func `a tilde without a mapped namespace is refused`() throws {
    let scope = try scope(
      """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: p,
           allow: [{publish: ["*/*"]}]}

      """)
    #expect(scope.namespace == nil)
    #expect(refusal(scope, try reference("~/x"), for: .publish) == .noNamespace)
    #expect(refusal(scope, try reference("acme/o/x"), for: .publish) == nil)
  }

  @Test func `each mapping's dot is its own namespace`() throws {
    let text = """
        - {id: a, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: p,
           namespace: one, allow: [{publish: ["./*"]}]}
        - {id: b, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: p,
           namespace: two, allow: [{subscribe: ["./*"]}]}

      """
    let scope = try scope(text)
    #expect(scope.namespace == (try name("one")))
    #expect(refusal(scope, try reference("~/x"), for: .publish) == nil)
    #expect(refusal(scope, try reference("~/x"), for: .subscribe) == .forbidden(.subscribe))
    #expect(refusal(scope, try reference("acme/two/x"), for: .subscribe) == nil)
    #expect(refusal(scope, try reference("acme/two/x"), for: .publish) == .forbidden(.publish))
  }

  @Test(arguments: [
    ("tenant: \"{/t}\", principal: p", "t", ["acme": true, "globex": true, "007": true]),
    ("tenant: acme, principal: p, namespace: \"{/t}\"", "t", ["orders": true, "a.b": true]),
  ])
  func `a name from a claim is taken byte by byte`(
    fields: String, claim: String, values: [String: Bool]
  ) throws {
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, \(fields), allow: [{publish: ["*/*"]}]}

      """
    for value in values.keys { #expect(try refusal(text, [claim: value]) == nil) }
    let hostile: [Any] = [
      "*", "", "a*", "./*", "../acme", "acme ", " acme", "acme\u{0}", "{/sub}", "%61cme",
      "\u{61}\u{301}cme", "acme/orders", String(repeating: "a", count: 129), true, 1.5, NSNull(),
      ["acme"], ["a": "acme"],
    ]
    for value in hostile { #expect(try refusal(text, [claim: value]) == .noTenant) }
    #expect(try refusal(text) == .noTenant, "an absent claim")
  }

  @Test(arguments: ["acme2", "ACME", "public"])
  func `a tenant that is not declared is none`(value: String) throws {
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: "{/t}", principal: p,
           allow: [{publish: ["*/*"]}]}

      """
    #expect(try refusal(text, ["t": value]) == .noTenant)
    let outcomes = try policy(text).outcomes(
      issuer: ByteSlice(utf8: "test"), claims: try TestIssuer().verified(["t": value]).claims,
      at: TestIssuer.now)
    guard case .undeclaredTenant = try #require(outcomes.first).outcome else {
      Issue.record("not explained as undeclared")
      return
    }
  }

  @Test(arguments: ["principal", "service", "source"])
  func `a template without its claim, or with an unprintable one, does not match`(
    field: String
  ) throws {
    let principal = field == "principal" ? "" : "principal: p,"
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, \(principal)
           \(field): "x:{/a}", allow: [{publish: ["*/*"]}]}

      """
    #expect(try refusal(text, ["a": "ok *{}/ü"]) == nil)
    let hostile: [Any] = [
      "", "a\nb", "a\u{0}", "\u{7F}", "\u{85}", String(repeating: "a", count: 1023), ["a"], false,
    ]
    for value in hostile { #expect(try refusal(text, ["a": value]) == .noTenant) }
    #expect(try refusal(text) == .noTenant)
  }

  @Test func `a claim never becomes a pattern`() throws {
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: "{/azp}",
           namespace: "{/ns}", allow: [{publish: ["./*"]}]}

      """
    let scope = try scope(text, ["azp": "*/*", "ns": "orders"])
    #expect(scope.principal.text == "*/*")
    #expect(refusal(scope, try reference("acme/other/x"), for: .publish) == .forbidden(.publish))
  }

  @Test func `a tenant's policy travels with the scope`() throws {
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: "{/t}", principal: p,
           allow: [{publish: ["*/*"]}]}

      """
    let plain = try scope(text, ["t": "acme"]).policy
    #expect(!plain.requireSchema && plain.defaults.autoCreate && !plain.defaults.requireSchema)
    #expect(plain.defaults.compatibility == .backwardTransitive)
    let strict = try scope(text, ["t": "globex"]).policy
    #expect(strict.requireSchema && !strict.defaults.autoCreate)
  }
}

@Suite struct TopicAddressTests {
  @Test func `addresses of two tenants are never equal, those of one by their names`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = Steps(state: seed)
    let text = """
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: "{/t}", principal: p,
           allow: [{publish: ["*/*"], subscribe: ["*/*"]}]}

      """
    let tenants = ["acme", "globex", "007"]
    let scopes = try tenants.map { try scope(text, ["t": $0]) }
    var addresses: [(address: TopicAddress, tenant: String, spelled: String)] = []
    for _ in 0..<150 {
      let index = Int(random.next() % 3)
      let names = [random.name(), random.name()]
      let reference = TopicReference(
        tenant: try name(tenants[index]), namespace: try name(names[0]), topic: try name(names[1]))
      let address = try scopes[index].address(
        of: reference, for: random.next() % 2 == 0 ? .publish : .subscribe)
      addresses.append((address, tenants[index], names.joined(separator: "/")))
    }
    for left in addresses {
      for right in addresses {
        let isSame = left.tenant == right.tenant && left.spelled == right.spelled
        #expect((left.address == right.address) == isSame, "seed \(seed)")
        if isSame { #expect(left.address.hashValue == right.address.hashValue) }
      }
      for (scope, tenant) in zip(scopes, tenants) where tenant != left.tenant {
        let foreign = TopicReference(
          tenant: left.address.tenant, namespace: left.address.namespace,
          topic: left.address.topic)
        #expect(refusal(scope, foreign, for: .publish) == .notFound, "seed \(seed)")
      }
    }
  }
}

/// SplitMix64, and names short enough to meet often.
private struct Steps: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func name() -> String {
    let letters = ["a", "b", "0"]
    return (0...(next() % 2)).map { _ in letters[Int(next() % 3)] }.joined()
  }
}
