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
