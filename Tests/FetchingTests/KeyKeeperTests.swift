import Authentication
import Bytes
import Crypto
import Fetching
import Foundation
import Metrics
import Synchronization
import TestSupport
import Testing

@Suite struct `The keeper of key sets` {
  let issuer = TestIssuer(id: "remote")
  let now = TestIssuer.now

  /// A clock that stands until it is moved.
  private final class Clock: Sendable {
    private let now = Mutex(MonotonicTime(nanoseconds: 1_000_000_000))
    func move(by span: TimeSpan) { now.withLock { $0 = $0 + span } }
    var clocks: Clocks {
      Clocks(wall: { TestIssuer.now }, monotonic: { [self] in now.withLock { $0 } })
    }
  }

  private func profile(
    _ location: RemoteKeys.Location, refresh: TimeSpan = RemoteKeys.defaultRefresh,
    rules: FetchRules = Harness.loopback, isLazy: Bool = false
  ) -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: issuer.id), issuer: ByteSlice(utf8: issuer.iss),
      audiences: [ByteSlice(utf8: issuer.audience)], keys: IssuerKeys(),
      source: .remote(
        RemoteKeys(location: location, rules: rules, refresh: refresh, isLazy: isLazy)))
  }

  private func url(_ neighbour: HTTPNeighbour, _ path: String) -> ByteSlice {
    ByteSlice(utf8: neighbour.url + path)
  }

  /// A keeper at work, whose thread is ended with `body`.
  private func keeping(
    _ profile: IssuerProfile, _ body: (KeyKeeper, Clock, IssuerMetrics) async throws -> Void
  ) async throws {
    let harness = try Harness()
    let clock = Clock()
    harness.metrics.configure([profile.id])
    let keeper = KeyKeeper(harness.thread, clocks: clock.clocks, metrics: harness.metrics)
    keeper.keep([profile])
    harness.begin { keeper.tick() }
    defer { harness.thread.stop() }
    try await body(keeper, clock, harness.metrics)
  }

  private func until(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
  }

  /// Until the first look is over: it has brought keys, and what comes next is settled.
  private func untilTaken(_ metrics: IssuerMetrics) async throws {
    try await until { metrics.count(of: .changed) > 0 }
  }

  private func bring(_ keyID: String, _ keeper: KeyKeeper) async {
    await withCheckedContinuation { waiting in
      keeper.bring(ByteSlice(utf8: keyID), of: ByteSlice(utf8: issuer.id)) { waiting.resume() }
    }
  }

  private func mayBring(_ keyID: String, _ keeper: KeyKeeper) -> Bool {
    keeper.mayBring(ByteSlice(utf8: keyID), of: ByteSlice(utf8: issuer.id))
  }

  @Test func `keys are fetched, by URL or by discovery`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let (iss, base, keys) = (issuer.iss, neighbour.url, try TestIssuer.keySet().text)
    neighbour.answer { request in
      request.path == "/keys"
        ? .init(keys) : .init(#"{"issuer":"\#(iss)","jwks_uri":"\#(base)/keys"}"#)
    }
    for location in [
      RemoteKeys.Location.url(url(neighbour, "/keys")),
      .discovery(url(neighbour, "/.well-known/openid-configuration")),
    ] {
      let profile = profile(location)
      try await keeping(profile) { keeper, _, _ in
        #expect(keeper.missing == [profile.id] || profile.keys.set != nil)
        try await until { profile.keys.set != nil }
        let verifier = try TokenVerifier(issuers: [profile])
        _ = try verifier.verify(try issuer.token(), at: now)
        #expect(keeper.missing.isEmpty)
      }
    }
  }

  @Test(arguments: [
    (#"{"issuer":"https://other.example","jwks_uri":"URL/keys"}"#, "another issuer"),
    (#"{"issuer":"ISS","jwks_uri":"http://keys.example/"}"#, "may be fetched"),
    (#"{"issuer":"ISS"}"#, "may be fetched"), ("[]", "no JSON object"),
    ("<html>", "no JSON object"),
  ])
  func `metadata that cannot be trusted brings no keys`(
    _ template: String, _ fault: String
  ) async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let text = template.replacingOccurrences(of: "URL", with: neighbour.url)
      .replacingOccurrences(of: "ISS", with: issuer.iss)
    neighbour.answer { _ in .init(text) }
    let profile = profile(.discovery(url(neighbour, "/metadata")))
    try await keeping(profile) { _, _, metrics in
      try await until { metrics.states.first?.fault != nil }
      #expect(metrics.count(of: .failed) > 0)
      #expect(profile.keys.set == nil)
      #expect(metrics.states.first?.fault?.contains(fault) == true)
    }
  }

  @Test func `an unknown key is looked for once, by all who wait`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let (first, both) = (try TestIssuer.keySet([.es256]).text, try TestIssuer.keySet().text)
    neighbour.answer { _ in .init(first) }
    let profile = profile(.url(url(neighbour, "/keys")))
    try await keeping(profile) { keeper, clock, metrics in
      try await untilTaken(metrics)
      #expect(neighbour.requests.count == 1)
      neighbour.answer { _ in .init(both) }
      let wanted = TestIssuer.keyID(.rs256)
      #expect(mayBring(wanted, keeper))
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<50 { group.addTask { await self.bring(wanted, keeper) } }
      }
      #expect(neighbour.requests.count == 2)
      let verifier = try TokenVerifier(issuers: [profile])
      _ = try verifier.verify(try issuer.token(algorithm: .rs256), at: now)
      // A flood of other names fetches nothing until the cool-down is over.
      for number in 0..<100 { #expect(!mayBring("no-\(number)", keeper)) }
      await bring("no-0", keeper)
      #expect(neighbour.requests.count == 2)
      #expect(metrics.count(of: .suppressed) == 100)
      clock.move(by: KeyKeeper.coolDown)
      #expect(mayBring("no-0", keeper))
      await bring("no-0", keeper)
      #expect(neighbour.requests.count == 3)
      // What was not there a moment ago is not looked for again, even after the cool-down.
      clock.move(by: KeyKeeper.coolDown)
      #expect(!mayBring("no-0", keeper))
      #expect(mayBring("no-1", keeper))
      clock.move(by: KeyKeeper.absence)
      #expect(mayBring("no-0", keeper))
    }
  }

  @Test func `who waits for an issuer that goes is told, and may ask at once`() throws {
    let harness = try Harness()
    let profile = profile(.url(ByteSlice(utf8: "http://127.0.0.1:1/")))
    harness.metrics.configure([profile.id])
    let keeper = KeyKeeper(harness.thread, clocks: Clock().clocks, metrics: harness.metrics)
    keeper.keep([profile])
    // Nobody fetches, so that the look lasts.
    let told = Atomic<Int>(0)
    keeper.bring(nil, of: profile.id) {
      if !keeper.mayBring(nil, of: profile.id) { told.add(1, ordering: .relaxed) }
    }
    #expect(told.load(ordering: .relaxed) == 0)
    keeper.keep([])
    #expect(told.load(ordering: .relaxed) == 1)
  }

  @Test(arguments: [
    "not JSON", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}"#,
    #"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}"#,
  ])
  func `a bad set never replaces a good one`(_ bad: String) async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let good = try TestIssuer.keySet().text
    neighbour.answer { _ in .init(good) }
    let profile = profile(.url(url(neighbour, "/keys")), refresh: .seconds(10))
    try await keeping(profile) { _, clock, metrics in
      try await untilTaken(metrics)
      neighbour.answer { _ in .init(bad) }
      clock.move(by: .seconds(10))
      try await until { metrics.states.first?.fault != nil }
      #expect(metrics.count(of: .failed) > 0)
      #expect(profile.keys.set?.count == 3)
      neighbour.answer { _ in .init(good) }
      clock.move(by: .seconds(10))
      try await until { metrics.states.first?.fault == nil }
      #expect(metrics.count(of: .unchanged) > 0)
    }
  }

  @Test func `the server's word about caching counts within bounds`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let keys = try TestIssuer.keySet().text
    neighbour.answer { _ in .init(keys, fields: ["Cache-Control": "max-age=1"]) }
    let profile = profile(.url(url(neighbour, "/keys")))
    try await keeping(profile) { keeper, clock, metrics in
      try await untilTaken(metrics)
      clock.move(by: .seconds(299))
      keeper.tick()
      clock.move(by: .seconds(1))
      keeper.tick()
      try await until { neighbour.requests.count == 2 }
    }
  }

  @Test func `a new configuration keeps what has been fetched`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let keys = try TestIssuer.keySet().text
    neighbour.answer { _ in .init(keys) }
    let first = profile(.url(url(neighbour, "/keys")))
    try await keeping(first) { keeper, _, _ in
      try await until { first.keys.set != nil }
      let second = keeper.carryingOver(profile(.url(url(neighbour, "/keys"))))
      #expect(second.keys === first.keys)
      let often = keeper.carryingOver(
        profile(.url(url(neighbour, "/keys")), refresh: .seconds(10), isLazy: true))
      #expect(often.keys === first.keys)
      let elsewhere = keeper.carryingOver(profile(.url(url(neighbour, "/others"))))
      #expect(elsewhere.keys !== first.keys)
      keeper.keep([])
      #expect(!keeper.mayBring(nil, of: first.id))
    }
  }

  @Test func `other terms are kept to from now on, with the same keys`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let keys = try TestIssuer.keySet().text
    neighbour.answer { _ in .init(keys) }
    let place = RemoteKeys.Location.url(url(neighbour, "/keys"))
    let first = profile(place)
    try await keeping(first) { keeper, clock, metrics in
      try await untilTaken(metrics)
      keeper.keep([keeper.carryingOver(profile(place, refresh: .seconds(10)))])
      clock.move(by: .seconds(10))
      try await until { neighbour.requests.count == 2 }
      try await until { metrics.count(of: .unchanged) == 1 }
      // Nobody may be asked any more: that is tried out at once, and the set stays.
      keeper.keep([keeper.carryingOver(profile(place, rules: FetchRules()))])
      try await until { metrics.count(of: .failed) == 1 }
      #expect(first.keys.set?.count == 3 && neighbour.requests.count == 2)
    }
  }
}
