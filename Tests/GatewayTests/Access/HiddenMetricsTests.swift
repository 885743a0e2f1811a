import Authentication
import Bytes
import HTTPWire
import LogConformance
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// `/metrics` for callers with a token: who may see nothing is told 404, and whoever may see it
/// after somebody has been asked, or later, is not.
@Suite struct HiddenMetricsTests {
  /// An issuer of whose tokens nothing is known before it is asked.
  private final class Asked: Sendable {
    private let isAsked = Atomic<Bool>(false)
    private let finding: IdentityServices.Finding

    init(_ finding: IdentityServices.Finding) { self.finding = finding }

    var services: IdentityServices {
      var services = IdentityServices()
      services.finding = { _, _, _ in
        self.isAsked.load(ordering: .relaxed) ? self.finding : .unknown
      }
      services.ask = { _, _, _, _, done in
        self.isAsked.store(true, ordering: .relaxed)
        done()
      }
      return services
    }
  }

  private func answer(_ subject: String, isActive: Bool) throws -> IdentityServices.Finding {
    let end = TestIssuer.now + .seconds(3_600)
    let text = #"""
      {"active":\#(isActive),"sub":"\#(subject)","aud":"event-gateway","exp":\#(end.seconds)}
      """#
    return .answer(
      try IntrospectionAnswer(
        parsing: ByteSlice(utf8: text), at: TestIssuer.now, MonotonicTime(nanoseconds: 0),
        lifetime: .seconds(10), refusedLifetime: .seconds(5)))
  }

  @Test("a token that its issuer has to be asked about is asked about")
  func pending() async throws {
    let opaque = TestGateway.settings.replacing(
      "keys: {file: keys.json}}",
      with: #"introspection: {url: "https://issuer.example/introspect", clientID: g, "#
        + #"clientSecret: "env:SECRET"}, keys: {file: keys.json}}"#)
    for (finding, status) in [
      (try answer("bob", isActive: true), 200), (try answer("alice", isActive: true), 404),
      (try answer("bob", isActive: false), 404), (.unavailable, 503), (.tooMany(3), 429),
    ] as [(IdentityServices.Finding, Int)] {
      let gateway = try TestGateway(settings: opaque, identity: Asked(finding).services)
      let answer = try await gateway.send("GET", "/metrics", token: "opaque-1")
      #expect(answer.status == status, "\(answer.body)")
      #expect((answer.fields["retry-after"] != nil) == (status >= 429))
    }
  }

  @Test("a key that nobody has in the end is 404, and counts as a refused token")
  func unknownKey() async throws {
    var services = IdentityServices()
    services.mayBring = { _, _ in true }
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "keys: {file: keys.json}", with: #"keys: {url: "https://issuer.example/keys"}"#)
        + "\nlimits: {perAddress: {refusedTokens: 1/m}}",
      identity: services)
    #expect(try await gateway.send("GET", "/metrics", as: "bob").status == 404)
    let next = try await gateway.send("GET", "/metrics", as: "rita")
    #expect(next.status == 429 && next.code == "auth_rate_limited")
  }

  @Test("whoever asks too often is told to come back")
  func retryable() async throws {
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "globex: {}", with: "globex: {limits: {requests: 1/m}}"))
    #expect(try await gateway.send("GET", "/metrics", as: "bob").status == 200)
    let refused = try await gateway.send("GET", "/metrics", as: "bob")
    #expect(refused.status == 429 && refused.code == "rate_limited")
  }
}
