import Bytes
import Crypto
import Foundation
import LogConformance
import TestSupport
import Testing

/// Tokens bound to a client certificate, as requests meet them.
@Suite struct BoundTokenTests {
  private let certificate = ByteSlice(utf8: "the DER of a client's certificate")

  private func token() throws -> String {
    let digest = Base64.encode(Digest.sha256(certificate).bytes, as: .url)
    return try TestIssuer().token(
      ["sub": "alice", "cnf": ["x5t#S256": digest]], algorithm: .rs256
    ).text
  }

  @Test func `whoever has the certificate may use the token, again and again`() async throws {
    let gateway = try TestGateway()
    let bound = try token()
    for _ in 0..<2 {
      let answer = try await gateway.send(
        "GET", "/v1/whoami", token: bound, certificate: certificate)
      #expect(answer.status == 200)
    }
  }

  @Test func `a stolen one is of no use, remembered or not`() async throws {
    let gateway = try TestGateway()
    let bound = try token()
    for thief in [nil, ByteSlice(utf8: "another certificate")] {
      for _ in 0..<2 {
        let answer = try await gateway.send(
          "GET", "/v1/whoami", token: bound, certificate: thief)
        #expect(answer.status == 401 && answer.code == "invalid_token")
        _ = try await gateway.send("GET", "/v1/whoami", token: bound, certificate: certificate)
      }
    }
  }

  @Test func `a ticket for a bound token opens its stream once, and soon`() async throws {
    let gateway = try TestGateway()
    let events = "/v1/topics/acme/shop/orders/events"
    _ = try await gateway.send("POST", events, ["Content-Type": "application/json"], "{}")
    let bound = try token()
    func ticket() async throws -> String {
      let made = try await gateway.send(
        "POST", "/v1/tickets", token: bound, [:], #"{"path":"\#(events)"}"#,
        certificate: certificate)
      return try #require(try made.json["ticket"] as? String)
    }
    func open(_ ticket: String) async throws -> TestGateway.Answer {
      try await gateway.send(
        "GET", "\(events)?from=earliest&ticket=\(ticket)", as: nil,
        ["Accept": "text/event-stream"], steps: 2)
    }
    let used = try await ticket()
    #expect(try await open(used).steps.last?.contains("id: 1:0") == true)
    #expect(try await open(used).code == "invalid_ticket")
    let late = try await ticket()
    gateway.clock.step(.seconds(11))
    #expect(try await open(late).code == "invalid_ticket")
  }
}
