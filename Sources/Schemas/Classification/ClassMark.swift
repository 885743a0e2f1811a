import Bytes
import JSONText
import Tenancy

/// What a reader gets in place of a value that it may not see: `x-redact`. In the order of how
/// little is left of the value; where several apply, the last of them counts.
public enum Replacement: UInt8, Sendable, Comparable {
  /// `mask:domain`: of an address what stands behind its last `@`.
  case maskDomain
  /// `mask:last4`: the last four characters of a text that has at least eight.
  case maskLastFour
  /// `fixed`: `"[redacted]"`, `0`, `false`, `[]`, `{}`, after the kind of the value.
  case fixed
  /// `null`, and what holds where nothing is said.
  case null
  /// `drop`: the member goes with its name, the item out of its array.
  case drop

  init?(named name: String) {
    switch name {
    case "null": self = .null
    case "fixed": self = .fixed
    case "mask:last4": self = .maskLastFour
    case "mask:domain": self = .maskDomain
    case "drop": self = .drop
    default: return nil
    }
  }

  /// What holds where this and `other` do: the stricter; of two masks neither, since together they
  /// would show more than each alone may.
  func combined(with other: Replacement) -> Replacement {
    if self == other { return self }
    return max(self, other, .fixed)
  }

  /// Byte order of the raw values.
  public static func < (left: Replacement, right: Replacement) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// What a schema says of the values that it is about: they are of a class, whether they keep the
/// schema or not.
struct ClassMark: Equatable, Sendable {
  let label: ClassLabel
  let replacement: Replacement

  private init(_ label: ClassLabel, _ replacement: Replacement) {
    self.label = label
    self.replacement = replacement
  }

  /// Of a label that cannot be read.
  static let unreadable = ClassMark(.unreadable, .null)

  /// Reads `x-classification` and `x-redact`; nil without the former.
  init?(_ schema: JSONNode, at pointer: String) throws(SchemaFault) {
    let redact = schema["x-redact"]
    guard let node = schema["x-classification"] else {
      guard redact == nil else {
        throw SchemaFault(
          at: pointer + "/x-redact", .wrongValue(expected: "beside an 'x-classification'"))
      }
      return nil
    }
    guard let text = node.string, let label = ClassLabel(text) else {
      throw SchemaFault(
        at: pointer + "/x-classification",
        .wrongValue(
          expected: "a class such as \"pii.contact\": letters, digits, '_' and '-', with single "
            + "dots between, \(ClassLabel.maxLength) bytes at most"))
    }
    self.label = label
    guard let redact, redact.kind != .null else {
      replacement = .null
      return
    }
    guard let name = redact.text, let replacement = Replacement(named: name) else {
      throw SchemaFault(
        at: pointer + "/x-redact",
        .wrongValue(
          expected: "null, \"fixed\", \"mask:last4\", \"mask:domain\" or \"drop\" "
            + "(\"hmac\" is not supported)"))
    }
    self.replacement = replacement
  }

  /// `x-undeclared`, which stands at the root of a schema: whether members and items that no schema
  /// describes pass. Nil where it is not there.
  static func passesUndeclared(
    _ schema: JSONNode, at pointer: String, isRoot: Bool
  ) throws(SchemaFault) -> Bool? {
    guard let node = schema["x-undeclared"] else { return nil }
    guard isRoot else {
      throw SchemaFault(
        at: pointer + "/x-undeclared", .wrongValue(expected: "at the root of the schema"))
    }
    switch node.text {
    case "pass": return true
    case "redact": return false
    default:
      throw SchemaFault(
        at: pointer + "/x-undeclared", .wrongValue(expected: "\"redact\" or \"pass\""))
    }
  }
}
