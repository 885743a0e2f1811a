/// The README's commands, in order: each block marked `sh`, with the lines of the block marked
/// `text` that follows it, which say what it prints.
struct Readme {
  struct Step {
    var commands: String
    /// Lines that the output must have, in this order; `…` stands for anything.
    var output: [Substring]
  }

  private(set) var steps: [Step] = []

  init(_ page: String) {
    var fence: Substring?
    var lines: [Substring] = []
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if fence == nil, line.hasPrefix("```") {
        fence = line.dropFirst(3)
        lines = []
      } else if let language = fence, line == "```" {
        fence = nil
        if language == "sh" {
          steps.append(Step(commands: lines.joined(separator: "\n"), output: []))
        } else if language == "text", !steps.isEmpty {
          steps[steps.count - 1].output = lines
        }
      } else {
        lines.append(line)
      }
    }
  }

  /// The first expected line that `output` does not have behind the one before it. What programs
  /// print need not end in a new line, so a line is looked for anywhere.
  static func missing(_ expected: [Substring], from output: Substring) -> Substring? {
    var rest = output
    for wanted in expected {
      for part in wanted.split(separator: "…") {
        guard let range = rest.firstRange(of: part) else { return wanted }
        rest = rest[range.upperBound...]
      }
    }
    return nil
  }
}
