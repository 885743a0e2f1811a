import Authentication
import Bytes
import Crypto
import Fetching
import Foundation
import Metrics
import Settings
import Synchronization
import TestSupport
import Testing

@Suite struct `The desk that asks issuers about tokens` {
  /// A clock that stands until it is moved.
  private final class Clock: Sendable {
    private let now = Mutex(MonotonicTime(nanoseconds: 1))
    func move(by span: TimeSpan) { now.withLock { $0 = $0 + span } }
    var clocks: Clocks {
      Clocks(wall: { TestIssuer.now }, monotonic: { [self] in now.withLock { $0 } })
    }
  }

  private let clock = Clock()
  private let thread: FetchThread
  private let metrics = IssuerMetrics()
  private let desk: IntrospectionDesk

  init() throws {
    thread = try #require(FetchThread())
    desk = IntrospectionDesk(
      thread, clocks: clock.clocks, metrics: metrics, secret: { _ in ByteSlice(utf8: "secret") })
    metrics.configure([ByteSlice(utf8: "one"), ByteSlice(utf8: "two")])
  }

  private func issuer(_ id: String, _ url: String) -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: id), issuer: ByteSlice(utf8: id), audiences: [ByteSlice(utf8: "gw")],
      keys: IssuerKeys(),
      introspection: IntrospectionTerms(
        url: ByteSlice(utf8: url), rules: Harness.loopback, clientID: ByteSlice(utf8: "gw"),
        clientSecret: .environment("S")))
  }

  private func digest(_ token: String) -> Digest { Digest.sha256(ByteSlice(utf8: token)) }

  private func ask(_ token: String, _ issuer: IssuerProfile, from address: UInt64) async {
    await withCheckedContinuation { waiting in
      desk.ask(about: ByteSlice(utf8: token), digest(token), at: issuer, from: address) {
        waiting.resume()
      }
    }
  }

  private func finding(
    _ token: String, _ issuer: IssuerProfile, from address: UInt64 = 0
  ) -> String {
    switch desk.finding(about: digest(token), at: issuer, from: address) {
    case .answer(let answer): answer.claims == nil ? "inactive" : "active"
    case .unknown: "unknown"
    case .unavailable: "unavailable"
    case .tooMany: "too many"
    }
  }

  @Test func `a full line is no fault of the issuer, and keys have a line of their own`()
    async throws
  {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    neighbour.answer { _ in .init(#"{"active":true}"#) }
    let issuer = issuer("one", neighbour.url)
    // Nobody fetches yet: four addresses fill the line.
    let answered = Atomic<Int>(0)
    for number in 0..<FetchThread.most {
      let address = UInt64(number / IntrospectionDesk.mostPerAddress)
      let token = ByteSlice(utf8: "garbage-\(number)")
      desk.ask(about: token, Digest.sha256(token), at: issuer, from: address) {
        answered.add(1, ordering: .relaxed)
      }
    }
    #expect(finding("other", issuer, from: 0) == "too many")
    #expect(finding("garbage-0", issuer, from: 0) == "unknown", "it can be waited for")
    #expect(finding("good", issuer, from: 9) == "unknown")
    await ask("good", issuer, from: 9)
    #expect(finding("good", issuer, from: 9) == "unknown", "nobody was asked, nothing is known")
    #expect(metrics.count(of: .unasked) == 2 && metrics.count(of: .unanswered) == 0)
    async let keys: Void = withCheckedContinuation { waiting in
      thread.fetch(Fetch(url: ByteSlice(utf8: neighbour.url), rules: Harness.loopback)) { result in
        if case .failure = result { Issue.record("\(result)") }
        waiting.resume()
      }
    }
    let rest = Task { await ask("garbage-1", issuer, from: 0) }
    Thread.detachNewThread { [thread] in thread.run {} }
    defer { thread.stop() }
    await keys
    await rest.value
    while answered.load(ordering: .relaxed) < FetchThread.most {
      try await Task.sleep(for: .milliseconds(2))
    }
    await ask("good", issuer, from: 0)
    #expect(finding("good", issuer) == "active")
  }

  @Test func `what one endpoint has said, or is asked, is no answer of another`() async throws {
    let (old, new) = (try HTTPNeighbour(), try HTTPNeighbour())
    defer {
      old.stop()
      new.stop()
    }
    old.answer { _ in .init(#"{"active":true}"#) }
    new.answer { _ in .init(#"{"active":false}"#) }
    let (before, after) = (issuer("one", old.url), issuer("one", new.url))
    async let late: Void = ask("late", before, from: 0)
    async let anew: Void = ask("late", after, from: 0)
    Thread.detachNewThread { [thread] in thread.run {} }
    defer { thread.stop() }
    await late
    await anew
    #expect(finding("late", before) == "active" && finding("late", after) == "inactive")
    await ask("early", before, from: 0)
    #expect(finding("early", before) == "active" && finding("early", after) == "unknown")
    old.answer { _ in .init("", status: 500) }
    for number in 0..<IntrospectionDesk.failuresInARow { await ask("t\(number)", before, from: 0) }
    #expect(finding("fresh", before) == "unavailable" && finding("fresh", after) == "unknown")
  }

  @Test func `an answer is good for its lifetime, whatever the wall clock says`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    neighbour.answer { _ in .init(#"{"active":true}"#) }
    let issuer = issuer("one", neighbour.url)
    Thread.detachNewThread { [thread] in thread.run {} }
    defer { thread.stop() }
    await ask("token", issuer, from: 0)
    #expect(finding("token", issuer) == "active")
    // As if the wall clock had been set back by as much.
    clock.move(by: IntrospectionTerms.defaultLifetime)
    #expect(finding("token", issuer) == "unknown")
  }

  @Test func `a failure that nobody has read is forgotten`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let issuer = issuer("one", neighbour.url)
    Thread.detachNewThread { [thread] in thread.run {} }
    defer { thread.stop() }
    for status in [500, 400] {
      neighbour.answer { _ in .init("", status: status) }
      await ask("slow", issuer, from: 0)
      #expect(finding("slow", issuer) == "unavailable")
      #expect(finding("slow", issuer) == "unknown", "told once")
      await ask("slow", issuer, from: 0)
      clock.move(by: IntrospectionDesk.failureTime)
      #expect(finding("slow", issuer) == "unknown")
    }
  }

  @Test func `an issuer that fails is left alone, and no other one`() async throws {
    let (bad, good) = (try HTTPNeighbour(), try HTTPNeighbour())
    defer {
      bad.stop()
      good.stop()
    }
    bad.answer { _ in .init("", status: 500) }
    good.answer { request in
      request.body.contains("odd") ? .init("", status: 400) : .init(#"{"active":false}"#)
    }
    let (one, two) = (issuer("one", bad.url), issuer("two", good.url))
    Thread.detachNewThread { [thread] in thread.run {} }
    defer { thread.stop() }
    for number in 0..<IntrospectionDesk.failuresInARow {
      #expect(finding("t\(number)", one) == "unknown")
      await ask("t\(number)", one, from: 0)
      #expect(finding("t\(number)", one) == "unavailable")
    }
    #expect(finding("fresh", one) == "unavailable")
    // An endpoint that will not answer about some tokens still answers.
    for number in 0..<(2 * IntrospectionDesk.failuresInARow) {
      await ask("odd\(number)", two, from: 0)
      #expect(finding("odd\(number)", two) == "unavailable")
    }
    await ask("fresh", two, from: 0)
    #expect(finding("fresh", two) == "inactive")
    #expect(finding("fresh", one) == "unavailable", "what one says of a token is not another's")
  }
}
