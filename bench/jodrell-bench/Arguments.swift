import Bytes
import Foundation

/// The words behind a subcommand: options with one value, switches without, nothing else. Each is
/// taken once; what is left over at the end is a mistake of the caller's.
struct Arguments {
  private var words: [String]

  init(_ words: [String]) { self.words = words }

  /// Whether a switch was given.
  mutating func flag(_ name: String) -> Bool {
    guard let index = words.firstIndex(of: name) else { return false }
    words.remove(at: index)
    return true
  }

  /// Whether an option was given; it is still to be taken.
  func has(_ name: String) -> Bool {
    words.contains { $0 == name || $0.hasPrefix(name + "=") }
  }

  /// The value of an option, as `--name value` or `--name=value`.
  mutating func text(_ name: String) throws(UsageFault) -> String? {
    if let index = words.firstIndex(where: { $0.hasPrefix(name + "=") }) {
      return String(words.remove(at: index).dropFirst(name.count + 1))
    }
    guard let index = words.firstIndex(of: name) else { return nil }
    guard index + 1 < words.count else { throw UsageFault("\(name) needs a value") }
    defer { words.removeSubrange(index...(index + 1)) }
    return words[index + 1]
  }

  /// All values of an option that may be repeated.
  mutating func texts(_ name: String) throws(UsageFault) -> [String] {
    var found: [String] = []
    while let next = try text(name) { found.append(next) }
    return found
  }

  mutating func required(_ name: String) throws(UsageFault) -> String {
    guard let value = try text(name) else { throw UsageFault("\(name) is missing") }
    return value
  }

  mutating func number(
    _ name: String, in range: ClosedRange<Int>, or fallback: Int
  ) throws(UsageFault) -> Int {
    guard let text = try text(name) else { return fallback }
    guard let value = Int(text), range.contains(value) else {
      let (low, high) = (range.lowerBound, range.upperBound)
      throw UsageFault("\(name) takes a whole number from \(low) to \(high)")
    }
    return value
  }

  /// The one word of a closed set, in its enum.
  mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ name: String, or fallback: Choice
  ) throws(UsageFault) -> Choice {
    guard let text = try text(name) else { return fallback }
    guard let choice = Choice(rawValue: text) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: " or ")
      throw UsageFault("\(name) takes \(words)")
    }
    return choice
  }

  /// The first word, when it is no option.
  mutating func word() -> String? {
    guard let first = words.first, !first.hasPrefix("-") else { return nil }
    return words.removeFirst()
  }

  mutating func span(_ name: String) throws(UsageFault) -> TimeSpan? {
    guard let text = try text(name) else { return nil }
    guard let span = TimeSpan(parsing: ByteSlice(utf8: text)) else {
      throw UsageFault("\(name) takes a duration such as 500ms, 30s or 5m")
    }
    return span
  }

  /// How long something is to last, which cannot be no time at all.
  mutating func length(_ name: String) throws(UsageFault) -> TimeSpan? {
    guard let span = try span(name) else { return nil }
    guard span > .zero else { throw UsageFault("\(name) takes a duration of more than zero") }
    return span
  }

  /// Refuses what nobody asked for.
  func finish() throws(UsageFault) {
    if let word = words.first { throw UsageFault("unknown argument: \(word)") }
  }
}

/// The caller's mistake, in words for the caller.
struct UsageFault: Error {
  let message: String
  init(_ message: String) { self.message = message }
}

/// A file's bytes, or the fault that names the option that asked for it.
func fileBytes(_ path: String, of option: String) throws(UsageFault) -> ByteSlice {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw UsageFault("\(option): cannot read \(path)")
  }
  return ByteSlice(data)
}
