import Bytes
import Foundation
import HTTPWire
import Tenancy
import Testing

@testable import Gateway

@Suite("What one tenant's callers learn of another's")
struct TenantBoundaryTests {
  /// Carol acts for two tenants that are not acme; dora for acme and one more.
  private let settings =
    TestGateway.settings.replacingOccurrences(
      of: "globex: {}}", with: "globex: {}, secretco: {}}")
      + """

        - {id: carol-globex, issuer: test, when: {"/sub": {eq: carol}}, tenant: globex,
           namespace: shop, principal: "g-{/sub}", allow: [{subscribe: ["shop/orders"]}]}
        - {id: carol-hidden, issuer: test, when: {"/sub": {eq: carol}}, tenant: secretco,
           namespace: hidden, principal: "s-{/sub}", allow: [{publish: ["hidden/*"]}]}
        - {id: dora-acme, issuer: test, when: {"/sub": {eq: dora}}, tenant: acme,
           namespace: shop, principal: "{/sub}", allow: [{subscribe: ["shop/orders"]}]}
        - {id: dora-globex, issuer: test, when: {"/sub": {eq: dora}}, tenant: globex,
           namespace: shop, principal: "{/sub}", allow: [{subscribe: ["shop/orders"]}]}
      """

  private func ask(
    _ gateway: TestGateway, _ question: String, of subject: String = "carol",
    as caller: String? = "bob", _ fields: [String: String] = [:], listener: ListenerKind = .open
  ) async throws -> TestGateway.Answer {
    let token = try TestGateway.token(subject)
    return try await gateway.send(
      "POST", "/v1/explain", as: caller, fields, #"{"token":"\#(token)"\#(question)}"#,
      listener: listener)
  }

  @Test("an operator learns what a token is in the operator's tenant, and in no other")
  func explanation() async throws {
    let gateway = try TestGateway(settings: settings)
    let hidden = #","publish":"secretco/hidden/x""#
    for question in [hidden, #","subscribe":"acme/shop/orders""#, #","publish":"nobody/a/b""#] {
      let answer = try await ask(gateway, question)
      #expect(answer.status == 404 && answer.code == "not_found")
      #expect(!answer.body.contains("carol") && !answer.body.contains("hidden"))
    }
    #expect(try await ask(gateway, "", ["Jodrell-Tenant": "secretco"]).status == 404)
    for question in [
      "", #","subscribe":"globex/shop/orders""#, #","subscribe":"~/orders""#,
    ] {
      let answer = try await ask(gateway, question)
      let told = try answer.json
      #expect(answer.status == 200 && told["status"] as? Int == 200, "\(question)")
      #expect(told["tenant"] as? String == "globex" && told["principal"] as? String == "g-carol")
      let rules = try #require(told["mappings"] as? [[String: Any]]).map { $0["rule"] as? String }
      #expect(rules == ["globex-all", "carol-globex", "dora-globex"])
      #expect(!answer.body.contains("secretco") && !answer.body.contains("hidden"))
      if let request = told["request"] as? [String: Any] {
        #expect(request["allowed"] as? Bool == true && request["rule"] as? String == "carol-globex")
      }
    }
    // Its owner, and who runs the gateway, are told.
    let own = try await gateway.send(
      "POST", "/v1/explain", as: "carol", [:], #"{"publish":"secretco/hidden/x"}"#)
    #expect(own.body.contains("s-carol"))
    let all = try await ask(gateway, hidden, as: nil, listener: .management)
    #expect(all.status == 200 && all.body.contains("s-carol") && all.body.contains("carol-globex"))
  }

  @Test("to renew a stream tells nobody but its caller that it is there")
  func renewal() async throws {
    let gateway = try TestGateway(settings: settings)
    let events = "/v1/topics/acme/shop/orders/events"
    _ = try await gateway.send("POST", events, ["Content-Type": "application/json"], "{}")
    let nowhere = try #require(await gateway.lastID)
    let dora = try TestGateway.token("dora")
    async let pending = gateway.send(
      "GET", events, token: dora, ["Accept": "text/event-stream"], steps: 99, until: #""n":1"#)
    try await gateway.untilStreams(1)
    let there = try #require(await gateway.lastID)
    func renew(_ id: String, _ subject: String, _ tenant: String?) async throws
      -> TestGateway.Answer
    {
      try await gateway.send(
        "POST", "/v1/streams/\(id)/token", as: subject,
        tenant.map { ["Jodrell-Tenant": $0] } ?? [:])
    }
    for subject in ["bob", "carol", "rita", "dora"] {
      for tenant in [nil, "nobody", "acme", "globex"] where subject != "dora" || tenant != nil {
        let answers = [
          try await renew(there, subject, tenant), try await renew(nowhere, subject, tenant),
        ]
        for answer in answers {
          #expect(answer.status == 404 && answer.code == "not_found", "\(subject) \(tenant ?? "")")
        }
        let details = try answers.map { try $0.json["detail"] as? String }
        #expect(details[0] == details[1])
      }
    }
    #expect(try await renew(nowhere, "dora", nil).status == 404)
    #expect(try await renew(there, "dora", nil).status == 200)
    _ = try await gateway.send("POST", events, ["Content-Type": "application/json"], #"{"n":1}"#)
    #expect(try await pending.status == 200)
  }
}
