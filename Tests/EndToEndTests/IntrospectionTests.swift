import Bytes
import Crypto
import Foundation
import Synchronization
import TestSupport
import Testing

/// Crowds of tokens that an issuer has to be asked about.
extension EndToEnd.Issuers {
  /// Until a token is taken: an issuer may take its time.
  private func untilTaken(_ gateway: GatewayChild, _ token: String) async throws {
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      if try await publish(gateway, token).status == 201 { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("never taken")
  }

  @Test func `a burst of garbage holds up no caller and no key`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let (old, both) = (
      try TestIssuer.keySet([.es256]).text, try TestIssuer.keySet([.es256, .rs256]).text
    )
    let claims = """
      {"active":true,"sub":"alice","aud":"\(issuer.audience)","exp":\(Self.now.seconds + 600)}
      """
    let keys = Mutex(old)
    neighbour.answer { request in
      guard request.path == "/introspect" else { return .init(keys.withLock { $0 }) }
      return .init(request.body.contains("token=good-") ? claims : #"{"active":false}"#)
    }
    let more = """
      , algorithms: [ES256, RS256], introspection: {url: "\(neighbour.url)/introspect",
        clientID: gateway, clientSecret: "file:secret", addresses: [127.0.0.1]}
      """
    try await withIssuer(neighbour, more: more) { gateway, management in
      try await ready(management)
      #expect(try await publish(gateway, "good-0").status == 201)
      keys.withLock { $0 = both }
      let refusals = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<400 {
          group.addTask { try await publish(gateway, "garbage-\(number)").status }
        }
        try await untilTaken(gateway, try token(algorithm: .rs256))
        return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
      }
      // Asked about and refused, too many at once, or not answered in time.
      #expect(Set(refusals.keys).isSubset(of: [401, 429, 503]), "\(refusals)")
      try await untilTaken(gateway, "good-1")
      let metrics = try await curl("http://\(management)/metrics")
      #expect(
        metrics.contains("jodrell_introspections_total{issuer=\"remote\",result=\"failed\"} 0"))
    }
  }
}
