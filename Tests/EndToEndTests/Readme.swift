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

  /// The first expected line that `output` does not have behind the one before it.
  static func missing(_ expected: [Substring], from output: Substring) -> Substring? {
    var lines = output.split(separator: "\n")[...]
    for wanted in expected {
      guard let index = lines.firstIndex(where: { matches($0, wanted) }) else { return wanted }
      lines = lines[(index + 1)...]
    }
    return nil
  }

  /// Whether a line is as a pattern says, in which `…` stands for anything.
  static func matches(_ line: Substring, _ pattern: Substring) -> Bool {
    let parts = pattern.split(separator: "…", omittingEmptySubsequences: false)
    guard parts.count > 1, let first = parts.first, let last = parts.last else {
      return line == pattern
    }
    guard line.hasPrefix(first) else { return false }
    var rest = line.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(last)
  }
}
