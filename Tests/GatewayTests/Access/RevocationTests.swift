import Bytes
import HTTPWire
import LogConformance
import Testing

@testable import Gateway

/// Revocations that operators make.
@Suite struct RevocationTests {
  @Test(
    "one that cannot be written is in force, and its sender is told that it is not written",
    arguments: [false, true])
  func unwritten(areWorkersBusy: Bool) async throws {
    var identity = IdentityServices()
    identity.keepRevocations = { false }
    let busy = Workers { _ in WorkersBusy.full }
    let gateway = try TestGateway(
      workers: areWorkersBusy ? busy : .inline, identity: identity)
    let token = try TestGateway.token("rita")
    #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 200)
    gateway.clock.step(.seconds(2))
    let made = try await gateway.send(
      "POST", "/v1/revocations", as: nil, ["Content-Type": "application/json"],
      #"{"issuer":"test","sub":"rita"}"#, listener: .management)
    #expect(made.status == 503 && made.code == "storage_failed", "\(made.body)")
    #expect(made.body.contains("is in force but could not be written"))
    #expect(try await gateway.send("GET", "/v1/whoami", token: token).status == 401)
  }
}
