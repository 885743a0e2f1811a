import Bytes
import Crypto
import Foundation
import HTTPWire
import LogConformance
import Metrics
import TestSupport
import Testing

@testable import Gateway

@Suite struct AuditTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  /// The entries as JSON objects.
  private func read(_ trail: AuditTrail) throws -> [[String: Any]] {
    try trail.drain().map { entry in
      let object = try JSONSerialization.jsonObject(with: Data("{\(entry.members.text)}".utf8))
      return object as? [String: Any] ?? [:]
    }
  }

  @Test("denials, changes and opened streams are recorded; of the rest one in so many")
  func entries() async throws {
    let trail = AuditTrail(sample: 3, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    for _ in 0..<4 { _ = try await gateway.send("POST", events, json, "{}") }
    #expect(try read(trail).map { $0["outcome"] as? String } == ["allow"])

    _ = try await gateway.send("POST", events, as: "rita", json, "{}")
    _ = try await gateway.send("POST", events, as: nil, json, "{}")
    _ = try await gateway.send("GET", "/v1/topics/globex/shop/orders/events")
    _ = try await gateway.send("POST", events, json, "{")
    let denied = try read(trail)
    #expect(denied.map { $0["status"] as? Int } == [403, 401, 404])
    #expect(denied[0]["principal"] as? String == "rita" && denied[0]["tenant"] as? String == "acme")
    #expect(
      denied[0]["object"] as? String == events && denied[0]["reason"] as? String == "forbidden")
    #expect(denied[0]["operation"] as? String == "publish" && denied[1]["principal"] == nil)

    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/new", json, "{}")
    _ = try await gateway.send("GET", events, ["Accept": "text/event-stream"], steps: 1)
    let allowed = try read(trail)
    #expect(allowed.map { $0["operation"] as? String } == ["administer", "read"])
    #expect(allowed.allSatisfy { $0["outcome"] as? String == "allow" })
  }

  @Test("who publishes over one connection is told, also when the loop has forgotten the token")
  func forgottenToken() async throws {
    let trail = AuditTrail(sample: 1, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        #"allow: [{publish: ["shop/orders"]}]"#,
        with: #"allow: [{publish: ["shop/orders"], where: {/tenantId: {eq: "{tenant}"}}}]"#),
      audit: trail)
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    let (good, bad) = (#"{"tenantId":"acme"}"#, #"{"tenantId":"globex"}"#)
    for _ in 0..<4 {
      #expect(try await gateway.send("POST", events, as: "paul", json, good).status == 201)
    }
    #expect(await gateway.remembersHead)
    let (misses, before) = (await gateway.cacheMisses, try read(trail))
    try await gateway.forgetTokens()
    #expect(try await gateway.send("POST", events, as: "paul", json, good).status == 201)
    #expect(try await gateway.send("POST", events, as: "paul", json, bad).status == 403)
    #expect(await gateway.cacheMisses == misses)
    let told = try read(trail)
    #expect(told.map { $0["outcome"] as? String } == ["allow", "deny"])
    for name in ["tenant", "principal", "issuer", "subject", "kid", "alg", "token"] {
      let known = try #require(before.last?[name] as? String, "\(name)")
      #expect(told.allSatisfy { $0[name] as? String == known }, "\(name)")
    }
  }

  @Test("what an operator looks at is recorded, with the name of the token that it was about")
  func looks() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    let token = try TestGateway.token("bob")
    let (explain, body) = ("/v1/explain", "{\"token\":\"\(token)\"}")
    #expect(try await gateway.send("POST", explain, as: "bob", json, "{}").status == 200)
    #expect(try await gateway.send("GET", "/v1/whoami", as: "bob").status == 200)
    #expect(try read(trail).isEmpty)
    #expect(try await gateway.send("POST", explain, as: "bob", json, body).status == 200)
    let operators = try await gateway.send(
      "POST", explain, as: nil, json, body, listener: .management)
    #expect(operators.status == 200)
    #expect(try await gateway.send("GET", "/metrics", as: "bob").status == 200)
    #expect(try await gateway.send("GET", "/metrics").status == 404)
    let told = try read(trail)
    #expect(told.map { $0["outcome"] as? String } == ["allow", "allow", "allow", "deny"])
    #expect(told.map { $0["operation"] as? String } == Array(repeating: "observe", count: 4))
    let name = String(Digest.sha256(ByteSlice(utf8: token)).hexadecimal.prefix(16))
    #expect(told.map { $0["about"] as? String } == [name, name, nil, nil])
    #expect(told[0]["principal"] as? String == "bob" && told[1]["principal"] == nil)
  }

  @Test("what is denied as if it were not there is recorded with its reason")
  func hidden() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    let bad = String(try TestGateway.token("bob").dropLast(8)) + "AAAAAAAA"
    let others = try TestGateway.token("rita")
    #expect(try await gateway.send("GET", "/metrics", as: nil).status == 404)
    #expect(try await gateway.send("GET", "/metrics", token: bad).status == 404)
    for shown in [bad, others] {
      let answer = try await gateway.send(
        "POST", "/v1/explain", as: "bob", json, #"{"token":"\#(shown)"}"#)
      #expect(answer.status == 404)
    }
    let told = try read(trail)
    #expect(told.map { $0["outcome"] as? String } == Array(repeating: "deny", count: 4))
    #expect(told.allSatisfy { $0["status"] as? Int == 404 })
    let reasons = told.map { $0["reason"] as? String }
    #expect(Array(reasons.prefix(3)) == ["missing_token", "signature", "signature"])
    #expect(told.map { $0["principal"] as? String } == [nil, nil, "bob", "bob"])
    let names = [bad, others].map { Digest.sha256(ByteSlice(utf8: $0)).hexadecimal.prefix(16) }
    #expect(told.map { $0["about"] as? String } == [nil, nil] + names.map { String($0) })
  }

  @Test("events of a batch that may not be published are recorded, in one entry")
  func batches() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "allow: [{publish: [\"shop/orders\"]}]}",
        with: "allow: [{publish: [\"shop/orders\"], where: {\"/t\": {eq: \"{tenant}\"}}}]}"),
      audit: trail)
    let (own, other) = (#"{"t":"acme"}"#, #"{"t":"globex"}"#)
    let lines = ["Content-Type": "application/x-ndjson"]
    let some = try await gateway.send(
      "POST", events, as: "paul", lines, "\(own)\n\(other)\n\(other)\n{\n")
    #expect(some.status == 207)
    let entry = try #require(try read(trail).first)
    #expect(entry["outcome"] as? String == "deny" && entry["status"] as? Int == 403)
    #expect(entry["denied"] as? [String: Int] == ["tenant_mismatch": 3])
    #expect(entry["principal"] as? String == "paul")
    let batch = ["Content-Type": "application/cloudevents-batch+json"]
    let cloud = #"{"specversion":"1.0","id":"1","type":"x","source":"s","data":"#
    for target in [events, "\(events)?atomic=true"] {
      _ = try await gateway.send(
        "POST", target, as: "paul", batch, "[\(cloud)\(own)},\(cloud)\(other)}]")
      #expect(
        try read(trail).map { $0["denied"] as? [String: Int] } == [["tenant_mismatch": 1]])
    }
    _ = try await gateway.send("POST", events, as: "paul", lines, "\(own)\n")
    #expect(try read(trail).isEmpty)
  }

  @Test("a token that its issuer has signed is told by name, whatever else is wrong with it")
  func signers() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    func refused(_ token: String) async throws -> [String: Any] {
      #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 401)
      return try #require(try read(trail).last)
    }
    let now = gateway.clock.wall
    let issuer = TestIssuer()
    for (claims, reason) in [
      (["exp": now.seconds - 3600], "expired"), (["aud": "others"], "aud"),
      (["nbf": now.seconds + 3600], "not_yet_valid"),
    ] as [([String: Any], String)] {
      let entry = try await refused(issuer.token(claims, algorithm: .rs256, at: now).text)
      #expect(entry["reason"] as? String == reason && entry["issuer"] as? String == "test")
      #expect(entry["subject"] as? String == "alice" && entry["alg"] as? String == "RS256")
      #expect(entry["kid"] as? String == TestIssuer.keyID(.rs256))
      #expect(entry["principal"] == nil && entry["tenant"] == nil)
    }
    let token = try TestGateway.token("rita")
    #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 200)
    gateway.clock.step(.seconds(2))
    let made = try await gateway.send(
      "POST", "/v1/revocations", as: nil, json, #"{"issuer":"test","sub":"rita"}"#,
      listener: .management)
    #expect(made.status == 201)
    let revocation = try #require(try read(trail).last?["revocation"] as? [String: Any])
    #expect(revocation["sub"] as? String == "rita" && revocation["before"] is String)
    let entry = try await refused(token)
    #expect(entry["reason"] as? String == "revoked" && entry["subject"] as? String == "rita")
    let forged = try await refused(String(token.dropLast(8)) + "AAAAAAAA")
    #expect(forged["reason"] as? String == "signature" && forged["subject"] == nil)
  }

  @Test("a revocation is taken back, which is recorded")
  func reinstated() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    func call(_ method: String, _ query: String = "", _ body: String = "") async throws
      -> TestGateway.Answer
    {
      try await gateway.send(
        method, "/v1/revocations\(query)", as: nil, body.isEmpty ? [:] : json, body,
        listener: .management)
    }
    let token = try TestGateway.token("rita")
    gateway.clock.step(.seconds(2))
    #expect(try await call("POST", "", #"{"issuer":"test","sub":"rita"}"#).status == 201)
    #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 401)
    for query in ["", "?issuer=test", "?issuer=test&sub=rita&jti=x", "?sub=rita"] {
      #expect(try await call("DELETE", query).status == 400, "\(query)")
    }
    #expect(try await call("DELETE", "?issuer=test&sub=bob").status == 404)
    #expect(try await gateway.send("DELETE", "/v1/revocations?issuer=test&sub=rita").status == 404)
    _ = try read(trail)
    let gone = try await call("DELETE", "?issuer=test&sub=rita")
    #expect(gone.status == 200 && gone.body.contains(#""sub":"rita""#))
    let entry = try #require(try read(trail).last)
    #expect(entry["method"] as? String == "DELETE" && entry["outcome"] as? String == "allow")
    #expect((entry["revocation"] as? [String: Any])?["sub"] as? String == "rita")
    #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 200)
    #expect(try await call("DELETE", "?issuer=test&sub=rita").status == 404)
    let list = try await call("GET")
    #expect(list.status == 200 && !list.body.contains("rita"))
  }

  @Test("streams that end with their grant are recorded, and policies with their version")
  func withdrawnStreams() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send(
      "GET", events, as: "rita", ["Accept": "text/event-stream"], steps: 99)
    try await gateway.untilStreams(1)
    let id = await gateway.lastID
    try gateway.take(TestGateway.settings.replacing("shop/orders", with: "shop/other"))
    _ = try await pending
    let entries = try read(trail)
    let ended = try #require(entries.first { $0["outcome"] as? String == "end" })
    #expect(ended["request"] as? String == id && ended["operation"] as? String == "stream")
    #expect(ended["object"] as? String == "acme/shop/orders")
    #expect(ended["principal"] as? String == "rita")
    #expect(ended["reason"] as? String == "grant_withdrawn" && ended["policy"] as? Int == 2)

    let version = Digest.sha256(ByteSlice(utf8: "x"))
    trail.policyTaken(version, from: 7, at: gateway.clock.wall)
    trail.policyRefused("j.yaml:1:1: wrong", at: gateway.clock.wall)
    let policies = try read(trail)
    #expect(policies.map { $0["outcome"] as? String } == ["taken", "refused"])
    #expect(policies[0]["version"] as? String == version.hexadecimal)
    #expect(policies[0]["policy"] as? Int == 7)
    #expect(policies[1]["reason"] as? String == "j.yaml:1:1: wrong")
  }

  @Test("a renewed stream that the policy ends is recorded once, with the token it ended with")
  func renewedStream() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    _ = try await gateway.send("POST", events, json, "{}")
    let first = try TestGateway.token("rita", lifetime: .seconds(100))
    async let pending = gateway.send(
      "GET", events, token: first, ["Accept": "text/event-stream"], steps: 99)
    try await gateway.untilStreams(1)
    let id = try #require(await gateway.lastID)
    let second = try TestGateway.token("rita", lifetime: .seconds(900))
    let renewed = try await gateway.send("POST", "/v1/streams/\(id)/token", token: second)
    #expect(renewed.status == 200)
    try await gateway.untilRenewed(1)
    let without = TestGateway.settings.replacing("shop/orders", with: "shop/other")
    for _ in 0..<3 { try gateway.take(without) }
    _ = try await pending
    try await gateway.untilStreams(0)
    // A turn later nothing is added.
    _ = try await gateway.send("GET", "/v1/whoami")
    let ends = try read(trail).filter { $0["outcome"] as? String == "end" }
    #expect(ends.count == 1 && ends[0]["request"] as? String == id)
    let digest = Digest.sha256(ByteSlice(utf8: second)).hexadecimal
    #expect(ends[0]["token"] as? String == String(digest.prefix(16)))
  }

  @Test("a schema that is put against its level of compatibility shows as such")
  func overrides() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    let path = "/v1/topics/globex/shop/orders/schema"
    for (query, status) in [
      ("?override=true", 201), ("?override=true&dryRun=true", 200), ("", 200),
      ("?override=true&token=abc", 400),
    ] {
      let answer = try await gateway.send("PUT", "\(path)\(query)", as: "bob", json, "true")
      #expect(answer.status == status, "\(query) \(answer.body)")
    }
    let entries = trail.drain().map(\.members.text)
    #expect(entries.map { $0.contains(#""override":true"#) } == [true, false])
    #expect(!entries.contains { $0.contains("abc") })
    #expect(await gateway.overrides == 1)
  }

  @Test("a page that calls the operators' listener is recorded")
  func pages() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    for path in ["/metrics", "/nowhere"] {
      let refused = try await gateway.send(
        "GET", path, as: nil, ["Origin": "https://pages.example"], listener: .management)
      #expect(refused.status == 403)
    }
    let entries = try read(trail)
    #expect(entries.map { $0["outcome"] as? String } == ["deny", "deny"])
    #expect(entries.map { $0["operation"] as? String } == ["observe", "unknown"])
    #expect(entries.allSatisfy { $0["status"] as? Int == 403 })
  }

  @Test("no token is recorded, whole or in part; bad ones have a name and a reason")
  func noTokens() async throws {
    let trail = AuditTrail(sample: 1, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(audit: trail)
    _ = try await gateway.send("POST", events, json, "{}")
    let token = try TestGateway.token("rita")
    _ = try await gateway.send("GET", events, token: token)
    let bad = String(token.dropLast(8)) + "AAAAAAAA"
    _ = try await gateway.send("GET", "\(events)?ticket=secret", as: nil)
    let entries = trail.drain().map(\.members.text)
    #expect(entries.count == 3)
    for entry in entries {
      for part in token.split(separator: ".") { #expect(!entry.contains(part.prefix(20))) }
      #expect(!entry.contains("secret"))
    }
    _ = try await gateway.send("GET", events, token: bad)
    let last = try #require(try read(trail).last)
    #expect(last["reason"] as? String == "signature" && (last["token"] as? String)?.count == 16)
  }

  @Test("a full queue drops and counts, and the next entry says so")
  func bounded() throws {
    let metrics = AuditMetrics()
    let trail = AuditTrail(sample: 0, metrics: metrics, wake: {})
    let entry = ByteSlice(utf8: "\"x\":\"\(String(repeating: "y", count: 1 << 13))\"")
    for _ in 0..<600 { trail.record(entry) }
    #expect(metrics.dropped.value > 0)
    let kept = trail.drain().count
    trail.record(entry)
    #expect(trail.drain().first?.missing == 600 - kept)
  }

  @Test("a head is signed by one key, over number, hash and time")
  func signedHeads() throws {
    for algorithm in [SignatureAlgorithm.edDSA, .es256, .rs256] {
      let key = try PrivateKey.generate(algorithm)
      let signer = try AuditSigner(key)
      var chain = AuditChain.start
      _ = chain.append(AuditTrail.Entry(members: ByteSlice(utf8: "\"n\":1"), missing: 0))
      let head = try signer.sign(chain, at: UnixTime(nanoseconds: 1_000_000_000))
      #expect(head.isSigned(by: try key.publicKey))
      #expect(!head.isSigned(by: try PrivateKey.generate(algorithm).publicKey))
      #expect(SignedHead(parsing: head.line) == head)
      #expect(head.sequence == 1 && head.hash == chain.head && head.key.count == 16)
      for (name, other) in [("\"seq\":1", "\"seq\":2"), ("1970", "1971"), (head.hash, "00")] {
        let forged = head.line.text.replacing(name, with: other)
        let read = try #require(SignedHead(parsing: ByteSlice(utf8: forged)))
        #expect(!read.isSigned(by: try key.publicKey), "\(name)")
      }
      let line = chain.append(head)
      #expect(AuditLine(line.prefix(line.count - 1))?.signed == head)
      var next = AuditChain.start
      let first = next.append(
        after: chain, isAtLeast: true, head, at: UnixTime(nanoseconds: 0))
      let after = try #require(AuditLine(first.prefix(first.count - 1))?.after)
      #expect(after.sequence == 2 && after.hash == chain.head && after.signed == head)
      #expect(after.isAtLeast)
    }
  }

  @Test("each line is bound to the one before it")
  func chain() throws {
    var chain = AuditChain.start
    let entries = (0..<5).map {
      AuditTrail.Entry(members: ByteSlice(utf8: "\"n\":\($0)"), missing: $0 == 2 ? 7 : 0)
    }
    let lines = entries.map { chain.append($0, isTorn: false) }
    var previous = AuditChain.start.head
    for (index, line) in lines.enumerated() {
      let read = try #require(AuditLine(line.prefix(line.count - 1)))
      #expect(read.isWhole && read.previous == previous && read.sequence == UInt64(index + 1))
      #expect(read.missing == (index == 2 ? 7 : 0))
      previous = read.hash
    }
    #expect(previous == chain.head)
    let altered = lines[3].text.replacing("\"n\":3", with: "\"n\":4")
    #expect(AuditLine(ByteSlice(utf8: String(altered.dropLast())))?.isWhole == false)
    #expect(AuditChain(behind: lines[4].prefix(lines[4].count - 1))?.head == chain.head)
    #expect(AuditChain(behind: ByteSlice(utf8: "{\"seq\":1}")) == nil)
    for missing in ["-1", "1e30", "\"7\""] {
      let crafted = lines[2].text.replacing("\"missing\":7", with: "\"missing\":\(missing)")
      #expect(AuditLine(ByteSlice(utf8: String(crafted.dropLast()))) == nil, "\(missing)")
    }
  }
}
