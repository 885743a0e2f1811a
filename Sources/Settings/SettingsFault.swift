import Bytes

/// A place in a settings text, both numbers counted from 1; columns count Unicode scalars.
public struct SettingsPosition: Hashable, Comparable, Sendable {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static func < (left: SettingsPosition, right: SettingsPosition) -> Bool {
    left.line != right.line ? left.line < right.line : left.column < right.column
  }
}

/// The one thing that is wrong with a settings text, and where.
public struct SettingsFault: Error, Equatable, Sendable {
  public let problem: SettingsProblem
  public let position: SettingsPosition
  /// The file's name as it was given to `SettingsDocument`.
  public let file: String
  /// The key path of the value at fault, such as `issuers[0].keys`; empty for the whole file.
  public let path: String

  public init(
    _ problem: SettingsProblem, at position: SettingsPosition, file: String, path: String
  ) {
    self.problem = problem
    self.position = position
    self.file = file
    self.path = path
  }

  /// One line for a person: `jodrell.yaml:3:5: unknown key 'foo' in issuers[0]`.
  public var text: String {
    let place = path.isEmpty ? "" : " in \(path)"
    return "\(file):\(position.line):\(position.column): \(problem.text)\(place)"
  }
}

extension SettingsFault: CustomStringConvertible {
  public var description: String { text }
}

/// What can be wrong with settings: the text itself, its shape, or a value.
public enum SettingsProblem: Equatable, Sendable {
  /// The text is neither YAML nor JSON; the parser's words.
  case syntax(String)
  /// Nothing in the file but white space, comments or null.
  case empty
  case tooLarge(limit: Int)
  case tooDeep(limit: Int)
  case tooManyValues(limit: Int)
  /// A construct of YAML outside the subset, such as `an anchor`.
  case outsideSubset(String)
  case duplicateKey(String)
  /// A mapping key that is not text, such as a plain `true`, or is longer than a key may be.
  case badKey(String)
  /// A plain scalar that YAML's versions read differently, or a number out of range.
  case quoteIt(String)

  case unknownKey(String)
  case missingKey(String)
  /// A key that nobody knows where a required one is missing that it must stand for.
  case misspeltKey(String, String)
  /// A value of another kind than the key takes, such as a number for a text.
  case wrongKind(expected: String, found: String)
  /// A key or value of the documented language whose feature this build does not have.
  case notBuiltYet(String)
  /// A value of the right kind that the room reading it refuses; the rule in its words.
  case invalid(String)

  /// The problem in words, without its place.
  public var text: String {
    switch self {
    case .syntax(let words): words
    case .empty: "the file holds no settings"
    case .tooLarge(let limit): "the file is larger than \(limit) bytes"
    case .tooDeep(let limit): "values are nested deeper than \(limit) levels"
    case .tooManyValues(let limit): "the file holds more than \(limit) values"
    case .outsideSubset(let construct): "\(construct) is not accepted here"
    case .duplicateKey(let key): "the key '\(key)' stands twice"
    case .badKey(let words): words
    case .quoteIt(let scalar): "'\(scalar)' can be read in more than one way: put it in quotes"
    case .unknownKey(let key): "unknown key '\(key)'"
    case .missingKey(let key): "the key '\(key)' is missing"
    case .misspeltKey(let key, let meant): "unknown key '\(key)': is '\(meant)' meant?"
    case .wrongKind(let expected, let found): "expected \(expected), found \(found)"
    case .notBuiltYet(let what): "\(what) is not supported yet"
    case .invalid(let words): words
    }
  }
}
