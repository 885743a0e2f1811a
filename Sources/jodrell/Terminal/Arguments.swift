import Bytes

/// The words behind a subcommand: options with one value, switches without, and operands. Each is
/// taken once; what is left over at the end is the caller's mistake.
struct Arguments {
  private var words: [String]
  /// What follows `--`: operands, whatever they look like.
  private var operands: [String]

  init(_ words: [String]) {
    let end = words.firstIndex(of: "--") ?? words.count
    self.words = Array(words[..<end])
    operands = Array(words.dropFirst(end + 1))
  }

  /// Whether a switch was given.
  mutating func flag(_ name: String) -> Bool {
    guard let index = words.firstIndex(of: name) else { return false }
    words.remove(at: index)
    return true
  }

  /// The value of an option, as `--name value` or `--name=value`. An empty one is refused: it is a
  /// shell's variable that nobody has set, and no option means anything by it.
  mutating func text(_ name: String) throws(CommandFault) -> String? {
    let value: String
    if let assigned = words.firstIndex(where: { $0.hasPrefix(name + "=") }) {
      value = String(words.remove(at: assigned).dropFirst(name.count + 1))
    } else {
      guard let index = words.firstIndex(of: name) else { return nil }
      guard index + 1 < words.count else { throw .usage("\(name) needs a value") }
      value = words[index + 1]
      words.removeSubrange(index...(index + 1))
    }
    try refuseSecond(name)
    guard !value.isEmpty else { throw .usage("\(name) is empty") }
    return value
  }

  mutating func required(_ name: String) throws(CommandFault) -> String {
    guard let value = try text(name) else { throw .usage("\(name) is missing") }
    return value
  }

  /// A list separated by commas.
  mutating func list(_ name: String) throws(CommandFault) -> [String]? {
    guard let text = try text(name) else { return nil }
    let items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard items.allSatisfy({ !$0.isEmpty }) else {
      throw .usage("\(name) takes names with commas between them")
    }
    return items
  }

  mutating func number(
    _ name: String, in range: ClosedRange<UInt64>
  ) throws(CommandFault) -> UInt64? {
    guard let text = try text(name) else { return nil }
    guard let value = UInt64(text), range.contains(value) else {
      throw .usage("\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  mutating func span(_ name: String) throws(CommandFault) -> TimeSpan? {
    guard let text = try text(name) else { return nil }
    guard let span = TimeSpan(parsing: ByteSlice(utf8: text)) else {
      throw .usage("\(name) takes a duration such as 500ms, 30s, 5m, 1h or 7d")
    }
    return span
  }

  /// The words that are no options; call it after all options were taken.
  mutating func rest(_ count: ClosedRange<Int>, called what: String) throws(CommandFault)
    -> [String]
  {
    if let option = words.first(where: { $0.hasPrefix("-") && $0 != "-" }) {
      throw .usage("unknown option: \(option)")
    }
    let all = words + operands
    guard all.count >= count.lowerBound else { throw .usage("\(what) is missing") }
    if all.count > count.upperBound { throw .usage("unexpected: \(all[count.upperBound])") }
    return all
  }

  /// Refuses what nobody asked for.
  mutating func finish() throws(CommandFault) { _ = try rest(0...0, called: "") }

  private func refuseSecond(_ name: String) throws(CommandFault) {
    if words.contains(where: { $0 == name || $0.hasPrefix(name + "=") }) {
      throw .usage("\(name) is given twice")
    }
  }
}
