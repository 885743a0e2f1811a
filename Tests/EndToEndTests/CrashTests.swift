import Foundation
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
        // It ends by its own clock, after about as long as the rounds take.
        let load = try await VerifiedLoad(on: gateway, seconds: Self.rounds * 2 / 3 + 2)
        let seed = UInt64.random(in: 0..<1 << 32)
        var dice = Dice(seed: seed)
        var ready: [Duration] = []
        for _ in 0..<Self.rounds {
          try await Task.sleep(for: .milliseconds(100 + Int(dice.next() % 500)))
          try await gateway.killNine()
          try await gateway.start()
          ready.append(await gateway.readyAfter)
        }
        let verdict = try await load.verdict()
        #expect(verdict.code == 0, "seed \(seed)\n\(verdict.text)")
        #expect(verdict.acknowledged > 100 * Self.rounds, "too little load")
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
