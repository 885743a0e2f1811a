public import Bytes
import Settings

/// One pattern of a mapping's `allow` or `deny`.
struct GrantRule: Sendable {
  let action: Action
  let pattern: GrantPattern

  /// The keys that only a later build will understand, beside the action.
  private static let unbuilt: [(StaticString, String)] = [
    ("classes", "classes of fields"), ("fields", "classes of fields"),
  ]

  /// Compiles a list such as `[{publish: ["orders/*"]}, {subscribe: ["./*"]}]`.
  static func compile(
    _ node: SettingsNode?, hasNamespace: Bool
  ) throws(SettingsFault) -> [GrantRule] {
    guard let node else { return [] }
    var rules: [GrantRule] = []
    for element in try node.elements() {
      var grant = try SettingsMapping(element)
      var isEmpty = true
      for action in Action.allCases {
        guard let list = grant.optional(action.word) else { continue }
        isEmpty = false
        let patterns = try list.elements()
        guard !patterns.isEmpty else { throw list.fault(.invalid("the list is empty")) }
        for pattern in patterns {
          rules.append(
            GrantRule(
              action: action,
              pattern: try Self.pattern(pattern, for: action, hasNamespace: hasNamespace)))
        }
      }
      for (key, feature) in unbuilt { try grant.notBuiltYet(key, feature) }
      try grant.finish()
      if isEmpty {
        throw element.fault(.invalid("a grant names publish, subscribe, manage or admin"))
      }
    }
    return rules
  }

  private static func pattern(
    _ node: SettingsNode, for action: Action, hasNamespace: Bool
  ) throws(SettingsFault) -> GrantPattern {
    let text = try node.bytes()
    guard let pattern = GrantPattern(text) else {
      throw node.fault(
        .invalid(
          "'\(text.text)' is not a pattern namespace/topic with * as a whole part or at its end"))
    }
    if pattern.isOwnNamespace, !hasNamespace {
      throw node.fault(.invalid("'./' needs a mapping with a namespace"))
    }
    if action == .admin, !pattern.isWholeTenant {
      throw node.fault(.invalid("admin is of the whole tenant: write \"*/*\""))
    }
    return pattern
  }
}

/// A grant as a caller holds it: the rule it comes from, with the mapping's namespace filled in.
/// Immutable; a class, so that looking through a list of them counts one reference each.
public final class Grant: Sendable {
  /// The mapping's id.
  public let rule: ByteSlice
  public let action: Action
  /// The pattern as answers show it: `.` replaced by the mapped namespace.
  public let patternText: ByteSlice
  private let namespace: SegmentPattern
  private let topic: SegmentPattern

  /// Nil if the pattern means the mapped namespace and there is none.
  init?(rule: ByteSlice, _ granted: GrantRule, mapped: Name?) {
    self.rule = rule
    action = granted.action
    topic = granted.pattern.topic
    if let namespace = granted.pattern.namespace {
      self.namespace = namespace
      patternText = granted.pattern.text
    } else {
      guard let mapped else { return nil }
      namespace = SegmentPattern(mapped)
      var text = ByteWriter()
      text.append(mapped.bytes)
      text.append(granted.pattern.text.dropFirst(1))
      patternText = text.slice
    }
  }

  func covers(namespace name: Name, topic topicName: Name) -> Bool {
    topic.matches(topicName) && namespace.matches(name)
  }

  func touches(namespace name: Name) -> Bool { namespace.matches(name) }

  func coversAll(of name: Name) -> Bool { topic.isAny && namespace.matches(name) }
}

/// What a caller may and may not do, sorted by action, so that a question looks at few grants.
/// Immutable.
final class GrantTable: Sendable {
  /// Indexed by the action's raw value.
  private let allowed: [[Grant]]
  private let denied: [[Grant]]

  init(allow: [Grant], deny: [Grant]) {
    allowed = Action.allCases.map { action in allow.filter { $0.action == action } }
    denied = Action.allCases.map { action in deny.filter { $0.action == action } }
  }

  /// Every grant held, action by action, denied ones left out of the list but not of the answers.
  var all: [Grant] { allowed.flatMap { $0 } }
  var allDenied: [Grant] { denied.flatMap { $0 } }

  /// Whether some grant covers the topic and no denial does.
  func allows(_ action: Action, namespace: Name, topic: Name) -> Bool {
    let index = Int(action.rawValue)
    return allowed[index].contains { $0.covers(namespace: namespace, topic: topic) }
      && !denied[index].contains { $0.covers(namespace: namespace, topic: topic) }
  }

  /// Whether the action is allowed on the namespace itself. `manage` changes what holds for all of
  /// its topics: it needs a grant for all of them and no denial for any. The others need a grant
  /// for some topic and no denial of all.
  func allows(_ action: Action, namespace: Name) -> Bool {
    let allow = allowed[Int(action.rawValue)]
    let deny = denied[Int(action.rawValue)]
    switch action {
    case .manage, .admin:
      return allow.contains { $0.coversAll(of: namespace) }
        && !deny.contains { $0.touches(namespace: namespace) }
    case .publish, .subscribe:
      return allow.contains { $0.touches(namespace: namespace) }
        && !deny.contains { $0.coversAll(of: namespace) }
    }
  }

  /// Whether the caller holds `admin` undiminished.
  var isOperator: Bool {
    let index = Int(Action.admin.rawValue)
    return !allowed[index].isEmpty && denied[index].isEmpty
  }
}
