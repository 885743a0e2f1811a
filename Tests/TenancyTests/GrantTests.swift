import Bytes
import Tenancy
import TestSupport
import Testing

@Suite struct GrantTests {
  @Test(arguments: [
    "orders/created", "orders/*", "*/*", "*/created", "orders-*/v1.*", "./*", "./created", "./a*",
  ])
  func `a pattern is a namespace and a topic`(text: String) {
    #expect(GrantPattern(ByteSlice(utf8: text))?.text.text == text)
  }

  @Test(arguments: [
    "", "*", "orders", "/", "orders/", "/created", "a/b/c", "*a/b", "a/*b", "a/b*c", "a/**",
    "a/b**",
    "{/sub}/x", "~/x", "../x", "a/.", ".*/x", "acme:orders/x", "ä/x", "a/?", "a/[b]", " a/b",
  ])
  func `anything else is no pattern`(text: String) {
    #expect(GrantPattern(ByteSlice(utf8: text)) == nil)
  }

  @Test(arguments: [
    ("orders/created", "acme/orders/created", true),
    ("orders/created", "acme/orders/created2", false),
    ("orders/created", "acme/orders/Created", false),
    ("orders/created", "acme/orders2/created", false),
    ("orders/*", "acme/orders/anything", true),
    ("orders/*", "acme/orders2/anything", false),
    ("*/*", "acme/x/y", true),
    ("*/created", "acme/x/created", true),
    ("*/created", "acme/x/creates", false),
    ("ord*/*", "acme/orders/x", true),
    ("ord*/*", "acme/ord/x", true),
    ("ord*/*", "acme/or/x", false),
    ("orders/v1.*", "acme/orders/v1.a", true),
    ("orders/v1.*", "acme/orders/v1.", true),
    ("orders/v1.*", "acme/orders/v1x", false),
    ("./*", "acme/orders/x", true),
    ("./*", "~/x", true),
    ("./*", "acme/billing/x", false),
    ("./x", "~/x", true),
    ("./x", "~/y", false),
    ("billing/*", "~/x", false),
  ])
  func `a grant covers what its pattern says`(
    pattern: String, topic: String, isCovered: Bool
  ) throws {
    let scope = try scope(granting("allow: [{publish: [\"\(pattern)\"]}]"))
    let expected: TenancyRefusal? = isCovered ? nil : .forbidden(.publish)
    #expect(refusal(scope, try reference(topic), for: .publish) == expected)
  }

  @Test func `no action implies another`() throws {
    for granted in Action.allCases {
      let scope = try scope(granting("allow: [{\(granted.word): [\"*/*\"]}]"))
      for asked in Action.allCases {
        let expected: TenancyRefusal? = asked == granted ? nil : .forbidden(asked)
        #expect(refusal(scope, try reference("~/x"), for: asked) == expected)
      }
      #expect(scope.isOperator == (granted == .admin))
    }
  }

  @Test func `deny wins, whichever mapping it stands in`() throws {
    let text =
      granting("allow: [{publish: [\"*/*\"], subscribe: [\"*/*\"]}]") + """
          - {id: n, issuer: test, when: {"/sub": {exists: true}}, tenant: acme, principal: p,
             namespace: orders, deny: [{publish: ["orders/secret", "./cards*"]}]}

        """
    let scope = try scope(text)
    #expect(refusal(scope, try reference("~/secret"), for: .publish) == .forbidden(.publish))
    #expect(refusal(scope, try reference("~/cards.v1"), for: .publish) == .forbidden(.publish))
    #expect(refusal(scope, try reference("~/open"), for: .publish) == nil)
    #expect(refusal(scope, try reference("~/secret"), for: .subscribe) == nil)
    #expect(refusal(scope, try reference("acme/billing/secret"), for: .publish) == nil)
    #expect(scope.foreseen.denials.map(\.patternText.text) == ["orders/secret", "orders/cards*"])
  }

  @Test func `a denial of admin makes no operator`() throws {
    let scope = try scope(granting("allow: [{admin: [\"*/*\"]}], deny: [{admin: [\"*/*\"]}]"))
    #expect(!scope.isOperator)
  }

  @Test func `the first action held is the one an address carries`() throws {
    let scope = try scope(granting("allow: [{subscribe: [\"*/*\"]}]"))
    let topic = try reference("~/x")
    let address = try scope.address(of: topic, forAnyOf: [.publish, .subscribe, .manage])
    #expect(address.action == .subscribe)
    #expect(throws: TenancyRefusal.forbidden(.publish)) {
      try scope.address(of: topic, forAnyOf: [.publish, .manage])
    }
  }

  @Test(arguments: [
    ("manage: [\"orders/*\"]", "", true), ("manage: [\"*/*\"]", "", true),
    ("manage: [\"./*\"]", "", true), ("manage: [\"ord*/*\"]", "", true),
    ("manage: [\"orders/x\"]", "", false), ("manage: [\"orders/x*\"]", "", false),
    ("manage: [\"billing/*\"]", "", false), ("publish: [\"*/*\"]", "", false),
    ("manage: [\"*/*\"]", "deny: [{manage: [\"orders/x\"]}]", false),
    ("manage: [\"*/*\"]", "deny: [{manage: [\"billing/*\"]}]", true),
  ])
  func `a namespace is governed by those who manage all of it`(
    allow: String, deny: String, isAllowed: Bool
  ) throws {
    let scope = try scope(granting("allow: [{\(allow)}], \(deny)"))
    do throws(TenancyRefusal) {
      let address = try scope.namespace(of: .own, for: .manage)
      #expect(isAllowed)
      #expect(address.action == .manage)
    } catch {
      #expect(!isAllowed)
      #expect(error == .forbidden(.manage))
    }
  }

  @Test func `a namespace is listed by those who see some of it, and only that`() throws {
    let scope = try scope(
      granting(
        "allow: [{subscribe: [\"orders/*\"], publish: [\"orders/x\"]}], "
          + "deny: [{subscribe: [\"orders/secret\", \"orders/x\"]}]"))
    let listing = try scope.namespace(of: .own, forAnyOf: [.subscribe, .publish])
    #expect(listing.shows(try name("open")))
    #expect(listing.shows(try name("x")), "publish is enough")
    #expect(!listing.shows(try name("secret")))
    let elsewhere = NamespaceReference(tenant: try name("acme"), namespace: try name("billing"))
    #expect(throws: TenancyRefusal.forbidden(.subscribe)) {
      try scope.namespace(of: elsewhere, for: .subscribe)
    }
    let foreign = NamespaceReference(tenant: try name("globex"), namespace: try name("orders"))
    #expect(throws: TenancyRefusal.notFound) { try scope.namespace(of: foreign, for: .subscribe) }
  }

  @Test func `leave to manage a topic is none to govern its namespace`() throws {
    let scope = try scope(granting("allow: [{manage: [\"orders/x\"]}]"))
    let topic = try scope.address(of: try reference("~/x"), for: .manage)
    #expect(topic.inNamespace.action != .manage)
    #expect(topic.inNamespace.namespace == topic.namespace)
  }
}
