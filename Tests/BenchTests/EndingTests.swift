import Bytes
import Client
import Foundation
import JSONText
import Metrics
import Testing

@testable import jodrell_bench

@Suite("The end of a run", .serialized)
struct EndingTests {
  /// Long enough for six answers on a machine that has much else to do.
  private static let short = LoadOptions.Patience(
    behind: .seconds(2), after: .milliseconds(500))
  private static let common = ["--topic", "a/b/c", "--quiet"]

  @Test("a closed loop whose gateway stands still for good fails, and tells what it waited for")
  func closed() async throws {
    let words = Self.common + ["--duration", "2s", "--connections", "3", "--json"]
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let run = try PublishRun(words + ["--url", url], patience: Self.short)
      let report = try #require(await run.report())
      #expect(report.tally.requests == 6)
      #expect(report.tally.unanswered == 3)
      #expect(report.tally.latency.count == 6)
      #expect(!report.isClean)
    }
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let code = try await PublishRun(words + ["--url", url], patience: Self.short).run()
      #expect(code == ExitCode.failed)
    }
    try await ToyGateway.running { url, _ in
      let run = try PublishRun(words + ["--url", url])
      let report = try #require(await run.report())
      #expect(report.tally.unanswered == 0 && report.isClean, "\(report.json)")
    }
  }

  @Test("a request of the warm-up that is never answered was under way all the time")
  func warmUp() async throws {
    let words = ["--duration", "300ms", "--warm-up", "200ms", "--connections", "2", "--rate", "50"]
    try await ToyGateway.running { url, _ in
      let run = try PublishRun(Self.common + words + ["--url", url])
      let report = try #require(await run.report())
      #expect(report.tally.unanswered == 0 && report.isClean)
    }
    // Seven come due within 120 ms.
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let run = try PublishRun(Self.common + words + ["--url", url], patience: Self.short)
      let report = try #require(await run.report())
      #expect(report.tally.unanswered == 2 && report.overdue > 0)
    }
  }

  @Test("an open loop counts what was handed out and never answered")
  func open() async throws {
    let words =
      Self.common + ["--rate", "50", "--duration", "400ms", "--connections", "30", "--json"]
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let run = try PublishRun(words + ["--url", url], patience: Self.short)
      let report = try #require(await run.report())
      #expect(report.tally.requests == 6 && report.overdue == 0)
      #expect(report.tally.unanswered == 14)
      #expect(!report.isClean)
    }
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let code = try await PublishRun(words + ["--url", url], patience: Self.short).run()
      #expect(code == ExitCode.failed)
    }
  }

  @Test("an open loop that ends early tells how long it was, and not how long it was to be")
  func early() async throws {
    // Nobody listens on port 1: its senders try twenty times and give up.
    let words =
      Self.common + ["--rate", "1000", "--duration", "1h", "--connections", "2", "--json"]
    let run = try PublishRun(words + ["--url", "http://127.0.0.1:1"])
    let report = try #require(await run.report())
    #expect(report.elapsed > .zero && report.elapsed < .seconds(3_600))
    #expect(!report.isClean)
  }

  @Test("an answer after the end counts for the latency and not for the rate")
  func late() async throws {
    let words = Self.common + ["--duration", "2s", "--connections", "1"]
    try await ToyGateway.running(.delaysSeventh) { url, _ in
      let run = try PublishRun(words + ["--url", url])
      let report = try #require(await run.report())
      #expect(report.tally.requests == 6 && report.tally.events == 6)
      #expect(report.tally.answersAfter == 1 && report.tally.unanswered == 0)
      #expect(report.tally.latency.count == 7)
      #expect(report.tally.latency.largest > 3_000_000_000)
      #expect(report.elapsed.nanoseconds < report.tally.latency.largest)
      #expect(report.isClean)
    }
  }

  @Test("a send that was handed out when the run was over has not been made")
  func forgone() async throws {
    let words =
      Self.common + ["--rate", "50", "--duration", "160ms", "--connections", "1", "--json"]
    let patience = LoadOptions.Patience(behind: .seconds(2))
    try await ToyGateway.running(.delaysSeventh) { url, log in
      let run = try PublishRun(words + ["--url", url], patience: patience)
      let report = try #require(await run.report())
      #expect(log.count == 7)
      #expect(report.tally.answersAfter == 1 && report.overdue == 1)
      #expect(!report.isClean)
    }
  }

  @Test("a roundtrip fails when publishes are not answered, though all that was stored arrives")
  func roundTrip() async throws {
    let words = Self.common + ["--rate", "50", "--duration", "400ms", "--connections", "30"]
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
      let run = try SubscribeRun(
        words + ["--url", url], as: .roundTrip, patience: Self.short)
      let code = await run.run()
      #expect(code == ExitCode.failed)
    }
  }

  @Test("verify fails when events are not answered, unless it was told of restarts")
  func verify() async throws {
    for isTold in [false, true] {
      let journal = NSTemporaryDirectory() + "jodrell-journal-\(UInt64.random(in: 0...UInt64.max))"
      defer { try? FileManager.default.removeItem(atPath: journal) }
      try await ToyGateway.running(.neverAnswersFromSeventh) { url, _ in
        var words = Self.common + ["--duration", "2s", "--no-check", "--journal", journal]
        words += ["--url", url, "--json"]
        if isTold { words.append("--through-restarts") }
        let run = try VerifyRun(words, afterEnd: .milliseconds(500))
        let code = await run.start()
        #expect(code == (isTold ? ExitCode.good : ExitCode.failed))
      }
    }
  }

  @Test("what is under way at the end is looked at to its own end, and nothing later")
  func tally() {
    let tally = Tally()
    let early = monotonicNow()
    #expect(!tally.failed(.timedOut, since: early))
    tally.answered(201, stored: 1, unstored: 0, bytes: 10, since: early)
    tally.begin()
    let sent = monotonicNow()
    tally.answered(201, stored: 1, unstored: 0, bytes: 10, since: early)
    #expect(tally.failed(.connectionLost, since: sent))
    tally.end()
    let later = monotonicNow() + .nanoseconds(1)
    tally.answered(201, stored: 1, unstored: 0, bytes: 10, since: sent)
    tally.answered(503, stored: 0, unstored: 0, bytes: 10, since: sent)
    tally.answered(503, stored: 0, unstored: 0, bytes: 10, since: later)
    #expect(tally.failed(.connectionLost, since: sent))
    #expect(!tally.failed(.connectionLost, since: later))
    let found = tally.snapshot
    #expect(found.requests == 1 && found.events == 1 && found.bytes == 10)
    #expect(found.latency.count == 3)
    #expect(found.answersAfter == 2 && found.refusalsAfter == 1)
    #expect(found.lost == 1 && found.unanswered == 1)
    #expect(found.faults == 2 && found.refusals == 1)
    #expect(tally.storedInAll == 3)
  }

  @Test("events that a 2xx leaves out are counted apart, and so are their bytes")
  func leftOut() throws {
    let tally = Tally()
    let early = monotonicNow()
    tally.answered(207, stored: 0, unstored: 9, bytes: 100, since: early)
    tally.begin()
    let sent = monotonicNow()
    tally.answered(207, stored: 3, unstored: 1, bytes: 400, since: sent)
    tally.end()
    let later = monotonicNow() + .nanoseconds(1)
    tally.answered(202, stored: 0, unstored: 2, bytes: 100, since: sent)
    tally.answered(202, stored: 0, unstored: 4, bytes: 100, since: later)
    let found = tally.snapshot
    #expect(found.events == 3 && found.unstored == 3 && found.bytes == 300)
    #expect(found.refusals == 0 && found.refusalsAfter == 0)
    let report = try report(tally)
    #expect(!report.isClean && report.table.contains("not stored"))
    let json = try JSONDocument(parsing: ByteSlice(utf8: report.json)).root
    #expect(json["notStored"]?.integer == 3)
  }

  @Test("a connection that gave up before the counting is missed in it")
  func givenUp() async throws {
    // Nobody listens on port 1.
    var arguments = Arguments(["--topic", "a/b/c", "--url", "http://127.0.0.1:1"])
    let target = try Target(&arguments)
    let tally = Tally()
    let publisher = Publisher(
      endpoint: target.endpoint, pool: try RequestPool(for: target), tally: tally,
      control: RunControl(requests: nil), isTopic: true, pacer: nil, stamps: false)
    let role = LoadDriver.Role(2, loops: 1) { loop, _ in await publisher.run(on: loop) }
    await LoadDriver.run([role]) { isOver in
      while !isOver() { try? await Task.sleep(for: .milliseconds(5)) }
    }
    tally.begin()
    tally.answered(201, stored: 1, unstored: 0, bytes: 10, since: monotonicNow())
    tally.end()
    let report = try report(tally)
    #expect(report.tally.faults == 0 && report.tally.requests == 1)
    #expect(report.tally.gaveUp == 2 && !report.isClean)
    #expect(report.table.contains("gave up"))
    let json = try JSONDocument(parsing: ByteSlice(utf8: report.json)).root
    #expect(json["gaveUp"]?.integer == 2)
  }

  /// What a run of a second tells.
  private func report(_ tally: Tally) throws -> Report {
    var arguments = Arguments(["--topic", "a/b/c"])
    let target = try Target(&arguments)
    let load = try LoadOptions(&arguments)
    let result = Watch.Result(
      elapsed: .seconds(1), series: [], server: nil, metered: 0, generator: .zero)
    return Report(result, tally, of: target, load, overdue: 0)
  }

  @Test("a report tells what was unanswered, and what was refused after the end")
  func report() throws {
    var arguments = Arguments(["--topic", "a/b/c"])
    let target = try Target(&arguments)
    let load = try LoadOptions(&arguments)
    let tally = Tally()
    tally.begin()
    let sent = monotonicNow()
    tally.answered(201, stored: 1, unstored: 0, bytes: 10, since: sent)
    tally.end()
    let result = Watch.Result(
      elapsed: .seconds(1), series: [], server: nil, metered: 0, generator: .zero)
    #expect(Report(result, tally, of: target, load, overdue: 0).isClean)
    tally.answered(503, stored: 0, unstored: 0, bytes: 10, since: sent)
    let refused = Report(result, tally, of: target, load, overdue: 0)
    #expect(!refused.isClean && refused.table.contains("refused late"))
    #expect(!refused.table.contains("unanswered"))
    #expect(tally.failed(.timedOut, since: sent))
    let report = Report(result, tally, of: target, load, overdue: 0)
    #expect(!report.isClean && report.table.contains("unanswered"))
    let none = Watch.Result(
      elapsed: .zero, series: [], server: nil, metered: 0, generator: .zero)
    #expect(Report(none, tally, of: target, load, overdue: 0).table.contains("payload"))
    let json = try JSONDocument(parsing: ByteSlice(utf8: report.json)).root
    #expect(json["requests"]?.integer == 1)
    #expect(json["faults"]?["unanswered"]?.integer == 1)
    #expect(json["afterEnd"]?["refused"]?.integer == 1)
  }
}
