import Authentication
import Bytes
import Crypto
import HTTPWire
import JSONText
import LogConformance
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Opaque tokens of open streams: when their issuer is asked again, how often, and what follows.
@Suite struct OpaqueTokenTests {
  /// An issuer that answers when it is let.
  private final class Asked: Sendable {
    /// What one endpoint says says nothing for another.
    struct Subject: Hashable {
      let digest: Digest
      let terms: IntrospectionTerms?
    }
    struct State {
      var waiting: [(Subject, @Sendable () -> Void)] = []
      var answers: [Subject: IntrospectionAnswer] = [:]
      var count = 0
    }
    let state = Mutex(State())

    var services: IdentityServices {
      var services = IdentityServices()
      services.finding = { digest, issuer, _ in
        let subject = Subject(digest: digest, terms: issuer.introspection)
        return self.state.withLock { $0.answers[subject] }
          .map { IdentityServices.Finding.answer($0) } ?? .unknown
      }
      services.ask = { _, digest, issuer, _, done in
        let subject = Subject(digest: digest, terms: issuer.introspection)
        self.state.withLock { state in
          state.count += 1
          state.waiting.append((subject, done))
        }
      }
      return services
    }

    var count: Int { state.withLock { $0.count } }
    var underWay: Int { state.withLock { $0.waiting.count } }

    func answer(_ answer: IntrospectionAnswer?) {
      let waiting = state.withLock { state in
        defer { state.waiting = [] }
        for (subject, _) in state.waiting { state.answers[subject] = answer }
        return state.waiting
      }
      for (_, done) in waiting { done() }
    }
  }

  private let clock = SteppedClock()

  private func answer(isActive: Bool = true) throws -> IntrospectionAnswer {
    let end = clock.wall + .seconds(3_600)
    return try IntrospectionAnswer(
      parsing: ByteSlice(
        utf8: #"""
          {"active":\#(isActive),"sub":"alice","aud":"event-gateway","exp":\#(end.seconds)}
          """#), at: clock.wall, clock.monotonic, lifetime: .seconds(10),
      refusedLifetime: .seconds(5))
  }

  private func verifier(client: String = "g", generation: UInt64 = 1) throws -> TokenVerifier {
    let text = """
      issuers:
        - {id: test, iss: "https://issuer.example", audiences: [event-gateway],
           introspection: {url: "https://issuer.example/introspect", clientID: \(client),
             clientSecret: "env:SECRET"}, keys: {file: keys.json}}
      """
    let settings = try TestGateway.compile(text)
    let keys = try TestIssuer.keySet()
    return try TokenVerifier(
      issuers: try settings.issuers.map { try IssuerProfile.compile($0) { _ in keys } },
      generation: generation)
  }

  private func token(_ number: Int, _ verifier: TokenVerifier) throws -> VerifiedToken {
    let text = ByteSlice(utf8: "opaque-\(number)")
    let issuer = try #require(verifier.introspecting(text))
    return try verifier.verify(
      introspected: answer(), of: Digest.sha256(text), text: text, by: issuer, at: clock.wall)
  }

  private func id(_ number: Int) -> RequestID { RequestID(run: 1, sequence: UInt64(number)) }

  @Test("each token is asked about when its answer is stale, a few at once, and goes on or ends")
  func rounds() throws {
    let asked = Asked()
    let timers = StandingTimers(clocks: clock.clocks)
    let tokens = OpaqueTokens(asked.services, timers: timers)
    let verifier = try verifier()
    // Twelve streams under six tokens.
    for number in 0..<12 { tokens.follow(id(number), try token(number % 6, verifier)) }
    #expect(tokens.count == 6)
    var ended: Set<RequestID> = []
    func turn() {
      timers.fireDue()
      tokens.turnEnded(verifier) { token, streams, outcome in
        guard case .confirmed(let answer) = outcome,
          let again = try? verifier.verify(token, introspectedAgain: answer, at: clock.wall)
        else {
          ended.formUnion(streams)
          return nil
        }
        return again.confirmedUntil
      }
    }
    turn()
    #expect(asked.count == 0, "nothing is stale yet")
    clock.step(.seconds(11))
    turn()
    #expect(asked.count == OpaqueTokens.atOnce && asked.underWay == OpaqueTokens.atOnce)
    turn()
    #expect(asked.count == OpaqueTokens.atOnce, "the others wait for an answer")
    asked.answer(try answer())
    turn()
    #expect(asked.count == 6)
    asked.answer(try answer())
    turn()
    clock.step(.seconds(5))
    turn()
    #expect(asked.count == 6 && ended.isEmpty, "good for ten seconds")
    tokens.leave(id(0))
    tokens.leave(id(6))
    #expect(tokens.count == 5, "nobody lives by it any more")
    asked.state.withLock { $0.answers = [:] }
    clock.step(.seconds(6))
    turn()
    asked.answer(try answer(isActive: false))
    turn()
    #expect(ended.count == 2 * OpaqueTokens.atOnce && tokens.count == 1)
  }

  @Test("an issuer that does not answer has a minute, and is asked every few seconds")
  func silence() throws {
    let asked = Asked()
    let timers = StandingTimers(clocks: clock.clocks)
    let tokens = OpaqueTokens(asked.services, timers: timers)
    let verifier = try verifier()
    tokens.follow(id(1), try token(1, verifier))
    var end: OpaqueTokens.Outcome?
    var seconds = 0
    while end == nil, seconds < 200 {
      clock.step(.seconds(1))
      seconds += 1
      timers.fireDue()
      tokens.turnEnded(verifier) { _, _, outcome in
        end = outcome
        return nil
      }
      asked.answer(nil)
    }
    guard case .unconfirmed = end else {
      Issue.record("it goes on")
      return
    }
    #expect((70...77).contains(seconds) && asked.count <= 14)
    #expect(tokens.count == 0)
  }

  @Test("after a change of the endpoint each token is asked about at once, and once")
  func moved() throws {
    let asked = Asked()
    let tokens = OpaqueTokens(asked.services, timers: StandingTimers(clocks: clock.clocks))
    let old = try verifier()
    let moved = try verifier(client: "h", generation: 2)
    func turn(_ verifier: TokenVerifier) {
      tokens.turnEnded(verifier) { _, _, _ in clock.wall + .seconds(10) }
    }
    tokens.follow(id(1), try token(1, old))
    turn(old)
    #expect(asked.count == 0)
    turn(moved)
    #expect(asked.count == 1)
    asked.answer(try answer())
    turn(moved)
    turn(try verifier(client: "h", generation: 3))
    #expect(asked.count == 1, "the same endpoint has confirmed it")
    // One that a ticket from before the change has brought.
    tokens.follow(id(2), try token(2, old))
    turn(moved)
    #expect(asked.count == 2)
  }

  @Test("the new endpoint is asked at once, and once, where the old one was being asked")
  func movedMeanwhile() throws {
    let asked = Asked()
    let timers = StandingTimers(clocks: clock.clocks)
    let tokens = OpaqueTokens(asked.services, timers: timers)
    let old = try verifier()
    let moved = try verifier(client: "h", generation: 2)
    func turn(_ verifier: TokenVerifier) {
      timers.fireDue()
      tokens.turnEnded(verifier) { _, _, _ in clock.wall + .seconds(10) }
    }
    tokens.follow(id(1), try token(1, old))
    clock.step(.seconds(11))
    turn(old)
    turn(moved)
    #expect(asked.count == 1, "it is under way")
    asked.answer(try answer())
    turn(moved)
    #expect(asked.count == 2 && asked.underWay == 1)
    // Without an answer that one is left alone for a while.
    asked.answer(nil)
    for _ in 0..<3 { turn(moved) }
    #expect(asked.count == 2)
    clock.step(OpaqueTokens.pause)
    turn(moved)
    #expect(asked.count == 3)
  }

  @Test("a clock that is set back puts no question off")
  func setBack() throws {
    let asked = Asked()
    let timers = StandingTimers(clocks: clock.clocks)
    let tokens = OpaqueTokens(asked.services, timers: timers)
    let verifier = try verifier()
    let first = try token(1, verifier)
    clock.set(wall: clock.wall + .seconds(-3_600))
    tokens.follow(id(1), first)
    clock.step(.seconds(11))
    timers.fireDue()
    tokens.turnEnded(verifier) { _, _, _ in nil }
    #expect(asked.count == 1)
  }

  @Test("signed tokens are not followed")
  func signed() throws {
    let tokens = OpaqueTokens(
      IdentityServices(), timers: StandingTimers(clocks: clock.clocks))
    tokens.follow(id(1), try TestIssuer().verified())
    #expect(tokens.count == 0)
  }
}
