import Bytes
import Settings
import Tenancy
import TestSupport
import Testing

/// Which classes of data grants, offers and tests name.
@Suite struct ClassTests {
  private func label(_ text: String) throws -> ClassLabel {
    try #require(ClassLabel(ByteSlice(utf8: text)))
  }

  @Test("a class is within those that its segments begin with")
  func within() throws {
    #expect(try label("pii.contact").isWithin(label("pii")))
    #expect(try label("pii.contact").isWithin(label("pii.contact")))
    #expect(try !label("pii.contact").isWithin(label("pii.con")))
    #expect(try !label("pii").isWithin(label("pii.contact")))
    let long = String(repeating: "a", count: 129)
    for text in ["", ".", "a.", ".a", "a..b", "a b", "é", "*", long] {
      #expect(ClassLabel(ByteSlice(utf8: text)) == nil, "\(text)")
    }
  }

  @Test("all grants that cover a topic add up, and `*` is every class")
  func adding() throws {
    let scope = try scope(
      granting(
        """
        allow: [{subscribe: ["./*"], classes: [pii.contact, pii.contact.mail, a]},
                {subscribe: ["./orders"], classes: [b]}, {subscribe: ["./all"], classes: ["*"]},
                {subscribe: ["./*"]}]
        """))
    func classes(_ path: String) throws -> [String] {
      try scope.address(of: reference(path), for: .subscribe).classes.texts.map(\.text)
    }
    #expect(try classes("~/other") == ["a", "pii.contact"])
    #expect(try classes("~/orders") == ["a", "b", "pii.contact"])
    #expect(try classes("~/all") == ["*"])
    let address = try scope.address(of: reference("~/other"), for: .subscribe)
    #expect(try address.classes.covers(label("pii.contact.mail.work")))
    #expect(try !address.classes.covers(label("pii")))
    #expect(!address.classes.covers(.unreadable))
    #expect(ClassSet.all.covers(.unreadable))
  }

  @Test("another tenant's data shows what its owner offers and the grant names")
  func shared() throws {
    let settings = try gateway(
      """
      issuers: [{id: test, iss: "https://issuer.example", audiences: [event-gateway],
                keys: {file: k}}]
      tenants:
        acme: {}
        globex: {shares: [{with: acme, subscribe: ["shop/*"], classes: [pii.contact, finance]},
                          {with: acme, subscribe: ["bare/*"]}]}
      mappings:
        - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: a,
           allow: [{subscribe: ["shop/*", "bare/*"], of: globex, classes: [pii, finance.bank]}]}
      """)
    let scope = try TenancyPolicy.compile(settings, generation: 1)
      .scope(of: TestIssuer().verified(), at: TestIssuer.now)
    let shop = try scope.address(of: reference("globex/shop/orders"), for: .subscribe)
    #expect(shop.classes.texts.map(\.text) == ["finance.bank", "pii.contact"])
    let bare = try scope.address(of: reference("globex/bare/orders"), for: .subscribe)
    #expect(bare.classes == .none)
  }

  @Test(
    "classes are of an allowed subscribe alone",
    arguments: [
      #"allow: [{publish: ["*/*"], classes: [pii]}]"#,
      #"allow: [{publish: ["*/*"], subscribe: ["*/*"], classes: [pii]}]"#,
      #"allow: [{subscribe: ["*/*"], classes: []}]"#,
      #"allow: [{subscribe: ["*/*"], classes: ["pii.*"]}]"#,
      #"allow: [{subscribe: ["*/*"], classes: pii}]"#,
      #"allow: [{subscribe: ["*/*"], fields: {pii: false}}]"#,
      #"allow: [{subscribe: ["*/*"]}], deny: [{subscribe: ["a/b"], classes: [pii]}]"#,
    ])
  func misplaced(_ grants: String) {
    #expect(throws: SettingsFault.self) { try policy(granting(grants)) }
  }

  @Test("embedded tests may expect them")
  func tests() throws {
    func failure(_ expected: String) throws -> String? {
      let text =
        declarations + "mappings:\n"
        + granting(#"allow: [{subscribe: ["./*"], classes: [pii.contact]}]"#)
          + """
          tests:
            - {name: t, issuer: test, claims: {sub: alice}, request: {subscribe: ~/orders},
               expect: {status: 200, classes: \(expected)}}

          """.replacing("~/orders", with: "\"~/orders\"")
      let settings = try gateway(text)
      let policy = try TenancyPolicy.compile(settings, generation: 1)
      return try PolicyTest.compile(settings)[0].failure(on: policy, at: TestIssuer.now)
    }
    #expect(try failure("[pii.contact]") == nil)
    #expect(try failure("[]") == "expected classes [], got [pii.contact]")
    #expect(try failure("[pii]")?.contains("[pii]") == true)
  }
}
