import Bytes
import Crypto
import Foundation
import HTTPWire
import LogConformance
import Metrics
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
    let entry = ByteSlice(utf8: "\"x\":\"\(String(repeating: "y", count: 1 << 20))\"")
    for _ in 0..<6 { trail.record(entry) }
    #expect(metrics.dropped.value > 0)
    let kept = trail.drain().count
    trail.record(entry)
    #expect(trail.drain().first?.missing == 6 - kept)
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
