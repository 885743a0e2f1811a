import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

/// Publishers that write down every answer, and the comparison of the log with what they wrote:
/// `jodrell-bench verify` on one topic of one gateway.
struct VerifiedLoad: ~Copyable {
  /// What the comparison found.
  struct Verdict: Sendable {
    let code: Int32
    let acknowledged: Int
    let text: String
  }

  private let place: URL
  private let load: ChildProgram
  private let common: [String]

  /// Starts to publish; ends by itself after `seconds`, or when it is told to.
  init(on gateway: GatewayChild, seconds: Int = 3600, connections: Int = 8) async throws {
    let place = try Workplace.directory("journal")
    let common = [
      "--url", await gateway.url, "--topic", "public/default/verified", "--token",
      try await gateway.token(), "--journal", place.appending(path: "journal").path(),
    ]
    let load = try ChildProgram(
      Workplace.bench.path(),
      ["verify", "run"] + common
        + [
          "--connections", "\(connections)", "--duration", "\(seconds)s", "--through-restarts",
          "--patience", "10m", "--no-check", "--quiet",
        ], errors: place.appending(path: "errors"))
    (self.place, self.common, self.load) = (place, common, load)
  }

  deinit {
    load.signal(SIGTERM)
    try? FileManager.default.removeItem(at: place)
  }

  /// Tells it to end; `verdict` waits for that.
  func end() { load.signal(SIGINT) }

  /// Waits until it has ended and compares: nothing acknowledged may be missing, changed, doubled
  /// or out of order.
  func verdict() async throws -> Verdict {
    let code = try await load.ended()
    let told = try String(contentsOf: place.appending(path: "errors"), encoding: .utf8)
    #expect(code == 0, "\(told)")
    let check = try await Workplace.run(
      Workplace.bench, ["verify", "check", "--json", "--quiet"] + common)
    let found = try? JSONDocument(parsing: ByteSlice(utf8: check.output)).root
    return Verdict(
      code: check.code, acknowledged: Int(found?["acknowledged"]?.integer ?? 0),
      text: check.output + check.errors)
  }

  /// Ends it and expects, after a restart, all of it and of `stored` large events to be there.
  /// Those whose outcome is unknown may be, one for each connection.
  func expectKept(
    beside stored: Int, in topic: String, by gateway: GatewayChild, token: String
  ) async throws {
    let kept = try await gateway.events(in: topic, token: token)
    #expect((stored...stored + 4).contains(kept), "\(stored) stored, \(kept) kept")
    end()
    let verdict = try await verdict()
    #expect(verdict.code == 0, "\(verdict.text)")
    #expect(verdict.acknowledged > 4)
    #expect(try await gateway.terminate() == 0)
  }
}

extension GatewayChild {
  /// Waits until a topic has so many events.
  func holds(_ count: Int, in topic: String, token: String) async throws {
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      if try await events(in: topic, token: token) >= count { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("no \(count) events in \(topic) within ten minutes")
  }

  /// How many events a topic has; none while it is not there.
  func events(in topic: String, token: String) async throws -> Int {
    let answer = try await send("GET", "/v1/topics/~/\(topic)", token: token)
    return answer.status == 200 ? Int(try answer.json["events"]?.integer ?? 0) : 0
  }

  /// Publishes events of 0.9 MB, which do not compress, over four connections at once, until one of
  /// them is not stored.
  ///
  /// - Parameter most: so many at most.
  /// - Returns: how many were stored.
  func pour(_ most: Int, into topic: String, token: String) async -> Int {
    var dice = Dice(seed: 9)
    let piece = (0..<8_000).map { _ in String(dice.next(), radix: 36) }.joined().prefix(90_000)
    let body = String(repeating: String(piece), count: 10)
    return await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var stored = 0
          while stored < most / 4 {
            let answer = try? await self.send(
              "POST", "/v1/topics/~/\(topic)/events", token: token, body: body,
              type: "application/octet-stream")
            guard answer?.status == 201 else { break }
            stored += 1
          }
          return stored
        }
      }
      var all = 0
      for await stored in group { all += stored }
      return all
    }
  }
}
