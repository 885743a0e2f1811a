import Authentication
import Bytes
import Crypto
import LogConformance
import TestSupport
import Testing

@testable import Gateway

/// Publishes that take no task, and what a loop remembers for them.
@Suite struct PublishAtOnceTests {
  private let path = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  /// A gateway whose loop has learnt where somebody publishes.
  private func gateway(_ subject: String = "alice") async throws -> TestGateway {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    for _ in 0..<4 {
      #expect(try await gateway.send("POST", path, as: subject, json, "{}").status == 201)
    }
    #expect(await gateway.answeredAtOnce >= 3)
    #expect(await gateway.remembersHead)
    return gateway
  }

  @Test func `who comes again is answered without a task, and as before`() async throws {
    let gateway = try await gateway()
    let answer = try await gateway.send("POST", path, json, "{}")
    #expect(answer.fields["location"] == "/v1/topics/acme/shop/orders/events/1:4")
    #expect(try answer.json["messageId"] as? String == "1:4")
    let known = await gateway.answeredAtOnce
    let home = "/v1/topics/~/orders/events"
    for _ in 0..<3 { #expect(try await gateway.send("POST", home, json, "{}").status == 201) }
    // Of `~` this loop learns with the first.
    #expect(await gateway.answeredAtOnce == known + 2)
  }

  @Test func `each event says who has published it, and by which request`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    var names: [String?] = []
    for _ in 0..<5 {
      names.append(try await gateway.send("POST", path, json, "{}").fields["request-id"])
    }
    let read = try await gateway.send("GET", "\(path)?from=earliest")
    let events = try #require(try read.json["events"] as? [[String: Any]])
    #expect(events.map { $0["requestid"] as? String } == names)
    #expect(Set(names).count == 5)
    for event in events {
      #expect(event["authtype"] as? String == "service_account")
      #expect(event["authid"] as? String == "alice")
      #expect(event["service"] as? String == "till")
      #expect(event["authissuer"] as? String == events[0]["authissuer"] as? String)
    }
  }

  @Test func `what varies between heads that say the same is each event's own`() async throws {
    let gateway = try await gateway()
    let traces = (0..<4).map { "00-0af7651916cd43dd8448eb211c8031\($0)c-b7ad6b7169203331-01" }
    for (number, trace) in traces.enumerated() {
      let fields = json.merging(["traceparent": trace, "Event-Key": "k"]) { $1 }
      let body = "[\(String(repeating: "7,", count: 40 * number))7]"
      #expect(try await gateway.send("POST", path, fields, body).status == 201)
    }
    #expect(await gateway.remembersHead)
    let read = try await gateway.send("GET", "\(path)?from=1:3")
    let events = try #require(try read.json["events"] as? [[String: Any]])
    #expect(events.map { $0["traceparent"] as? String } == traces)
    #expect(events.map { ($0["data"] as? [Any])?.count } == [1, 41, 81, 121])
    #expect(events.allSatisfy { $0["partitionkey"] as? String == "k" })
    #expect(Set(events.map { $0["requestid"] as? String }).count == 4)
    #expect(events.allSatisfy { $0["authid"] as? String == "alice" })
  }

  @Test func `callers who take turns on a connection are not taken for each other`() async throws {
    let gateway = try TestGateway()
    let topics = ["/v1/topics/acme/shop/orders", "/v1/topics/~/mails"]
    for topic in topics { _ = try await gateway.send("PUT", topic) }
    let fields = json.merging(["Event-Key": "k"]) { $1 }
    for round in 0..<4 {
      for (subject, topic) in [("alice", topics[0]), ("paul", topics[0]), ("alice", topics[1])] {
        let answer = try await gateway.send("POST", topic + "/events", as: subject, fields, "{}")
        #expect(answer.status == 201, "\(subject) \(topic) \(round)")
      }
    }
    #expect(await gateway.remembersFields)
    #expect(await !gateway.remembersHead)
    let read = try await gateway.send("GET", "\(path)?from=earliest")
    let events = try #require(try read.json["events"] as? [[String: Any]])
    #expect(events.map { $0["authid"] as? String } == (0..<8).map { ["alice", "paul"][$0 % 2] })
    #expect(Set(events.map { $0["requestid"] as? String }).count == 8)
    let other = try await gateway.send("GET", "\(topics[1])/events?from=earliest")
    #expect((try other.json["events"] as? [Any])?.count == 4)
  }

  @Test func `a caller among others is refused as soon as a caller alone`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    func publish() async throws -> [Int] {
      var statuses: [Int] = []
      for subject in ["alice", "paul"] {
        statuses.append(try await gateway.send("POST", path, as: subject, json, "{}").status)
      }
      return statuses
    }
    for _ in 0..<4 { #expect(try await publish() == [201, 201]) }
    let (known, fields) = (await gateway.answeredAtOnce, await gateway.remembersFields)
    #expect(known >= 6 && fields)
    let revocation = Revocation(
      issuer: ByteSlice(utf8: "test"),
      target: .subject(ByteSlice(utf8: "alice"), before: .distantFuture), expires: nil)
    #expect(
      gateway.access.current.verifier.revocations.add([revocation], at: gateway.clock.wall))
    for _ in 0..<2 { #expect(try await publish() == [401, 201]) }
    let (granted, less) = (#"[{publish: ["shop/orders"]}]"#, #"[{subscribe: ["shop/orders"]}]"#)
    try gateway.take(TestGateway.settings.replacing(granted, with: less))
    for _ in 0..<2 { #expect(try await publish() == [401, 403]) }
  }

  @Test func `what is remembered under another policy goes by itself`() async throws {
    let gateway = try await gateway()
    await gateway.idle(seconds: 6)
    #expect(await gateway.rememberedTargets == 1)
    try gateway.take(TestGateway.settings)
    await gateway.idle(seconds: 6)
    #expect(await gateway.rememberedTargets == 0)
    for _ in 0..<2 { #expect(try await gateway.send("POST", path, json, "{}").status == 201) }
    #expect(await gateway.rememberedTargets == 1)
  }

  @Test func `fields that say the same mean nothing under another method or path`() async throws {
    let gateway = try await gateway()
    for _ in 0..<2 {
      #expect(try await gateway.send("POST", path, json, "{}").status == 201)
      // The second one repeats a head that is not a publish's.
      for _ in 0..<2 {
        let read = try await gateway.send("GET", "\(path)?from=latest", json, "{}")
        #expect(read.status == 200 && read.fields["location"] == nil)
      }
      for _ in 0..<2 {
        let refused = try await gateway.send("POST", "\(path)?atomic=true", json, "{}")
        #expect(refused.status == 400)
      }
      for _ in 0..<2 {
        let unknown = try await gateway.send("POST", "/v1/elsewhere", json, "{}")
        #expect(unknown.status == 404)
      }
      let minimal = json.merging(["Prefer": "return=minimal"]) { $1 }
      #expect(try await gateway.send("POST", path, minimal, "{}").status == 201)
    }
  }

  @Test func `what a field says is each head's own`() async throws {
    let gateway = try await gateway()
    for key in ["a", "b", "a", "a", "b", "b"] {
      let fields = json.merging(["Event-Key": key, "ce-specversion": "1.0"]) { $1 }
      #expect(try await gateway.send("POST", path, fields, "{}").status == 201)
    }
    let read = try await gateway.send("GET", "\(path)?from=1:3")
    let events = try #require(try read.json["events"] as? [[String: Any]])
    #expect(
      events.suffix(6).map { $0["partitionkey"] as? String } == ["a", "b", "a", "a", "b", "b"])
  }

  @Test func `a bound token is asked for its proof on every connection`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    let certificate = ByteSlice(utf8: "the DER of a client's certificate")
    let digest = Base64.encode(Digest.sha256(certificate).bytes, as: .url)
    let bound = try TestIssuer().token(
      ["sub": "alice", "cnf": ["x5t#S256": digest]], algorithm: .rs256
    ).text
    for _ in 0..<4 {
      let answer = try await gateway.send(
        "POST", path, token: bound, json, "{}", certificate: certificate)
      #expect(answer.status == 201)
    }
    for thief in [nil, ByteSlice(utf8: "another certificate"), nil] {
      let answer = try await gateway.send(
        "POST", path, token: bound, json, "{}", certificate: thief)
      #expect(answer.status == 401)
    }
    let answer = try await gateway.send(
      "POST", path, token: bound, json, "{}", certificate: certificate)
    #expect(answer.status == 201)
  }

  @Test func `a token that was revoked is refused at once`() async throws {
    let gateway = try await gateway()
    let revocation = Revocation(
      issuer: ByteSlice(utf8: "test"),
      target: .subject(ByteSlice(utf8: "alice"), before: .distantFuture), expires: nil)
    #expect(
      gateway.access.current.verifier.revocations.add([revocation], at: gateway.clock.wall))
    for _ in 0..<3 { #expect(try await gateway.send("POST", path, json, "{}").status == 401) }
  }

  @Test func `the schema of the moment is what counts`() async throws {
    let gateway = try await gateway()
    let schema = ["Content-Type": "application/schema+json"]
    let put = try await gateway.send(
      "PUT", "/v1/topics/acme/shop/orders/schema", schema, #"{"required":["n"]}"#)
    #expect(put.status == 201)
    for _ in 0..<4 {
      #expect(try await gateway.send("POST", path, json, #"{"n":1}"#).status == 201)
    }
    #expect(await gateway.remembersHead)
    #expect(try await gateway.send("POST", path, json, "{}").status == 422)
    #expect(try await gateway.send("POST", path, json, "{").status == 400)
    #expect(try await gateway.send("POST", path, json, #"{"n":1}"#).status == 201)
  }

  @Test func `nothing is kept of a head with two traces, or of other modes`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    let cases: [([String: String], String)] = [
      (json.merging(["traceparent": trace, "TraceParent": trace]) { $1 }, "{}"),
      (
        ["Content-Type": "application/cloudevents+json"],
        #"{"specversion":"1.0","id":"1","source":"a","type":"b"}"#
      ),
    ]
    for (fields, body) in cases {
      for _ in 0..<4 { #expect(try await gateway.send("POST", path, fields, body).status == 201) }
      #expect(await !gateway.remembersHead)
    }
  }

  @Test func `a topic that was deleted is not published to`() async throws {
    let gateway = try await gateway()
    #expect(try await gateway.send("DELETE", "/v1/topics/acme/shop/orders").status == 204)
    let made = try await gateway.send("POST", path, json, "{}")
    #expect(try made.json["messageId"] as? String == "2:0")
    let next = try await gateway.send("POST", path, json, "{}")
    #expect(try next.json["messageId"] as? String == "2:1")
  }

  @Test func `a grant that was taken away is gone at once`() async throws {
    let gateway = try await gateway("paul")
    let (granted, less) = (#"[{publish: ["shop/orders"]}]"#, #"[{subscribe: ["shop/orders"]}]"#)
    try gateway.take(TestGateway.settings.replacing(granted, with: less))
    let answer = try await gateway.send("POST", path, as: "paul", json, "{}")
    #expect(answer.status == 403)
  }

  @Test func `what one token may, another may not under the same path`() async throws {
    let gateway = try await gateway()
    for subject in ["rita", "bob", "rita", "bob"] {
      let answer = try await gateway.send("POST", path, as: subject, json, "{}")
      #expect(answer.status == (subject == "rita" ? 403 : 404))
    }
  }

  @Test func `a tenant that the field names is looked at each time`() async throws {
    let gateway = try await gateway()
    let other = json.merging(["Jodrell-Tenant": "globex"]) { $1 }
    #expect(try await gateway.send("POST", path, other, "{}").status == 400)
    let own = json.merging(["Jodrell-Tenant": "acme"]) { $1 }
    #expect(try await gateway.send("POST", path, own, "{}").status == 201)
  }

  @Test func `a token that has ended ends what is remembered of it`() async throws {
    let gateway = try await gateway()
    let token = try TestGateway.token(lifetime: .seconds(60))
    for _ in 0..<3 {
      #expect(try await gateway.send("POST", path, token: token, json, "{}").status == 201)
    }
    gateway.clock.step(.seconds(600))
    #expect(try await gateway.send("POST", path, token: token, json, "{}").status == 401)
  }

  @Test func `many topics in turn are all found`() async throws {
    let gateway = try TestGateway()
    for round in 0..<3 {
      for topic in 0..<50 {
        let path = "/v1/topics/acme/shop/t\(topic)/events"
        let answer = try await gateway.send("POST", path, json, "{}")
        #expect(answer.fields["location"] == "\(path)/\(topic + 1):\(round)")
      }
    }
    #expect(await gateway.answeredAtOnce == 100)
  }
}
