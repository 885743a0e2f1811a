import Bytes
import Foundation
import Testing

@testable import jodrell_bench

@Suite("Soaking", .serialized)
struct SoakTests {
  /// The gateway runs in the process of the tests.
  private func words(_ url: String, _ more: [String], readers: Int = 2) -> [String] {
    [
      "--url", url, "--topic", "a/b/c", "--server-pid",
      "\(ProcessInfo.processInfo.processIdentifier)", "--rate", "200", "--duration", "1500ms",
      "--connections", "4", "--readers", "\(readers)", "--quiet", "--json",
    ] + more
  }

  @Test("a run looks at process, data and memory tables every second")
  func run() async throws {
    let folder = NSTemporaryDirectory() + "jodrell-soak-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "0123456789".write(toFile: "\(folder)/data", atomically: false, encoding: .utf8)
    try await ToyGateway.running { url, log in
      let run = try SoakRun(
        words(url, ["--data-dir", folder, "--management", url, "--max-rss-slope", "5"]))
      // Too short to be judged, which is told and changes nothing.
      let code = try await run.run()
      #expect(code == ExitCode.good)
      // One makes the topic.
      #expect(log.count == 301)
      let samples = run.soak.samples
      #expect(!samples.isEmpty)
      for sample in samples {
        #expect(sample.resident > 0 && sample.threads > 0 && sample.dataBytes == 10)
        #expect(sample.besideLog != nil)
      }
    }
  }

  @Test("a run fails when a reader has not got all that was published")
  func arrival() async throws {
    try await ToyGateway.running(.losesSeventh) { url, _ in
      let code = try await SoakRun(words(url, [])).run()
      #expect(code == ExitCode.failed)
      let alone = try await SoakRun(words(url, [], readers: 0)).run()
      #expect(alone == ExitCode.good)
    }
  }

  @Test("a management URL that tells nothing is refused before the run")
  func refusesSilence() async throws {
    try await ToyGateway.running { url, log in
      // Nobody listens on port 1.
      for management in ["http://127.0.0.1:1", url + "/nowhere"] {
        let run = try SoakRun(words(url, ["--management", management, "--max-rss-slope", "5"]))
        let fault = await #expect(throws: UsageFault.self) { try await run.run() }
        #expect(fault?.message.contains("--management: /metrics") == true)
      }
      #expect(log.count == 0)
    }
  }

  @Test("a bound that cannot be judged since nothing is told any more has not been kept")
  func untold() async throws {
    for isBound in [true, false] {
      try await ToyGateway.running(.tellsMemoryOnce) { url, _ in
        let more = isBound ? ["--max-rss-slope", "5"] : []
        let code = try await SoakRun(words(url, ["--management", url] + more)).run()
        #expect(code == (isBound ? ExitCode.failed : ExitCode.good))
      }
    }
  }

  @Test("a verdict says whether the bound was kept, or why nobody knows")
  func verdicts() {
    let mebibyte = 1_048_576
    let all = (0..<600).map { second in
      SoakWatch.Sample(
        second: second, resident: UInt64(100 * mebibyte + second * 36 * mebibyte / 3_600),
        descriptors: 10, threads: 4, dataBytes: 0, cpu: .zero,
        besideLog: UInt64(60 * mebibyte + second * 12 * mebibyte / 3_600))
    }
    func verdict(
      _ samples: [SoakWatch.Sample], within bound: Int = 20, besideLog: Bool = true
    ) -> SoakFindings.Verdict {
      SoakFindings(samples: samples, minutes: []).verdict(within: bound, besideLog: besideLog)
    }
    #expect(verdict(all) == .kept)
    #expect(verdict(all, besideLog: false) == .exceeded)
    #expect(verdict(all, within: 5) == .exceeded)
    let short = Array(all.prefix(300))
    #expect(verdict(short) == .tooShort)
    #expect(verdict(short, besideLog: false) == .tooShort)
    #expect(verdict([]) == .tooShort)
    let silent = all.map { sample in
      var one = sample
      one.besideLog = nil
      return one
    }
    #expect(verdict(silent) == .untold)
    #expect(verdict(Array(silent.prefix(3))) == .untold)
    // It told something, and not enough in a run that was long enough.
    let seldom = Array(all.prefix(200)) + silent.dropFirst(200)
    #expect(verdict(seldom) == .untold)
    #expect(verdict(seldom, within: 40, besideLog: false) == .kept)
  }
}
