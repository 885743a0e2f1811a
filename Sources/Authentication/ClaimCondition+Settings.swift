import Bytes
import JSONText
public import Settings

/// Conditions as settings write them: `{"/pointer": {operator: value, …}, …}`.
extension ClaimCondition {
  /// Compiles a whole `when` or `require` mapping; all of its conditions must hold.
  public static func compile(
    _ node: SettingsNode
  ) throws(SettingsFault) -> [ClaimCondition] {
    var conditions: [ClaimCondition] = []
    for entry in try node.entries() {
      guard let pointer = JSONPointer(parsing: entry.key), !entry.key.isEmpty else {
        throw entry.value.fault(
          .invalid("'\(entry.key.text)' is no JSON pointer such as /sub or /groups/0"))
      }
      conditions.append(ClaimCondition(at: pointer, try Test.compile(entry.value)))
    }
    guard !conditions.isEmpty else {
      throw node.fault(.invalid("no condition: everything would match"))
    }
    return conditions
  }
}

extension ClaimCondition.Test {
  /// Compiles a mapping of operators, all of which must hold.
  static func compile(_ node: SettingsNode) throws(SettingsFault) -> [Self] {
    var operators = try SettingsMapping(node)
    var tests: [Self] = []
    if let value = operators.optional("eq") { tests.append(.equals(try literal(value))) }
    if let value = operators.optional("in") { tests.append(.isOne(of: try literals(value))) }
    if let value = operators.optional("prefix") {
      let prefix = try value.bytes()
      guard !prefix.isEmpty else { throw value.fault(.invalid("the empty prefix says nothing")) }
      tests.append(.hasPrefix(prefix))
    }
    if let value = operators.optional("contains") { tests.append(.contains(try literal(value))) }
    if let value = operators.optional("containsAny") {
      tests.append(.containsAny(try literals(value)))
    }
    if let value = operators.optional("exists") { tests.append(.exists(try value.bool())) }
    if let value = operators.optional("not") { tests.append(.not(try compile(value))) }
    try operators.finish()
    guard !tests.isEmpty else { throw node.fault(.invalid("no operator")) }
    return tests
  }

  private static func literal(_ node: SettingsNode) throws(SettingsFault) -> ClaimLiteral {
    switch node.value {
    case .text(let text): return .text(text)
    case .integer(let integer): return .integer(integer)
    case .bool(let bool): return .bool(bool)
    default: throw node.wrongKind("a text, an integer, true or false")
    }
  }

  private static func literals(_ node: SettingsNode) throws(SettingsFault) -> [ClaimLiteral] {
    var literals: [ClaimLiteral] = []
    for element in try node.elements() { literals.append(try literal(element)) }
    guard !literals.isEmpty else { throw node.fault(.invalid("the list is empty")) }
    return literals
  }
}
