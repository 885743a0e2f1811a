public import Bytes
public import Tenancy

/// What a topic's owner says about which events are checked against what: stored as it is, compiled
/// into a `SchemaBinding`.
public struct SchemaBindingTerms: Sendable, Hashable {
  /// The first rule that fits an event's type counts. Without rules every event is checked against
  /// the line `default`.
  public var rules: [Rule]
  /// What becomes of events that no rule fits.
  public var unmatched: Unmatched
  /// What becomes of events that break their schema, where a rule does not say.
  public var enforcement: SchemaEnforcement
  /// The topic of the same namespace that takes quarantined events; nil: the topic's name and
  /// `-quarantine`.
  public var quarantine: Name?
  /// Whether registrations that draw a warning are refused.
  public var lint: SchemaLintMode

  public init(
    rules: [Rule] = [], unmatched: Unmatched = .reject, enforcement: SchemaEnforcement = .enforce,
    quarantine: Name? = nil, lint: SchemaLintMode = .warn
  ) {
    self.rules = rules
    self.unmatched = unmatched
    self.enforcement = enforcement
    self.quarantine = quarantine
    self.lint = lint
  }

  /// The topic that takes quarantined events of `topic`; nil where the name would be too long.
  public func quarantine(of topic: Name) -> Name? {
    if let quarantine { return quarantine }
    var name = ByteWriter(capacity: topic.bytes.count + 16)
    name.append(topic.bytes)
    name.append("-quarantine")
    return Name(name.slice)
  }

  /// Whether any event can be quarantined.
  public var quarantines: Bool {
    rules.isEmpty
      ? enforcement == .quarantine
      : rules.contains { ($0.enforcement ?? enforcement) == .quarantine }
  }

  public enum Unmatched: UInt8, CaseIterable, Sendable {
    /// Refused, 422 `unknown_event_type`.
    case reject = 1
    /// Stored unchecked.
    case allow = 2
  }

  /// Which types of event belong to which line.
  public struct Rule: Sendable, Hashable {
    /// A type as it is, or with `*` at its end: every type that begins so. `*` alone fits all.
    public var type: ByteSlice
    public var subject: SchemaSubject
    /// Which versions a publisher may choose by `dataschema`, beside the line's default.
    public var versions: SchemaVersionRange?
    /// Nil: as the binding says.
    public var enforcement: SchemaEnforcement?

    public init(
      type: ByteSlice, subject: SchemaSubject, versions: SchemaVersionRange? = nil,
      enforcement: SchemaEnforcement? = nil
    ) {
      self.type = type
      self.subject = subject
      self.versions = versions
      self.enforcement = enforcement
    }
  }
}

/// What becomes of an event that breaks its schema. The raw value is stored.
public enum SchemaEnforcement: UInt8, CaseIterable, Sendable {
  /// Refused, 422.
  case enforce = 1
  /// Stored with the mark `schemaerrors`, and counted.
  case warn = 2
  /// Stored in the quarantine topic instead, and counted.
  case quarantine = 3

  /// The word of the HTTP contract.
  public var name: String {
    switch self {
    case .enforce: "enforce"
    case .warn: "warn"
    case .quarantine: "quarantine"
    }
  }

  public init?(named name: String) {
    guard let mode = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = mode
  }
}

/// Whether a warning stops a registration. The raw value is stored.
public enum SchemaLintMode: UInt8, CaseIterable, Sendable {
  /// Registered, with the warnings in the answer.
  case warn = 1
  /// Refused, 422 `schema_lint`.
  case strict = 2

  /// The word of the HTTP contract.
  public var name: String { self == .warn ? "warn" : "strict" }

  public init?(named name: String) {
    guard let mode = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = mode
  }
}

/// Versions from one to another, both included.
public struct SchemaVersionRange: Sendable, Hashable {
  /// How its owner wrote it: what is shown is what was put. The raw value is stored.
  public enum Spelling: UInt8, Sendable, CaseIterable {
    /// `*`, `3`, `<=5`, `>=3`, else `3-5`.
    case shortest = 0
    /// `>=1`, `3-3`, `1-5`.
    case bounds = 1
    /// `<=1`.
    case atMost = 2
  }

  public let first: UInt32
  /// `UInt32.max`: no upper bound.
  public let last: UInt32
  public let spelling: Spelling

  /// Nil where it would be empty or start below 1.
  public init?(first: UInt32, last: UInt32 = .max, spelling: Spelling = .shortest) {
    guard first > 0, first <= last else { return nil }
    self.first = first
    self.last = last
    self.spelling = spelling
  }

  public func contains(_ version: UInt32) -> Bool { version >= first && version <= last }

  /// Reads `*`, `3`, `3-5`, `>=3` or `<=5`; nil for anything else.
  public init?(parsing text: String) {
    func number(_ digits: Substring) -> UInt32? {
      guard !digits.isEmpty, !digits.hasPrefix("0"),
        digits.utf8.allSatisfy({ ASCII.isDigit($0) })
      else { return nil }
      return UInt32(digits)
    }
    var (first, last) = (UInt32(1), UInt32.max)
    if text == "*" {
      // All of them.
    } else if text.hasPrefix(">="), let least = number(text.dropFirst(2)) {
      first = least
    } else if text.hasPrefix("<="), let most = number(text.dropFirst(2)) {
      last = most
    } else if let only = number(text[...]) {
      (first, last) = (only, only)
    } else {
      let ends = text.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count == 2, let least = number(ends[0]), let most = number(ends[1]) else {
        return nil
      }
      (first, last) = (least, most)
    }
    for spelling in Spelling.allCases {
      if let range = SchemaVersionRange(first: first, last: last, spelling: spelling),
        range.text == text
      {
        self = range
        return
      }
    }
    return nil
  }

  /// As it was written.
  public var text: String {
    switch spelling {
    case .bounds: return last == .max ? ">=\(first)" : "\(first)-\(last)"
    case .atMost: return "<=\(last)"
    case .shortest: break
    }
    return switch (first, last) {
    case (1, .max): "*"
    case (_, .max): ">=\(first)"
    case (1, 2...): "<=\(last)"
    case _ where first == last: "\(first)"
    default: "\(first)-\(last)"
    }
  }
}
