import Foundation
import Testing

@testable import jodrell_bench

@Suite("Help")
struct HelpTests {
  private static let texts = [
    Help.publish, Help.replay, Help.subscribe, Help.roundTrip, Help.workers, Help.soak, Help.verify,
    Help.machine, Help.compare,
  ]

  /// What stands before the words about an option: its name and its value.
  private func forms(in text: String) -> [Substring] {
    text.split(separator: "\n").filter { $0.hasPrefix("    -") }.map { line in
      let start = line.drop { $0 == " " }
      return start.firstRange(of: "  ").map { start[..<$0.lowerBound] } ?? start
    }
  }

  @Test("each option has a line of its own, since completions are made of the lines' starts")
  func lines() {
    for text in Self.texts {
      let forms = forms(in: text)
      #expect(!forms.isEmpty)
      for form in forms {
        #expect(form.split(separator: " ").count { $0.hasPrefix("-") } == 1, "\(form)")
      }
    }
  }

  /// A subcommand: its help, words that it takes, and what reads them.
  private struct Command {
    let help: String
    let words: [String]
    let parse: ([String]) throws -> Void

    /// Whether it takes an option. The words behind that are too many for any subcommand, so that
    /// each run ends before it begins, and what it says tells at which word.
    func takes(_ option: String) -> Bool {
      do {
        try parse(words + [option, "1", "nonsense"])
        return true
      } catch {
        return (error as? UsageFault)?.message != "unknown argument: \(option)"
      }
    }
  }

  @Test("each subcommand takes the options that its help names, and no other's")
  func parsers() throws {
    let topic = ["--topic", "a/b/c"]
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path()
    let journal = ["--journal", "/nowhere/journal"]
    let own = ["--server-pid", "\(ProcessInfo.processInfo.processIdentifier)"]
    let both = try #require(Help.verify.firstRange(of: Help.verifyRunOnly))
    let check = String(Help.verify[..<both.lowerBound])
    let commands = [
      Command(help: Help.publish, words: topic) { _ = try PublishRun($0) },
      Command(help: Help.replay, words: [folder] + topic) { _ = try PublishRun(replaying: $0) },
      Command(help: Help.subscribe, words: topic) { _ = try SubscribeRun($0, as: .fanOut) },
      Command(help: Help.roundTrip, words: topic) { _ = try SubscribeRun($0, as: .roundTrip) },
      Command(help: Help.workers, words: topic) { _ = try WorkersRun($0) },
      Command(help: Help.soak, words: topic + own) { _ = try SoakRun($0) },
      Command(help: Help.verify, words: topic + journal) { _ = try VerifyRun($0) },
      Command(help: check, words: topic + journal) { _ = try VerifyCheck($0) },
      Command(help: Help.machine, words: []) { _ = try MachineRun($0) },
      Command(help: Help.compare, words: ["a.json", "b.json"]) { _ = try Comparison.run($0) },
    ]
    let all = Self.texts.reduce(into: Set<String>()) { $0.formUnion(names(in: $1)) }
    #expect(all.count > 30)
    for command in commands {
      let named = names(in: command.help)
      #expect(named.isSuperset(of: command.words.filter { $0.hasPrefix("--") }))
      let title = command.help.prefix { $0 != "\n" }
      for option in all where !command.words.contains(option) {
        #expect(command.takes(option) == named.contains(option), "\(title) \(option)")
      }
    }
  }

  @Test("roundtrip and soak name what they share with others")
  func shared() {
    let both: Set<String> = ["--arrivals", "--duration", "--loops", "--readers", "--warm-up"]
    let trip: Set<String> = ["--from", "--view", "--check", "--publish-path"]
    let soak: Set<String> = ["--batch", "--seed"]
    #expect(both.union(trip).subtracting(names(in: Help.roundTrip)).isEmpty)
    #expect(both.union(soak).subtracting(names(in: Help.soak)).isEmpty)
  }

  private func names(in text: String) -> Set<String> {
    Set(forms(in: text).map { form in String(form.prefix { $0 != " " }) })
  }
}
