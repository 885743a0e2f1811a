import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

/// What was acknowledged is there, whatever kills the process.
extension EndToEnd {
  @Suite struct Crashes {
    /// Rounds of `kill -9`; `JODRELL_KILL_ROUNDS` says otherwise.
    private static let rounds =
      ProcessInfo.processInfo.environment["JODRELL_KILL_ROUNDS"].flatMap { Int($0) } ?? 20

    @Test(.timeLimit(.minutes(15)))
    func `kill -9 under load loses, repeats and alters nothing`() async throws {
      try await withGateway { gateway in
        let place = try Workplace.directory("journal")
        defer { try? FileManager.default.removeItem(at: place) }
        let token = try await gateway.token()
        let common = [
          "--url", await gateway.url, "--topic", "public/default/crash", "--token", token,
          "--journal", place.appending(path: "journal").path(),
        ]
        // It is told to stop when the rounds are over, so that all of them are under load.
        let errors = place.appending(path: "bench.err")
        let load = try ChildProgram(
          Workplace.bench.path(),
          ["verify", "run"] + common
            + [
              "--connections", "8", "--duration", "1h", "--through-restarts", "--patience", "10m",
              "--no-check", "--quiet",
            ], errors: errors)
        defer { load.signal(SIGTERM) }

        let seed = UInt64.random(in: 0..<1 << 32)
        var dice = Dice(seed: seed)
        var ready: [Duration] = []
        for round in 0..<Self.rounds {
          try await Task.sleep(for: .milliseconds(100 + Int(dice.next() % 500)))
          // Not before there has been some load, however slow the machine is.
          try await gateway.holds(110 * (round + 1), in: "crash", token: token)
          try await gateway.killNine()
          try await gateway.start()
          ready.append(await gateway.readyAfter)
        }
        load.signal(SIGINT)
        let code = try await load.ended()
        let told = try String(contentsOf: errors, encoding: .utf8)
        #expect(code == 0, "\(told)")

        let check = try await Workplace.run(
          Workplace.bench, ["verify", "check", "--json", "--quiet"] + common)
        #expect(check.code == 0, "seed \(seed)\n\(check.output)\(check.errors)")
        let found = try JSONDocument(parsing: ByteSlice(utf8: check.output)).root
        #expect(found["acknowledged"]?.integer ?? 0 > 100 * Int64(Self.rounds), "too little load")
        ready.sort()
        #expect(ready[ready.count / 2] <= .seconds(2), "ready after \(ready)")
        #expect(ready.last ?? .zero <= .seconds(5), "ready after \(ready)")
      }
    }

    @Test func `a second gateway may not have the same data, and says so`() async throws {
      try await withGateway { gateway in
        let second = try await Workplace.run(
          Workplace.jodrell,
          ["serve", "--data", gateway.data.path(), "--listen", "127.0.0.1:0"])
        #expect(second.code == 5)
        #expect(try await gateway.send("GET", "/readyz").status == 200)
      }
    }
  }
}
