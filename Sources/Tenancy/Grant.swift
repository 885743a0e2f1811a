import Authentication
public import Bytes
import JSONText
import Settings

/// One pattern of a mapping's `allow` or `deny`.
struct GrantRule: Sendable {
  let action: Action
  let pattern: GrantPattern
  let time: TimeBox
  /// What payloads must say that are published under it.
  let payload: PayloadRule?
  /// The tenant whose topics it is about, where that is another one than the caller's.
  let owner: Name?
  /// What of classified data its holder sees.
  let classes: ClassSet

  /// Compiles a list such as `[{publish: ["orders/*"]}, {subscribe: ["./*"]}]`.
  ///
  /// - Parameter isDenial: conditions on payloads are for what is allowed.
  static func compile(
    _ node: SettingsNode?, hasNamespace: Bool, isDenial: Bool = false
  ) throws(SettingsFault) -> [GrantRule] {
    guard let node else { return [] }
    var rules: [GrantRule] = []
    for element in try node.elements() {
      rules += try compile(element: element, hasNamespace, isDenial)
    }
    return rules
  }

  private static func compile(
    element: SettingsNode, _ hasNamespace: Bool, _ isDenial: Bool
  ) throws(SettingsFault) -> [GrantRule] {
    var grant = try SettingsMapping(element)
    let time = try TimeBox(readingFrom: &grant)
    let ownerNode = grant.optional("of")
    let owner = try ownerNode.map { node throws(SettingsFault) in
      guard let name = Name(try node.bytes()) else { throw node.fault(.invalid(Name.rule)) }
      return name
    }
    let condition = grant.optional("where")
    let payload = try condition.map { node throws(SettingsFault) in
      try PayloadRule(compiling: node)
    }
    let classesNode = grant.optional("classes")
    let classes = try classesNode.map { node throws(SettingsFault) in
      try ClassSet(compiling: node)
    }
    var rules: [GrantRule] = []
    for action in Action.allCases {
      guard let list = grant.optional(action.word) else { continue }
      if let classesNode, action != .subscribe || isDenial {
        throw classesNode.fault(.invalid("'classes' is for an allowed 'subscribe' alone"))
      }
      if let condition, action != .publish || isDenial {
        throw condition.fault(.invalid("'where' is for an allowed 'publish' alone"))
      }
      if let ownerNode, !Action.shareable.contains(action) {
        throw ownerNode.fault(.invalid("of another tenant only 'publish' and 'subscribe' are had"))
      }
      let patterns = try list.elements()
      guard !patterns.isEmpty else { throw list.fault(.invalid("the list is empty")) }
      for pattern in patterns {
        rules.append(
          GrantRule(
            action: action,
            pattern: try Self.pattern(
              pattern, for: action, hasNamespace: hasNamespace && owner == nil),
            time: time, payload: payload, owner: owner, classes: classes ?? .none))
      }
    }
    try grant.finish()
    if rules.isEmpty {
      throw element.fault(.invalid("a grant names publish, subscribe, manage or admin"))
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
  /// The other tenant whose topics it is about; nil for the caller's own.
  public let owner: Name?
  /// The first instant at which it holds, and the first at which it does not any more.
  public let notBefore: UnixTime?
  public let until: UnixTime?
  /// What of classified data its holder sees; none but of `subscribe`.
  public let classes: ClassSet
  /// What payloads must say that are published under it.
  let check: PayloadCheck?
  private let namespace: SegmentPattern
  private let topic: SegmentPattern

  /// Nil if the pattern means the mapped namespace and there is none, or if a condition on payloads
  /// names a claim that is not there.
  init?(rule: ByteSlice, _ granted: GrantRule, for caller: CallerFacts, _ claims: JSONDocument) {
    self.rule = rule
    action = granted.action
    owner = granted.owner
    notBefore = granted.time.notBefore
    until = granted.time.until
    classes = granted.classes
    if let payload = granted.payload {
      guard let check = payload.check(for: caller, claims) else { return nil }
      self.check = check
    } else {
      check = nil
    }
    topic = granted.pattern.topic
    if let namespace = granted.pattern.namespace {
      self.namespace = namespace
      patternText = granted.pattern.text
    } else {
      guard let mapped = caller.namespace else { return nil }
      namespace = SegmentPattern(mapped)
      var text = ByteWriter()
      text.append(mapped.bytes)
      text.append(granted.pattern.text.dropFirst(1))
      patternText = text.slice
    }
  }

  /// Whether payloads published under it are looked into.
  public var isConditional: Bool { check != nil }

  /// The part of the grant that an offer covers, as a pattern; nil for none of it.
  func meet(_ offer: GrantPattern) -> ByteSlice? { offer.meet(namespace, topic) }

  func covers(namespace name: Name, topic topicName: Name) -> Bool {
    topic.matches(topicName) && namespace.matches(name)
  }

  func touches(namespace name: Name) -> Bool { namespace.matches(name) }

  func coversAll(of name: Name) -> Bool { topic.isAny && namespace.matches(name) }

  /// Whether it covers every topic of its tenant.
  var coversAll: Bool { topic.isAny && namespace.isAny }
}

/// What a caller may and may not do, sorted by action, so that a question looks at few grants.
/// Immutable.
final class GrantTable: Sendable {
  /// Indexed by the action's raw value.
  private let allowed: [[Grant]]
  private let denied: [[Grant]]
  /// Whether some grant looks into payloads.
  let isConditional: Bool
  /// The actions, as bits, that are allowed on every topic: no list is looked through for them.
  private let everywhere: UInt8

  init(allow: [Grant], deny: [Grant]) {
    isConditional = allow.contains { $0.isConditional }
    allowed = Action.allCases.map { action in allow.filter { $0.action == action } }
    denied = Action.allCases.map { action in deny.filter { $0.action == action } }
    var everywhere: UInt8 = 0
    for action in Action.allCases {
      let index = Int(action.rawValue)
      if denied[index].isEmpty, allowed[index].contains(where: \.coversAll) {
        everywhere |= action.bit
      }
    }
    self.everywhere = everywhere
  }

  /// Every grant held, action by action, denied ones left out of the list but not of the answers.
  var all: [Grant] { allowed.flatMap { $0 } }
  var allDenied: [Grant] { denied.flatMap { $0 } }

  /// Whether some grant covers the topic and no denial does.
  func allows(_ action: Action, namespace: Name, topic: Name) -> Bool {
    if everywhere & action.bit != 0 { return true }
    let index = Int(action.rawValue)
    return allowed[index].contains { $0.covers(namespace: namespace, topic: topic) }
      && !denied[index].contains { $0.covers(namespace: namespace, topic: topic) }
  }

  /// The first grant that covers the topic, and the first denial that does: for explanations.
  func granting(_ action: Action, namespace: Name, topic: Name) -> Grant? {
    allowed[Int(action.rawValue)].first { $0.covers(namespace: namespace, topic: topic) }
  }

  func denying(_ action: Action, namespace: Name, topic: Name) -> Grant? {
    denied[Int(action.rawValue)].first { $0.covers(namespace: namespace, topic: topic) }
  }

  /// What of the topic's classified data may be seen: what any grant that covers it names.
  func classes(namespace: Name, topic: Name) -> ClassSet {
    var classes = ClassSet.none
    for grant in allowed[Int(Action.subscribe.rawValue)]
    where !grant.classes.isEmpty && grant.covers(namespace: namespace, topic: topic) {
      classes = classes.union(grant.classes)
    }
    return classes
  }

  /// Whether a payload may be published to the topic: some grant that covers it asks nothing of
  /// payloads, or is content with this one.
  func takes(_ payload: JSONDocument?, namespace: Name, topic: Name) -> Bool {
    allowed[Int(Action.publish.rawValue)].contains {
      $0.covers(namespace: namespace, topic: topic) && $0.check?.holds(for: payload) ?? true
    }
  }

  /// Whether `takes` has to look into payloads of this topic.
  func looksIntoPayloads(namespace: Name, topic: Name) -> Bool {
    isConditional
      && !allowed[Int(Action.publish.rawValue)].contains {
        !$0.isConditional && $0.covers(namespace: namespace, topic: topic)
      }
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
