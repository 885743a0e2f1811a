import Bytes
import HTTPWire
import Settings
import Tenancy
import TestSupport
import Testing

@testable import Gateway

@Suite("Stream tickets") struct StreamTicketTests {
  private func scope(_ tenant: String) throws -> TenantScope {
    let text = """
      issuers:
        - {id: test, iss: "https://issuer.example", audiences: [event-gateway],
           keys: {file: keys.json}}
      tenants: {acme: {}, globex: {}}
      mappings:
        - {id: all, issuer: test, when: {"/t": {exists: true}}, tenant: "{/t}", principal: p,
           allow: [{subscribe: ["*/*"]}]}
      """
    let settings = try GatewaySettings(
      compiling: SettingsDocument(parsing: ByteSlice(utf8: text), named: "test"))
    return try TenancyPolicy.compile(settings, generation: 1)
      .scope(of: try TestIssuer().verified(["t": tenant]), at: TestIssuer.now)
  }

  @Test("a tenant that asks for ever more leaves others their part")
  func parts() throws {
    let tickets = StreamTickets(most: 8, mostOfTenant: 4) { count in
      ByteSlice((0..<count).map { _ in UInt8.random(in: 0...255) })
    }
    let (acme, globex) = (try scope("acme"), try scope("globex"))
    let path = ByteSlice(utf8: "/v1/topics/acme/shop/orders/events")
    let now = TestIssuer.now
    func issued(_ count: Int, to scope: TenantScope, at now: UnixTime) -> Int {
      (0..<count).count { _ in tickets.issue(for: path, to: scope, at: now) != nil }
    }
    #expect(issued(10, to: acme, at: now) == 4)
    #expect(issued(3, to: globex, at: now) == 3)
    // Unused ones end after half a minute and make room.
    let later = now + StreamTickets.patience + .seconds(1)
    #expect(issued(10, to: acme, at: later) == 4)
    let used = try #require(tickets.issue(for: path, to: globex, at: later))
    let stream = RequestID(run: 1, sequence: 1)
    #expect(tickets.stream(of: used) == nil)
    #expect(tickets.redeem(used, for: path, as: stream, at: later) != nil)
    #expect(tickets.stream(of: used) == stream)
    #expect(issued(10, to: globex, at: later) == 3)
    #expect(issued(10, to: globex, at: later + StreamTickets.patience + .seconds(1)) == 3)
  }
}
