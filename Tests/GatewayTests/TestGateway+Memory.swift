import Authentication
import Bytes
import HTTPWire
import LogConformance
import TestSupport

@testable import Gateway

/// What the gateway's loop remembers, and forgets.
extension TestGateway {
  /// Has the loop meet so many other tokens that it has forgotten all from before.
  func forgetTokens() throws {
    let token = try TestIssuer().verified()
    for number in 0..<150_000 {
      responder.admission.tokens.keep(token, as: ByteSlice(utf8: "other-\(number)"), at: clock.wall)
    }
  }

  /// Whether something is kept of the last request's head.
  var remembersHead: Bool { last?.memo != nil }
  /// How many targets of publishes the loop remembers.
  var rememberedTargets: Int { responder.targets.count }

  /// Lets the loop turn for some seconds without a request.
  func idle(seconds: Int) {
    for _ in 0..<(100 * seconds) {
      clock.step(.milliseconds(10))
      endTurn()
    }
  }

  /// How many events wait until their schemas are compiled.
  var awaitingPrograms: Int { responder.awaitedPrograms.askers }

  /// The same of its fields.
  var remembersFields: Bool { last?.fieldsMemo != nil }
}
