public import Bytes

/// One value of a settings text with its place: what rooms compile their own part from.
///
/// Immutable. The typed reads below throw `wrongKind` with the value's position and key path; rooms
/// report faults of their own through `fault(_:)` so that those carry them too.
public struct SettingsNode: Sendable {
  /// A value after the core schema of YAML 1.2 has been applied: plain scalars resolve, quoted ones
  /// are text.
  public enum Value: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number with a fraction or an exponent, as a JSON number.
    case number(ByteSlice)
    case text(ByteSlice)
    case sequence([SettingsNode])
    /// In the order of the file; keys are unique.
    case mapping([SettingsEntry])
  }

  public let value: Value
  public let position: SettingsPosition
  let path: SettingsPath

  init(_ value: Value, at position: SettingsPosition, path: SettingsPath) {
    self.value = value
    self.position = position
    self.path = path
  }

  /// A fault at this value.
  public func fault(_ problem: SettingsProblem) -> SettingsFault {
    SettingsFault(problem, at: position, file: path.file, path: path.text)
  }

  /// The value's key path, such as `mappings[2].when`; empty for the whole file.
  public var keyPath: String { path.text }
}

/// One member of a mapping.
public struct SettingsEntry: Sendable {
  public let key: ByteSlice
  public let keyPosition: SettingsPosition
  public let value: SettingsNode
}

extension SettingsNode {
  /// The text of a string; numbers and booleans are refused, since quoting them is the only way to
  /// mean exactly these characters.
  public func bytes() throws(SettingsFault) -> ByteSlice {
    guard case .text(let bytes) = value else { throw wrongKind("a text") }
    return bytes
  }

  /// `bytes()` as a `String`.
  public func text() throws(SettingsFault) -> String { try bytes().text }

  /// `true` or `false`.
  public func bool() throws(SettingsFault) -> Bool {
    guard case .bool(let bool) = value else { throw wrongKind("true or false") }
    return bool
  }

  /// An integer within `range`.
  public func integer(in range: ClosedRange<Int64>) throws(SettingsFault) -> Int64 {
    guard case .integer(let integer) = value else { throw wrongKind("an integer") }
    guard range.contains(integer) else {
      throw fault(
        .invalid("\(integer) is outside \(range.lowerBound) to \(range.upperBound)"))
    }
    return integer
  }

  /// A duration such as `30s` within `range`.
  public func duration(in range: ClosedRange<TimeSpan>) throws(SettingsFault) -> TimeSpan {
    guard case .text(let bytes) = value, let span = TimeSpan(parsing: bytes) else {
      throw wrongKind("a duration such as 250ms, 30s, 5m, 1h or 7d")
    }
    guard range.contains(span) else {
      throw fault(
        .invalid(
          "\(span.text) is outside \(range.lowerBound.text) to \(range.upperBound.text)"))
    }
    return span
  }

  /// The elements of a sequence.
  public func elements() throws(SettingsFault) -> [SettingsNode] {
    guard case .sequence(let elements) = value else { throw wrongKind("a list") }
    return elements
  }

  /// A sequence of texts, at least one.
  public func texts() throws(SettingsFault) -> [String] {
    let elements = try elements()
    guard !elements.isEmpty else { throw fault(.invalid("the list is empty")) }
    var texts: [String] = []
    for element in elements { texts.append(try element.text()) }
    return texts
  }

  /// The members of a mapping, for those whose keys are names given by the operator; for fixed keys
  /// use `SettingsMapping`.
  public func entries() throws(SettingsFault) -> [SettingsEntry] {
    guard case .mapping(let entries) = value else { throw wrongKind("a mapping") }
    return entries
  }

  /// The fault of a value that is not what its key takes.
  public func wrongKind(_ expected: String) -> SettingsFault {
    let found = value.kind
    let hint = expected.hasPrefix("a text") && value.isPlain ? " (quote it if it is a text)" : ""
    return fault(.wrongKind(expected: expected, found: found + hint))
  }
}

extension SettingsNode.Value {
  /// Whether quotes would make a text of it.
  fileprivate var isPlain: Bool {
    switch self {
    case .bool, .integer, .number: true
    case .null, .text, .sequence, .mapping: false
    }
  }

  /// What the value is, in words.
  public var kind: String {
    switch self {
    case .null: "nothing"
    case .bool: "true or false"
    case .integer: "an integer"
    case .number: "a number"
    case .text(let bytes): bytes.count <= 64 ? "the text '\(bytes.text)'" : "a text"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// Where a value hangs in the tree; a chain, so that deep trees with long keys cost nothing.
final class SettingsPath: Sendable {
  private enum Step: Sendable {
    case file(String)
    case key(ByteSlice, SettingsPath)
    case index(Int, SettingsPath)
  }
  private let step: Step

  init(file: String) { step = .file(file) }
  init(key: ByteSlice, in parent: SettingsPath) { step = .key(key, parent) }
  init(index: Int, in parent: SettingsPath) { step = .index(index, parent) }

  var file: String {
    switch step {
    case .file(let name): name
    case .key(_, let parent), .index(_, let parent): parent.file
    }
  }

  /// The path as a person writes it: `issuers[0].keys`. Keys that are not plain words are quoted.
  var text: String {
    switch step {
    case .file: return ""
    case .index(let index, let parent): return "\(parent.text)[\(index)]"
    case .key(let key, let parent):
      let above = parent.text
      return above.isEmpty ? Self.word(key) : "\(above).\(Self.word(key))"
    }
  }

  private static func word(_ key: ByteSlice) -> String {
    for byte in key.array where !ASCII.isAlphanumeric(byte) && byte != ASCII.minus {
      return "\"\(key.text)\""
    }
    return key.isEmpty ? "\"\"" : key.text
  }
}
