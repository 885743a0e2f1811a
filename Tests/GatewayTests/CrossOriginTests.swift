import Bytes
import HTTPWire
import Testing

@testable import Gateway

@Suite("Pages of other origins")
struct CrossOriginTests {
  private let topic = "/v1/topics/acme/shop/orders/events"
  private let allowed = "access-control-allow-origin"
  private let page = ["Origin": "https://app.example"]

  private func gateway(credentials: Bool = false) throws -> TestGateway {
    try TestGateway(
      crossOrigin: CrossOrigin(
        origins: [ByteSlice(utf8: "https://app.example")], credentials: credentials,
        allowsLoopback: false))
  }

  @Test("the listed one reads every answer, refusals too; others none")
  func exact() async throws {
    let gateway = try gateway()
    for (subject, status) in [("alice", 201), ("rita", 403), (nil, 401)] {
      let answer = try await gateway.send(
        "POST", topic, as: subject, page.merging(["Content-Type": "application/json"]) { $1 },
        "{}")
      #expect(answer.status == status)
      #expect(answer.fields[allowed] == "https://app.example")
      #expect(answer.fields["vary"] == "Origin")
      #expect(answer.fields["access-control-allow-credentials"] == nil)
    }
    for origin in [
      "https://app.example.evil", "http://app.example", "https://app.example:444", "null", "*",
      "https://APP.example", "http://localhost:3000",
    ] {
      let answer = try await gateway.send("GET", topic, ["Origin": origin])
      #expect(answer.fields[allowed] == nil, "\(origin)")
      #expect(answer.fields["vary"] == "Origin", "a cache must not mix them up")
    }
  }

  @Test("the operators' listener answers no page, listed or not, and changes nothing for one")
  func operators() async throws {
    let gateway = try gateway()
    let body = #"{"issuer":"acme-idp","jti":"x"}"#
    let asks = ["Access-Control-Request-Method": "POST", "Content-Type": "application/json"]
    for origin in ["https://app.example", "http://localhost:3000", "http://rebound.example:9090"] {
      for method in ["GET", "POST", "OPTIONS"] {
        let answer = try await gateway.send(
          method, "/v1/revocations", as: nil, asks.merging(["Origin": origin]) { $1 },
          method == "POST" ? body : "", listener: .management)
        #expect(answer.status == 403 && answer.code == "forbidden", "\(method) \(origin)")
        #expect(answer.fields.keys.filter { $0.hasPrefix("access-control") }.isEmpty)
      }
    }
    let list = try await gateway.send(
      "GET", "/v1/revocations", as: nil, listener: .management)
    #expect(list.status == 200 && !list.body.contains("\"x\""))
  }

  @Test("the operators' listener goes by its address or a listed name")
  func names() async throws {
    let gateway = try TestGateway(hosts: ["Jodrell.monitoring.svc", "jodrell_1"])
    func status(_ host: String, _ path: String = "/v1/revocations", from peer: String = "::1")
      async throws -> Int
    {
      let answer = try await gateway.send(
        "GET", path, as: nil, from: peer, listener: .management, host: host)
      if answer.status != 200 {
        #expect(answer.code == "forbidden" && answer.body.contains("listen.management.hosts"))
      }
      return answer.status
    }
    for host in [
      "127.0.0.1:9090", "10.1.2.3", "[::1]:9090", "[fd00::7]", "localhost", "LOCALHOST:9090",
      "jodrell.monitoring.svc:9090", "JODRELL.monitoring.svc.", "jodrell_1",
    ] {
      #expect(try await status(host) == 200, "\(host)")
    }
    for host in [
      "evil.example", "evil.example:9090", "127.0.0.1.evil.example", "localhost.evil.example",
      "jodrell.monitoring.svc.evil.example", "jodrell", "1.2.3", "monitoring.svc",
    ] {
      for path in ["/v1/revocations", "/metrics", "/readyz", "/healthz"] {
        #expect(try await status(host, path) == 403, "\(host)")
      }
      #expect(try await status(host, from: "unix:1000") == 200, "no browser opens socket files")
    }
    let open = try await gateway.send("GET", "/healthz", as: nil, host: "evil.example")
    #expect(open.status == 200, "the public door is nobody's secret")
  }

  @Test("a preflight names methods and the attributes that it asked for")
  func preflight() async throws {
    let gateway = try gateway(credentials: true)
    let asks = [
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "ce-id, Ce-Type,x-evil, ce-<b>",
    ]
    let answer = try await gateway.send(
      "OPTIONS", topic, as: nil, page.merging(asks) { $1 })
    #expect(answer.status == 204)
    #expect(answer.fields[allowed] == "https://app.example")
    #expect(answer.fields["access-control-allow-credentials"] == "true")
    #expect(answer.fields["access-control-allow-methods"]?.contains("POST") == true)
    let names = answer.fields["access-control-allow-headers"] ?? ""
    #expect(names.contains("Authorization") && names.hasSuffix(", ce-id, ce-type"))
    for name in ["Event-Time", "Prefer", "Traceparent", "X-API-Key"] {
      #expect(names.contains(name))
    }
    let other = try await gateway.send(
      "OPTIONS", topic, as: nil, asks.merging(["Origin": "https://other.example"]) { $1 })
    #expect(other.fields.keys.filter { $0.hasPrefix("access-control") }.isEmpty)
  }

  @Test("nobody unless configured; in development mode pages of this machine")
  func defaults() async throws {
    let closed = try await TestGateway().send("GET", topic, page)
    #expect(closed.fields[allowed] == nil && closed.fields["vary"] == nil)
    let open = try TestGateway(
      crossOrigin: CrossOrigin(origins: [], credentials: false, allowsLoopback: true))
    for (origin, isAllowed) in [
      ("http://localhost:5173", true), ("http://[::1]", true), ("http://localhost.evil", false),
      ("http://localhost:x", false),
    ] {
      let answer = try await open.send("GET", topic, ["Origin": origin])
      #expect((answer.fields[allowed] == origin) == isAllowed, "\(origin)")
    }
  }
}
