import Bytes
import Metrics
import Settings
import Tenancy
import TestSupport
import Testing

@testable import Gateway

/// Token buckets: the arithmetic, the table, whom an address stands for.
@Suite struct LimitTests {
  private static func rate(_ text: String, burst: String = "1s") throws -> Rate {
    let settings = try GatewaySettings(
      compiling: SettingsDocument(
        parsing: ByteSlice(
          utf8: "tenants: {a: {limits: {publishBytes: \(text), burst: \(burst)}}}"), named: "t"))
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    let name = try #require(Name(ByteSlice(utf8: "a")))
    return try #require(policy.tenant(name)?.limits.tenant.bytes)
  }

  private static func at(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000_000 + Int64(seconds * 1e9))
  }

  @Test func `a bucket gives a burst, then the rate`() throws {
    let rate = try Self.rate("10/s")
    var mark = TokenBucket.untouched
    for _ in 0..<10 {
      guard case .given(let next) = TokenBucket.take(1, from: mark, at: Self.at(0), rate) else {
        Issue.record("a full bucket refuses")
        return
      }
      mark = next
    }
    #expect(
      TokenBucket.take(1, from: mark, at: Self.at(0), rate)
        == .refused(wait: .milliseconds(100)))
    #expect(TokenBucket.take(1, from: mark, at: Self.at(0.1), rate) != .refused(wait: .zero))
    // An hour later it holds no more than a burst.
    guard case .given(let later) = TokenBucket.take(10, from: mark, at: Self.at(3600), rate) else {
      Issue.record("a rested bucket refuses its burst")
      return
    }
    #expect(
      TokenBucket.take(1, from: later, at: Self.at(3600), rate)
        == .refused(wait: .milliseconds(100)))
  }

  @Test func `more than a burst goes into debt and is paid for`() throws {
    let rate = try Self.rate("10/s")
    guard
      case .given(let mark) = TokenBucket.take(
        100, from: TokenBucket.untouched, at: Self.at(0), rate)
    else {
      Issue.record("a full bucket refuses")
      return
    }
    #expect(
      TokenBucket.take(1, from: mark, at: Self.at(0), rate)
        == .refused(wait: .milliseconds(9_100)))
    #expect(
      TokenBucket.take(100, from: mark, at: Self.at(9.9), rate)
        == .refused(wait: .milliseconds(100)))
  }

  @Test func `over a long time exactly the rate comes through`() throws {
    for text in ["7/s", "1/m", "3/h", "1000003/s", "50MiB/s"] {
      let rate = try Self.rate(text)
      var mark = TokenBucket.untouched
      var given: Int64 = 0
      let step = max(1, rate.count / 50)
      let seconds = rate.span.nanoseconds / 1_000_000_000 * 20
      for tick in 0..<2_000 {
        let now = Self.at(Double(seconds) * Double(tick) / 2_000)
        if case .given(let next) = TokenBucket.take(step, from: mark, at: now, rate) {
          mark = next
          given += step
        }
      }
      #expect(given <= rate.count * 20 + rate.burst + step, "\(text)")
      #expect(given >= rate.count * 19, "\(text)")
    }
  }

  @Test func `the largest numbers overflow nothing`() throws {
    let slow = try Self.rate("1/d")
    #expect(
      TokenBucket.charge(1 << 40, to: TokenBucket.untouched, at: Self.at(0), slow) > 0)
    let fast = try Self.rate("1TiB/s", burst: "1h")
    if case .refused = TokenBucket.take(
      8 << 20, from: TokenBucket.untouched, at: MonotonicTime(nanoseconds: 5), fast)
    {
      Issue.record("a bucket that was never touched refuses")
    }
  }

  @Test func `a full set gives up its fullest bucket`() throws {
    let rate = try Self.rate("10/s")
    let table = BucketTable(capacity: 8)
    let now = Self.at(0)
    // Key 1 is deepest in debt, the others hold more and more.
    for key in UInt64(1)...8 { table.charge(Int64(100 - key * 10), to: key, at: now, rate) }
    #expect(table.wait(for: 1, of: 1, at: now, rate) != nil)
    table.charge(1, to: 99, at: now, rate)
    #expect(table.wait(for: 1, of: 1, at: now, rate) != nil, "the debtor is still known")
    #expect(table.wait(for: 1, of: 8, at: now, rate) == nil, "the fullest was given up")
  }

  @Test func `a flood of newcomers does not wash a debt away`() throws {
    let rate = try Self.rate("10/s")
    let table = BucketTable(capacity: 64)
    let now = Self.at(0)
    table.charge(1_000, to: 12_345, at: now, rate)
    for key in UInt64(1)...100_000 {
      table.charge(1, to: key &* 0x9E37_79B9_7F4A_7C15, at: now, rate)
    }
    #expect(table.wait(for: 1, of: 12_345, at: now, rate) != nil)
  }

  @Test(arguments: [
    ("2001:db8::1", "2001:db8::ffff:1", true), ("2001:db8::1", "2001:db8:0:1::1", false),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", true), ("::1", "::2", true),
    ("10.0.0.1", "10.0.0.2", false), ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
  ])
  func `an IPv6 address stands for its network`(one: String, other: String, same: Bool) {
    func hash(_ text: String) -> Int {
      var hasher = Hasher()
      PeerNetwork.hash(ByteSlice(utf8: text), into: &hasher)
      return hasher.finalize()
    }
    #expect((hash(one) == hash(other)) == same)
  }
}

/// The parts of tenants in a log that does not keep up.
@Suite struct FairShareTests {
  private static let now = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private func scope(_ tenant: String) throws -> TenantScope {
    let settings = try GatewaySettings(
      compiling: SettingsDocument(
        parsing: ByteSlice(
          utf8: """
            issuers: [{id: test}]
            tenants: {loud: {}, small: {}, heavy: {limits: {weight: 300}}}
            mappings:
              - {id: m, issuer: test, when: {/t: {exists: true}}, tenant: "{/t}", principal: p,
                 allow: [{publish: ["*/*"]}]}
            """), named: "t"))
    return try TenancyPolicy.compile(settings, generation: 1)
      .scope(of: try TestIssuer().verified(["t": tenant]), at: TestIssuer.now)
  }

  /// How many single events of a tenant are let in before one is refused, at most a thousand.
  private func fill(
    _ share: FairShare, _ tenant: String, at now: MonotonicTime = Self.now
  ) throws -> Int {
    let scope = try scope(tenant)
    for count in 0..<1_000 {
      do { _ = try share.enter(1, bytes: 0, of: scope, at: now) } catch { return count }
    }
    return 1_000
  }

  @Test func `alone a tenant has all places`() throws {
    let share = FairShare(at: Self.now, roll: TenantRoll(), metrics: LimitMetrics())
    #expect(try fill(share, "loud") == 1_000)
  }

  @Test func `beside another each has its part, and a newcomer is let in`() throws {
    let metrics = LimitMetrics()
    let share = FairShare(at: Self.now, roll: TenantRoll(), metrics: metrics)
    share.leave(try share.enter(1, bytes: 0, of: try scope("small"), at: Self.now))
    // Nobody else needs the places up to the bound.
    #expect(try fill(share, "loud") == FairShare.places)
    #expect(try fill(share, "small") == FairShare.places / 2)
    #expect(metrics.refusals(by: .tenantShare) == 2)
    // A third, heavier one takes three fifths of all, whatever the others hold.
    #expect(try fill(share, "heavy") == FairShare.places * 300 / 500)
  }

  @Test func `a long event takes as many places as it holds up the log`() throws {
    let share = FairShare(at: Self.now, roll: TenantRoll(), metrics: LimitMetrics())
    share.leave(try share.enter(1, bytes: 100, of: try scope("small"), at: Self.now))
    let loud = try scope("loud")
    // One that has nothing waiting is let in, whatever it brings; the second one waits its turn.
    let long = try share.enter(1, bytes: 1 << 20, of: loud, at: Self.now)
    #expect(throws: Refusal.self) { try share.enter(1, bytes: 1, of: loud, at: Self.now) }
    #expect(try fill(share, "small") == FairShare.places / 2)
    share.leave(long)
    let part = FairShare.places / 2 * FairShare.placeBytes
    share.leave(try share.enter(1, bytes: part, of: loud, at: Self.now))
  }

  @Test func `who is about on one loop has a part on all`() throws {
    let roll = TenantRoll()
    let first = FairShare(at: Self.now, roll: roll, metrics: LimitMetrics())
    let second = FairShare(at: Self.now, roll: roll, metrics: LimitMetrics())
    first.leave(try first.enter(1, bytes: 0, of: try scope("small"), at: Self.now))
    #expect(try fill(second, "loud") == FairShare.places)
    #expect(try fill(second, "small") == FairShare.places / 2)
    // Seen on both, and gone from both.
    #expect(roll.weights == 200)
    let later = Self.now + FairShare.memory
    first.leave(try first.enter(1, bytes: 0, of: try scope("heavy"), at: later))
    #expect(roll.weights == 500)
  }

  @Test func `long events of a tenant go one after the other, by whichever loop`() throws {
    let roll = TenantRoll()
    let metrics = LimitMetrics()
    let loops = (0..<2).map { _ in FairShare(at: Self.now, roll: roll, metrics: metrics) }
    let loud = try scope("loud")
    let small = try scope("small")
    func send(_ bytes: Int, of caller: TenantScope, by loop: Int) throws -> FairShare.Place {
      try loops[loop].expect(bytes: bytes, of: caller, at: Self.now)
      return try loops[loop].enter(1, bytes: bytes, of: caller, at: Self.now)
    }
    // Alone it may send as many as it likes.
    let row = try (0..<4).map { try send(1 << 20, of: loud, by: $0 % 2) }
    let other = try send(1 << 20, of: small, by: 0)
    for loop in 0..<2 {
      #expect(throws: Refusal.self) { try send(1 << 20, of: loud, by: loop) }
      #expect(throws: Refusal.self) { try send(1 << 20, of: small, by: loop) }
    }
    #expect(metrics.refusals(by: .tenantShare) == 4)
    for (index, place) in row.enumerated() { loops[index % 2].leave(place) }
    let next = try send(1 << 20, of: loud, by: 1)
    #expect(throws: Refusal.self) { try send(1 << 16, of: loud, by: 0) }
    loops[1].leave(next)
    loops[0].leave(other)
    // Little waits: nobody needs the places.
    let places = try (0..<8).map { try send(1 << 16, of: loud, by: $0 % 2) }
    #expect(throws: Refusal.self) { try send(1 << 16, of: loud, by: 0) }
    for (index, place) in places.enumerated() { loops[index % 2].leave(place) }
  }

  @Test func `what is answered makes room; who has gone quiet has no part`() throws {
    let share = FairShare(at: Self.now, roll: TenantRoll(), metrics: LimitMetrics())
    share.leave(try share.enter(1, bytes: 0, of: try scope("small"), at: Self.now))
    let batch = try share.enter(5_000, bytes: 0, of: try scope("loud"), at: Self.now)
    let loud = try scope("loud")
    #expect(throws: Refusal.self) { try share.enter(1, bytes: 0, of: loud, at: Self.now) }
    share.leave(batch)
    let later = Self.now + FairShare.memory + FairShare.memory
    #expect(try fill(share, "loud", at: later) == 1_000)
  }
}
