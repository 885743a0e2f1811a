import Glibc

/// What a workload is about to do and what it has been answered: between the changes of a trace
/// they tell what a crash at that place may not lose.
enum Mark {
  case topic(String)
  /// Events with numbers from the second value on are about to be appended in one piece.
  case trying(String, Int, count: Int)
  /// They were stored; the second value is the entry of the first.
  case stored(String, Int, Int, count: Int)
  /// The subscription of that topic, if there is one, is about to be deleted and made anew.
  case subscribing(String)
  case subscribed(String)
  /// The change with this number is about to be staged; the third value is the mark.
  case changing(String, Int, to: Int)
  /// It was made, as were all before it.
  case changed(String, Int)
  case trimming(String, Int)
  case trimmed(String, Int)

  var text: String {
    switch self {
    case .topic(let topic): "topic \(topic)"
    case .trying(let topic, let number, let count): "trying \(topic) \(number) \(count)"
    case .stored(let topic, let entry, let number, let count):
      "stored \(topic) \(entry) \(number) \(count)"
    case .subscribing(let topic): "subscribing \(topic)"
    case .subscribed(let topic): "subscribed \(topic)"
    case .changing(let topic, let number, let next): "changing \(topic) \(number) \(next)"
    case .changed(let topic, let number): "changed \(topic) \(number)"
    case .trimming(let topic, let first): "trimming \(topic) \(first)"
    case .trimmed(let topic, let first): "trimmed \(topic) \(first)"
    }
  }

  init?(_ text: String) {
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 2 else { return nil }
    let numbers = words.dropFirst(2).compactMap { Int($0) }
    switch (words[0], numbers.count) {
    case ("topic", 0): self = .topic(words[1])
    case ("trying", 2): self = .trying(words[1], numbers[0], count: numbers[1])
    case ("stored", 3): self = .stored(words[1], numbers[0], numbers[1], count: numbers[2])
    case ("subscribing", 0): self = .subscribing(words[1])
    case ("subscribed", 0): self = .subscribed(words[1])
    case ("changing", 2): self = .changing(words[1], numbers[0], to: numbers[1])
    case ("changed", 1): self = .changed(words[1], numbers[0])
    case ("trimming", 1): self = .trimming(words[1], numbers[0])
    case ("trimmed", 1): self = .trimmed(words[1], numbers[0])
    default: return nil
    }
  }
}

/// The file into which marks go, one write each. Any thread.
struct Marks: Sendable {
  private let descriptor: Int32

  init?(path: String) {
    // SAFETY: the call reads the path before it returns.
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    if descriptor < 0 { return nil }
  }

  func note(_ mark: Mark) {
    let bytes = Array(mark.text.utf8)
    let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    precondition(count == bytes.count, "a mark was not written")
  }
}
