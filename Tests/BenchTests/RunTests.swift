import Bytes
import Client
import Foundation
import HTTPWire
import Network
import Synchronization
import Testing

@testable import jodrell_bench

@Suite("Runs against a gateway", .serialized)
struct RunTests {
  private func verify(
    _ url: String, _ more: [String] = [], journal: String
  ) async throws -> Int32 {
    try await VerifyRun(
      [
        "--url", url, "--topic", "a/b/c", "--journal", journal, "--count", "400", "--connections",
        "4", "--quiet", "--json",
      ] + more
    ).start()
  }

  private func withJournal(_ body: (String) async throws -> Void) async throws {
    let path = "/tmp/jodrell-journal-\(UInt64.random(in: 0...UInt64.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
  }

  @Test("verify finds nothing in a gateway that keeps its promises", arguments: [1, 7])
  func honest(batch: Int) async throws {
    try await withJournal { path in
      try await ToyGateway.running { url, log in
        let code = try await verify(url, ["--batch", "\(batch)"], journal: path)
        #expect(code == ExitCode.good)
        #expect(log.count == 400)
        // The journal is good for another look, and for one that finds what happened since.
        let check = ["--url", url, "--topic", "a/b/c", "--journal", path, "--quiet"]
        let again = try await VerifyCheck(check).run()
        #expect(again == ExitCode.good)
        log.dropLast()
        let later = try await VerifyCheck(check).run()
        #expect(later == ExitCode.findings)
      }
    }
  }

  @Test(
    "verify finds every broken promise",
    arguments: [
      ToyGateway.Fault.losesSeventh, .storesSeventhTwice, .altersSeventh, .storesSeventhTooEarly,
      .storesSeventhThoughRefused,
    ], [1, 7])
  func dishonest(fault: ToyGateway.Fault, batch: Int) async throws {
    try await withJournal { path in
      try await ToyGateway.running(fault) { url, _ in
        let code = try await verify(url, ["--batch", "\(batch)"], journal: path)
        #expect(code == ExitCode.findings)
      }
    }
  }

  @Test("an answer that leaves the outcome open is allowed by --through-restarts alone")
  func open() async throws {
    for isTold in [true, false] {
      try await withJournal { path in
        try await ToyGateway.running(.closesInsteadOfSeventh) { url, _ in
          let more = isTold ? ["--through-restarts"] : []
          let code = try await verify(url, more, journal: path)
          #expect(code == (isTold ? ExitCode.good : ExitCode.failed))
        }
      }
    }
  }

  @Test("reading back ends with the topic's end, also where others go on publishing")
  func growing() async throws {
    try await withJournal { path in
      try await ToyGateway.running(.growsWhileRead) { url, _ in
        let code = try await verify(url, journal: path)
        #expect(code == ExitCode.good)
      }
    }
  }

  @Test("all that verify and workers send has the fields of --header")
  func headers() async throws {
    let key = ["--header", "X-Key: 1"]
    let words = [
      "--topic", "a/b/c", "--workers", "2", "--publish-rate", "500", "--count", "20", "--quiet",
    ]
    try await withJournal { path in
      try await ToyGateway.running(.wantsKey) { url, _ in
        let verified = try await verify(url, key, journal: path)
        #expect(verified == ExitCode.good)
        let worked = try await WorkersRun(words + key + ["--url", url]).run()
        #expect(worked == ExitCode.good)
        let refused = try await WorkersRun(["--topic", "a/b/c", "--quiet", "--url", url]).run()
        #expect(refused == ExitCode.failed)
      }
    }
  }

  @Test("verify goes on through restarts and counts them as a failure only unless it was told to")
  func restarts() async throws {
    for isTold in [true, false] {
      try await withJournal { path in
        let log = ToyGateway.Log(.none)
        var server = try await ToyGateway.start(log)
        let port = server.port
        let words = [
          "--url", "http://127.0.0.1:\(port)", "--topic", "a/b/c", "--journal", path,
          // A run that was not told ends with its first loss.
          "--connections", "4", "--duration", isTold ? "4s" : "2m", "--quiet", "--json",
        ]
        let run = try VerifyRun(isTold ? words + ["--through-restarts"] : words)
        async let code = run.start()
        // One loss is enough for a run that was not told.
        for _ in 0..<(isTold ? 3 : 1) {
          // Each server has met the load, over all its connections, before it goes.
          let before = log.count
          for _ in 0..<4_000 where log.count == before || server.counters.openConnections < 4 {
            try await Task.sleep(for: .milliseconds(5))
          }
          _ = await server.drain(within: .zero)
          // So long that everybody has missed it where one loss ends the run.
          try await Task.sleep(for: .milliseconds(isTold ? 50 : 1_000))
          server = try await ToyGateway.start(log, port: port)
        }
        let ended = await code
        #expect(ended == (isTold ? ExitCode.good : ExitCode.failed))
        #expect(log.count > 0)
        _ = await server.drain(within: .seconds(1))
      }
    }
  }

  @Test("a run that proves nothing fails")
  func nothing() async throws {
    try await withJournal { path in
      try await ToyGateway.running(.refusesAll) { url, _ in
        let code = try await verify(url, journal: path)
        #expect(code == ExitCode.failed)
      }
      // Nobody listens on port 1.
      let code = try await verify("http://127.0.0.1:1", journal: path)
      #expect(code == ExitCode.failed)
    }
  }

  @Test("publish counts what is stored and fails when something was not", arguments: [1, 10])
  func publish(batch: Int) async throws {
    let words = [
      "--topic", "a/b/c", "--count", "500", "--connections", "3", "--batch", "\(batch)", "--quiet",
      "--json", "--server-pid", "\(ProcessInfo.processInfo.processIdentifier)",
    ]
    try await ToyGateway.running { url, log in
      let code = try await PublishRun(words + ["--url", url]).run()
      #expect(code == ExitCode.good)
      #expect(log.count == 500)
    }
    // Of a batch, one line is refused: 207.
    try await ToyGateway.running(.storesSeventhThoughRefused) { url, _ in
      let code = try await PublishRun(words + ["--url", url]).run()
      #expect(code == ExitCode.failed)
    }
  }

  @Test("an event in quarantine is not stored; what another server accepts is")
  func quarantine() async throws {
    let words = ["--count", "20", "--connections", "1", "--quiet", "--json"]
    for (target, isTopic) in [(["--topic", "a/b/c"], true), (["--path", "/hooks"], false)] {
      try await ToyGateway.running(.quarantinesSeventh) { url, _ in
        let run = try PublishRun(target + words + ["--url", url])
        let report = try #require(await run.report())
        #expect(report.tally.requests == 20 && report.tally.refusals == 0)
        #expect(report.tally.events == (isTopic ? 19 : 20))
        #expect(report.tally.unstored == (isTopic ? 1 : 0))
        #expect(report.isClean == !isTopic)
      }
    }
  }

  @Test("an answer says how many events are stored, and how many not")
  func outcome() {
    func outcome(
      _ status: Int, _ body: String = "", isTopic: Bool = true
    ) -> [Int] {
      let answer = ClientAnswer(
        status: status, fields: .empty, body: ByteSlice(utf8: body), keepsConnection: true)
      let (stored, unstored) = Publisher.outcome(of: 10, in: answer, isTopic: isTopic)
      return [stored, unstored]
    }
    #expect(outcome(201) == [10, 0])
    #expect(outcome(202) == [0, 10])
    #expect(outcome(202, isTopic: false) == [10, 0])
    let mixed = #"{"stored":1,"rejected":9}"#
    #expect(outcome(207, mixed) == [1, 9] && outcome(207, mixed, isTopic: false) == [1, 9])
    #expect(outcome(207) == [0, 10])
    // Of nginx, say, which keeps nothing.
    #expect(outcome(204) == [0, 10] && outcome(204, isTopic: false) == [0, 0])
    #expect(outcome(422) == [0, 0])
  }

  @Test("an open loop sends what its timetable says, over connections that share it")
  func openLoop() async throws {
    try await ToyGateway.running { url, log in
      let words = [
        "--topic", "a/b/t{}", "--topics", "7", "--rate", "2000", "--count", "300", "--connections",
        "5", "--arrivals", "poisson", "--quiet", "--json", "--url", url,
      ]
      let code = try await PublishRun(words).run()
      #expect(code == ExitCode.good)
      #expect(log.count == 300)
    }
  }

  @Test("replay sends each file of a folder once, in the order of the names")
  func replay() async throws {
    try await withFolder(of: 20) { folder, payloads in
      try await ToyGateway.running { url, log in
        let words = [
          folder, "--topic", "a/b/c", "--connections", "1", "--quiet", "--json", "--url", url,
        ]
        let code = try await PublishRun(replaying: words).run()
        #expect(code == ExitCode.good)
        #expect(log.payloads == payloads)
      }
    }
    #expect(throws: UsageFault.self) { try PublishRun(replaying: ["--topic", "a/b/c"]) }
    #expect(throws: UsageFault.self) {
      try PublishRun(replaying: ["/nowhere", "--topic", "a/b/c"])
    }
  }

  @Test(
    "replay in batches sends each file as often as it should, in order",
    arguments: [([String](), 10), (["--count", "25"], 25), (["--count", "7"], 7)])
  func replayInBatches(more: [String], count: Int) async throws {
    try await withFolder(of: 10) { folder, payloads in
      try await ToyGateway.running { url, log in
        let words = [
          folder, "--topic", "a/b/c", "--connections", "1", "--batch", "4", "--quiet", "--json",
          "--url", url,
        ]
        let code = try await PublishRun(replaying: words + more).run()
        #expect(code == ExitCode.good)
        #expect(log.payloads == (0..<count).map { payloads[$0 % 10] })
      }
    }
  }

  @Test(
    "publish sends as many events as it was told to, whatever the batch",
    arguments: [["--loops", "3"], ["--rate", "200"]])
  func counted(more: [String]) async throws {
    try await ToyGateway.running { url, log in
      let words = [
        "--topic", "a/b/c", "--count", "10", "--batch", "4", "--connections", "6", "--quiet",
        "--url", url,
      ]
      let run = try PublishRun(words + more)
      let report = try #require(await run.report())
      #expect(log.count == 10)
      #expect(report.tally.requests == 3 && report.tally.events == 10)
      #expect(report.isClean)
    }
  }

  /// A folder of so many files, which are made in any order, and what they hold, in that of their
  /// names.
  private func withFolder(
    of count: Int, _ body: (_ folder: String, _ payloads: [String]) async throws -> Void
  ) async throws {
    let folder = NSTemporaryDirectory() + "jodrell-replay-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let names = (0..<count).map { "event-\(10 + $0).json" }
    for name in names.shuffled() {
      try "\"\(name)\"".write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    }
    try await body(folder, names.map { "\"\($0)\"" })
  }

  @Test("readers get everything once, or the run fails", arguments: [1, 70])
  func readers(count: Int) async throws {
    let words = [
      "--topic", "a/b/c", "--readers", "\(count)", "--publish-rate", "500", "--count", "100",
      "--check", "--quiet", "--json",
    ]
    try await ToyGateway.running { url, log in
      let code = try await SubscribeRun(words + ["--url", url], as: .fanOut).run()
      #expect(code == ExitCode.good)
      #expect(log.count == 101)
    }
    try await ToyGateway.running(.losesSeventh) { url, _ in
      let code = try await SubscribeRun(words + ["--url", url], as: .fanOut).run()
      #expect(code == ExitCode.failed)
    }
    // From the front on there may be more events than were published, and no number tells.
    try await ToyGateway.running(.losesSeventh) { url, _ in
      let more = ["--from", "earliest", "--url", url]
      let code = try await SubscribeRun(words + more, as: .fanOut).run()
      #expect(code == ExitCode.good)
    }
    // Nobody listens on port 1.
    let code = try await SubscribeRun(words + ["--url", "http://127.0.0.1:1"], as: .fanOut).run()
    #expect(code == ExitCode.failed)
  }

  @Test("an arrival is told where it is judged, and why it is not")
  func arrival() {
    #expect(Arrival(8, of: 10) == .missing(2))
    #expect(!Arrival(8, of: 10).isClean)
    #expect(Arrival(8, of: 10).fields.map { $0.1 } == ["2"])
    // Of others', too.
    #expect(Arrival(11, of: 10) == .missing(0))
    #expect(Arrival(10, of: 10).isClean)
    let silent = Arrival.notJudged("nobody knows")
    #expect(silent.isClean && silent.fields.isEmpty)
    #expect(silent.row.hasSuffix("not judged, since nobody knows\n"))
  }

  @Test("a roundtrip finds what has not arrived")
  func roundTrip() async throws {
    let words = [
      "--topic", "a/b/c", "--rate", "500", "--count", "100", "--connections", "4", "--check",
      "--quiet",
    ]
    try await ToyGateway.running { url, log in
      let code = try await SubscribeRun(words + ["--url", url, "--json"], as: .roundTrip).run()
      #expect(code == ExitCode.good)
      // One makes the topic.
      #expect(log.count == 101)
    }
    try await ToyGateway.running(.losesSeventh) { url, _ in
      let code = try await SubscribeRun(words + ["--url", url], as: .roundTrip).run()
      #expect(code == ExitCode.failed)
    }
  }

  @Test("workers acknowledge everything once, or the run fails")
  func workers() async throws {
    let words = [
      "--topic", "a/b/c", "--workers", "3", "--publish-rate", "500", "--count", "100", "--quiet",
    ]
    try await ToyGateway.running { url, log in
      let code = try await WorkersRun(words + ["--url", url, "--json"]).run()
      #expect(code == ExitCode.good)
      #expect(log.handedOut.load(ordering: .relaxed) == 101)
    }
    try await ToyGateway.running(.losesSeventh) { url, _ in
      let code = try await WorkersRun(words + ["--url", url]).run()
      #expect(code == ExitCode.failed)
    }
    // What lies in a subscription of before would hide the loss, or look like one.
    try await ToyGateway.running(.hasSubscription) { url, _ in
      let code = try await WorkersRun(words + ["--url", url]).run()
      #expect(code == ExitCode.good)
    }
  }

  @Test("workers fail, as others do, when the gateway does not do as it should")
  func subscription() async throws {
    let words = ["--topic", "a/b/c", "--workers", "2", "--quiet"]
    // Nobody listens on port 1.
    let code = try await WorkersRun(words + ["--url", "http://127.0.0.1:1"]).run()
    #expect(code == ExitCode.failed)
    try await ToyGateway.running(.keepsSubscription) { url, _ in
      let more = ["--publish-rate", "500", "--count", "20", "--url", url]
      let code = try await WorkersRun(words + more).run()
      #expect(code == ExitCode.failed)
      let kept = try await WorkersRun(words + more + ["--keep"]).run()
      #expect(kept == ExitCode.good)
    }
  }
}
