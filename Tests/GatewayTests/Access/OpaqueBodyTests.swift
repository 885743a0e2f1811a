import Authentication
import Bytes
import LogConformance
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Opaque tokens of which the last word of their issuer is no longer good when the body has come
/// that they were shown for.
@Suite struct OpaqueBodyTests {
  /// An issuer whose endpoint answers at once, for ten seconds.
  private final class Issuer: Sendable {
    struct State {
      var clock = SteppedClock()
      var answers: [IntrospectionTerms?: IntrospectionAnswer] = [:]
      /// As which clients the gateway has asked, in order.
      var askedAs: [String] = []
      /// The clients that are told that no token is active.
      var refusing: Set<String> = []
      /// Happens while the next question is under way.
      var meanwhile: (@Sendable () -> Void)?
    }
    let state = Mutex(State())

    var services: IdentityServices {
      var services = IdentityServices()
      services.finding = { _, issuer, _ in
        let known = self.state.withLock { state in
          state.answers[issuer.introspection]?.good(at: state.clock.wall, state.clock.monotonic)
        }
        return known.map { IdentityServices.Finding.answer($0) } ?? .unknown
      }
      services.ask = { _, _, issuer, _, done in
        self.answer(issuer.introspection)
        done()
      }
      return services
    }

    var askedAs: [String] { state.withLock { $0.askedAs } }

    func refuse(_ client: String) { state.withLock { state in _ = state.refusing.insert(client) } }

    private func answer(_ terms: IntrospectionTerms?) {
      let client = terms?.clientID.text ?? ""
      let meanwhile = state.withLock { state -> (@Sendable () -> Void)? in
        state.askedAs.append(client)
        defer { state.meanwhile = nil }
        return state.meanwhile
      }
      meanwhile?()
      state.withLock { state in
        let end = state.clock.wall + .seconds(3_600)
        let isActive = !state.refusing.contains(client)
        let text = #"""
          {"active":\#(isActive),"sub":"alice","aud":"event-gateway","exp":\#(end.seconds)}
          """#
        state.answers[terms] = try? IntrospectionAnswer(
          parsing: ByteSlice(utf8: text), at: state.clock.wall, state.clock.monotonic,
          lifetime: .seconds(10), refusedLifetime: .seconds(5))
      }
    }
  }

  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]

  private static func settings(askedAs client: String = "g") -> String {
    TestGateway.settings.replacing(
      "keys: {file: keys.json}}",
      with: #"introspection: {url: "https://issuer.example/introspect", clientID: \#(client), "#
        + #"clientSecret: "env:SECRET"}, keys: {file: keys.json}}"#)
  }

  private func makeGateway(_ issuer: Issuer) throws -> TestGateway {
    let gateway = try TestGateway(settings: Self.settings(), identity: issuer.services)
    issuer.state.withLock { $0.clock = gateway.clock }
    return gateway
  }

  /// Sends a request with an opaque token whose body comes when that has to be asked about again.
  private func sendLate(
    _ method: String, _ path: String, _ body: String, to gateway: TestGateway,
    after change: @escaping @Sendable () -> Void = {}
  ) async throws -> TestGateway.Answer {
    try await gateway.send(
      method, path, token: "opaque-1", [:], body,
      beforeBody: {
        gateway.clock.step(.seconds(11))
        change()
      })
  }

  @Test(
    "what a body asks for is not done once the issuer has taken the token back",
    arguments: [
      ("PUT", "/v1/topics/acme/shop/new", "{}"),
      ("PUT", "/v1/topics/acme/shop/orders/schema/binding", "{}"),
      ("PUT", "/v1/topics/acme/shop/orders/subscriptions/late", #"{"type":"shared"}"#),
      ("PUT", "/v1/namespaces/acme/shop", "{}"),
      ("POST", "/v1/topics/acme/shop/orders/schema/replay", "{}"),
      ("POST", "/v1/explain", #"{"publish":"~/orders"}"#),
    ])
  func takenBack(method: String, path: String, body: String) async throws {
    let issuer = Issuer()
    let gateway = try makeGateway(issuer)
    _ = try await gateway.send("POST", "\(topic)/events", json, "{}")
    let answer = try await sendLate(method, path, body, to: gateway) { issuer.refuse("g") }
    #expect(answer.status == 401 && answer.code == "invalid_token", "\(answer.body)")
    #expect(issuer.askedAs == ["g", "g"])
    for absent in ["/v1/topics/acme/shop/new", "\(topic)/subscriptions/late"] {
      #expect(try await gateway.send("GET", absent).status == 404)
    }
  }

  @Test("it is done where the issuer says again that the token is good")
  func confirmed() async throws {
    let issuer = Issuer()
    let gateway = try makeGateway(issuer)
    #expect(try await sendLate("PUT", topic, "{}", to: gateway).status == 201)
    #expect(issuer.askedAs == ["g", "g"])
    let namespace = try await sendLate("PUT", "/v1/namespaces/acme/shop", "{}", to: gateway)
    #expect([200, 201].contains(namespace.status), "\(namespace.body)")
  }

  @Test("nothing is leased to a token that was taken back while the body of receive came")
  func receive() async throws {
    let issuer = Issuer()
    let gateway = try makeGateway(issuer)
    let path = "\(topic)/subscriptions/s"
    _ = try await gateway.send("POST", "\(topic)/events", json, "{}")
    let made = try await gateway.send(
      "PUT", path, [:], #"{"type":"shared","initialPosition":"earliest"}"#)
    #expect(made.status == 201)
    let refused = try await sendLate("POST", "\(path)/receive", "{}", to: gateway) {
      issuer.refuse("g")
    }
    #expect(refused.status == 401 && refused.code == "invalid_token", "\(refused.body)")
    let next = try await gateway.send("POST", "\(path)/receive", [:], "{}")
    let deliveries = try #require(try next.json["deliveries"] as? [[String: Any]])
    #expect(deliveries.map { $0["deliveryCount"] as? Int } == [1])
  }

  @Test("a receive whose body came late waits for as long as the issuer's new word is good")
  func receiveWaits() async throws {
    let issuer = Issuer()
    let gateway = try makeGateway(issuer)
    let path = "\(topic)/subscriptions/s"
    #expect(try await gateway.send("PUT", topic, [:], "{}").status == 201)
    #expect(try await gateway.send("PUT", path, [:], #"{"type":"shared"}"#).status == 201)
    async let pending = sendLate("POST", "\(path)/receive", #"{"wait":"20s"}"#, to: gateway)
    try await gateway.untilWaiting(1)
    _ = try await gateway.send("POST", "\(topic)/events", json, "{}")
    let deliveries = try #require(try await pending.json["deliveries"] as? [[String: Any]])
    #expect(deliveries.count == 1)
  }

  @Test("what the endpoint says that was the issuer's before a change counts for nothing after it")
  func movedMeanwhile() async throws {
    let issuer = Issuer()
    issuer.refuse("h")
    let gateway = try makeGateway(issuer)
    let keys = try TestIssuer.keySet()
    let settings = try TestGateway.compile(Self.settings(askedAs: "h"))
    let moved = try TokenVerifier(
      issuers: try settings.issuers.map { try IssuerProfile.compile($0) { _ in keys } },
      generation: gateway.access.nextGeneration())
    let answer = try await sendLate("PUT", topic, "{}", to: gateway) {
      issuer.state.withLock { state in
        state.meanwhile = { _ = gateway.access.take(verifier: moved) }
      }
    }
    #expect(answer.status == 401 && answer.code == "invalid_token", "\(answer.body)")
    #expect(issuer.askedAs == ["g", "g", "h"])
    #expect(try await gateway.send("GET", topic).status == 404)
  }
}
