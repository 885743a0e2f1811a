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

  mutating func span(_ name: String) throws(UsageFault) -> TimeSpan? {
    guard let text = try text(name) else { return nil }
    guard let span = TimeSpan(parsing: ByteSlice(utf8: text)) else {
      throw UsageFault("\(name) takes a duration such as 500ms, 30s or 5m")
    }
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

/// Where to send events, and as whom: what all subcommands share.
struct Target {
  let url: String
  let topic: String
  let token: ByteSlice?
  let headers: [(name: String, value: String)]

  init(_ arguments: inout Arguments) throws(UsageFault) {
    url = try arguments.text("--url") ?? "http://127.0.0.1:8080"
    topic = try arguments.required("--topic")
    let parts = topic.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3 || parts.count == 2 && parts[0] == "~", parts.allSatisfy({ !$0.isEmpty })
    else { throw UsageFault("--topic takes tenant/namespace/topic or ~/topic") }
    let given = try arguments.text("--token")
    if let path = try arguments.text("--token-file") {
      guard given == nil else { throw UsageFault("--token and --token-file exclude each other") }
      let text = try fileBytes(path, of: "--token-file").text
      token = ByteSlice(utf8: text.trimmingCharacters(in: .whitespacesAndNewlines))
    } else {
      token = (given ?? ProcessInfo.processInfo.environment["JODRELL_TOKEN"]).map {
        ByteSlice(utf8: $0)
      }
    }
    var headers: [(String, String)] = []
    for text in try arguments.texts("--header") {
      guard let colon = text.firstIndex(of: ":") else {
        throw UsageFault("--header takes 'Name: value'")
      }
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      headers.append((String(text[..<colon]), value))
    }
    self.headers = headers
  }

  /// The topic's events, as a path.
  var eventsPath: String { "/v1/topics/\(topic)/events" }
}

/// A file's bytes, or the fault that names the option that asked for it.
func fileBytes(_ path: String, of option: String) throws(UsageFault) -> ByteSlice {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw UsageFault("\(option): cannot read \(path)")
  }
  return ByteSlice(data)
}
