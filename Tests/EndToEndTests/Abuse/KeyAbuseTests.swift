import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

extension EndToEnd.Abuse {
  private static let events = "/v1/topics/~/orders/events"

  /// 5: tokens with keys that nobody has cost their issuer one look.
  @Test func `a flood of unknown keys is one look at the issuer`() async throws {
    try await AbuseGround.run { ground in
      let before = ground.neighbour.requests.count
      let strangers = try (0..<40).map { try ground.token(header: ["kid": "stranger-\($0)"]) }
      // Half a minute later another look would be in order.
      try await ground.gateway.promptly {
        try await withThrowingTaskGroup(of: Int.self) { group in
          for token in strangers {
            group.addTask {
              try await ground.gateway.send("POST", Self.events, token: token, body: "{}").status
            }
          }
          for try await status in group { #expect(status == 401) }
        }
      }
      #expect(ground.neighbour.requests.count <= before + 1)
      let metrics = try await ground.gateway.observed("/metrics")
      let line = metrics.split(separator: "\n").first {
        $0.hasPrefix("jodrell_issuer_fetches_suppressed_total")
      }
      #expect(line?.hasSuffix(" 0") == false, "\(line ?? "")")
      #expect(
        try await ground.gateway.send("POST", Self.events, token: ground.token(), body: "{}").status
          == 201)
    }
  }

  /// 6, 7: a key set that cannot be trusted never takes the place of a good one; operators see why.
  @Test func `a bad key set changes nothing, and redirects lead nowhere`() async throws {
    let neighbour = try HTTPNeighbour()
    let trap = try HTTPNeighbour()
    defer { trap.stop() }
    let good = try TestIssuer.keySet([.rs256, .es256]).text
    neighbour.answer { _ in .init(good) }
    let one = good.dropFirst(#"{"keys":["#.utf8.count).dropLast(2)
    let kinds: [(String, HTTPNeighbour.Answer)] = [
      ("moved", .init("", status: 302, fields: ["Location": trap.url + "/latest/meta-data"])),
      ("long", .init(good + String(repeating: " ", count: 50 << 20))),
      (
        "many",
        .init(
          "{\"keys\":["
            + (0..<1000).map { "{\"kty\":\"EC\",\"kid\":\"\($0)\"}" }.joined(separator: ",") + "]}")
      ),
      ("twice", .init("{\"keys\":[\(one),\(one)]}")),
      ("private", .init(good.replacing("\"kty\":", with: "\"d\":\"AQAB\",\"kty\":"))),
      ("secret", .init("{\"keys\":[\(one),{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}]}")),
      ("broken", .init(String(good.dropLast(2)))), ("empty", .init("{\"keys\":[]}")),
    ]
    let issuers =
      kinds.map { name, _ in
        "- {id: \(name), iss: \"https://\(name).example\", audiences: [event-gateway], "
          + "keys: {url: \"\(neighbour.url)/\(name)\", addresses: [127.0.0.1]}}"
      } + [
        "- {id: private-address, iss: \"https://apart.example\", audiences: [event-gateway], "
          + "keys: {url: \"\(trap.url)/latest/meta-data\", lazy: true}}"
      ]
    let mappings = kinds.map { name, _ in
      "- {id: \(name), issuer: \(name), when: {\"/sub\": {exists: true}}, tenant: acme, "
        + "namespace: shop, principal: \"{/sub}\", allow: [{publish: [\"*/*\"]}]}"
    }
    try await AbuseGround.run(
      issuers: issuers.joined(separator: "\n  "), mappings: mappings.joined(separator: "\n  "),
      neighbour: neighbour
    ) { ground in
      let gateway = ground.gateway
      for (name, answer) in kinds {
        let issuer = TestIssuer(id: name, iss: "https://\(name).example")
        let token = try issuer.token(at: AbuseGround.now).text
        #expect(
          try await gateway.send("POST", Self.events, token: token, body: "{}").status == 201)
        neighbour.answer { request in request.path == "/\(name)" ? answer : .init(good) }
        // An unknown key is worth one look, which meets the bad set.
        let stranger = try issuer.token(header: ["kid": "new"], at: AbuseGround.now).text
        #expect(
          try await gateway.send("POST", Self.events, token: stranger, body: "{}").status == 401)
        let fresh = try issuer.token(["jti": "after"], at: AbuseGround.now).text
        #expect(
          try await gateway.send("POST", Self.events, token: fresh, body: "{}").status == 201,
          "\(name): the good set stays")
      }
      let told = try await gateway.observed("/readyz")
      let issuers = try JSONDocument(parsing: ByteSlice(utf8: told)).root["issuers"]?.elements
      for name in kinds.map(\.0) + ["private-address"] {
        let state = issuers?.first { $0["id"]?.text == name }
        #expect(state?["fault"]?.text?.isEmpty == false, "\(name): \(told)")
      }
      #expect(trap.requests.isEmpty, "somebody went where a redirect, or a private address, leads")
    }
  }

  /// 6: what no key set may come from is refused before anything is served.
  @Test(arguments: [
    "file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "gopher://127.0.0.1/",
    "http://keys.example/", "https://user:secret@keys.example/", "//keys.example/",
  ])
  func `a URL that keys may not come from is refused with its place`(_ url: String) async throws {
    let folder = try Workplace.directory("abuse")
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "jodrell.yaml")
    try Data(
      "issuers:\n  - {id: x, iss: \"https://x.example\", audiences: [a], keys: {url: \"\(url)\"}}\n"
        .utf8
    ).write(to: file)
    let checked = try await Workplace.run(Workplace.jodrell, ["check", "-c", file.path()])
    #expect(checked.code == 3)
    #expect(checked.errors.contains("jodrell.yaml:2:"), "\(checked.errors)")
  }

  /// 41: a policy that plays tricks with its language, or is broader than the language allows.
  @Test(arguments: [
    "tenants: &a {acme: {}}\nrevoked: *a", "tenants: {acme: {}, acme: {}}",
    "tenants: {acme: {}}\n---\ntenants: {globex: {}}", "tenants: !!map {acme: {}}",
    "tenants: {acme: {<<: {autoCreate: false}}}", "tenants: {\"*\": {}}",
    "tenants: {acme: {}}\nmappings: [{id: m, issuer: x, when: {}, tenant: acme, principal: p, "
      + "allow: [{admin: [\"*\"]}]}]",
    "tenants: {acme: {unknown: 1}}",
  ])
  func `a policy with tricks in it is refused with its place`(_ text: String) async throws {
    let folder = try Workplace.directory("abuse")
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "jodrell.yaml")
    try Data(text.utf8).write(to: file)
    let checked = try await Workplace.run(Workplace.jodrell, ["check", "-c", file.path()])
    #expect(checked.code == 3, "\(checked.output)")
    #expect(checked.errors.contains("jodrell.yaml:"), "\(checked.errors)")
  }
}
