public import Bytes

/// Reads a mapping of fixed keys and refuses every key that nobody asked for.
///
/// A room opens it over a node, reads each key it knows once, names the known ones it cannot serve
/// yet, and closes with `finish()`: what is left unread by then is unknown.
public struct SettingsMapping: ~Copyable {
  /// The mapping itself, for faults about it as a whole.
  public let node: SettingsNode
  private let entries: [SettingsEntry]
  private var isRead: [Bool]

  public init(_ node: SettingsNode) throws(SettingsFault) {
    self.node = node
    entries = try node.entries()
    isRead = Array(repeating: false, count: entries.count)
  }

  /// The value under `key`, or nil when the key is absent or its value is null.
  public mutating func optional(_ key: StaticString) -> SettingsNode? {
    guard let index = index(of: key) else { return nil }
    isRead[index] = true
    if case .null = entries[index].value.value { return nil }
    return entries[index].value
  }

  /// The value under `key`; `missingKey` at the mapping's position without it, or `misspeltKey`
  /// where what stands there must be that key.
  public mutating func required(_ key: StaticString) throws(SettingsFault) -> SettingsNode {
    if let node = optional(key) { return node }
    for index in entries.indices where !isRead[index] && entries[index].key.isNearly(key) {
      throw fault(.misspeltKey(entries[index].key.text, "\(key)"), atKey: index)
    }
    throw node.fault(.missingKey("\(key)"))
  }

  /// The text under `key`.
  public mutating func text(_ key: StaticString) throws(SettingsFault) -> String {
    try required(key).text()
  }

  /// The truth value under `key`, or `absent`.
  public mutating func bool(
    _ key: StaticString, absent: Bool
  ) throws(SettingsFault) -> Bool {
    try optional(key)?.bool() ?? absent
  }

  /// The texts under `key`, or nil when it is absent; an empty list is a fault.
  public mutating func optionalTexts(_ key: StaticString) throws(SettingsFault) -> [String]? {
    try optional(key)?.texts()
  }

  /// The duration under `key` within `range`, or nil when it is absent.
  public mutating func optionalDuration(
    _ key: StaticString, in range: ClosedRange<TimeSpan>
  ) throws(SettingsFault) -> TimeSpan? {
    try optional(key)?.duration(in: range)
  }

  /// Refuses `key` if it is there: a key of the language whose feature, in words, is not built.
  public mutating func notBuiltYet(
    _ key: StaticString, _ feature: String
  ) throws(SettingsFault) {
    guard let index = index(of: key) else { return }
    throw fault(.notBuiltYet("'\(key)' (\(feature))"), atKey: index)
  }

  /// Refuses the first key that was not read.
  public consuming func finish() throws(SettingsFault) {
    for index in entries.indices where !isRead[index] {
      throw fault(.unknownKey(entries[index].key.text), atKey: index)
    }
  }

  private borrowing func fault(_ problem: SettingsProblem, atKey index: Int) -> SettingsFault {
    SettingsFault(
      problem, at: entries[index].keyPosition, file: node.path.file, path: node.path.text)
  }

  private borrowing func index(of key: StaticString) -> Int? {
    entries.firstIndex { $0.key.equals(key) }
  }
}

extension ByteSlice {
  /// Whether one is the other with at most two letters more at its end, or in other case.
  fileprivate func isNearly(_ key: StaticString) -> Bool {
    if equalsIgnoringCase(key) { return true }
    let (short, long) = count < key.utf8CodeUnitCount ? (text, "\(key)") : ("\(key)", text)
    return short.utf8.count > 3 && long.hasPrefix(short)
      && long.utf8.count - short.utf8.count <= 2
  }
}
