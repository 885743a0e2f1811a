public import Bytes
import Settings

/// What one tenant lets another one use: an element of `tenants.<owner>.shares`.
///
/// Half of an agreement. The other half is a grant with `of: <owner>` in a mapping of the other
/// tenant; where one of the two is missing, the owner's topics are as absent as any stranger's.
public struct TenantOffer: Sendable, Equatable {
  /// The tenant that may use it.
  public let partner: Name
  let patterns: [OfferedPattern]

  struct OfferedPattern: Sendable, Equatable {
    let action: Action
    let pattern: GrantPattern
    /// What of classified data the partner may be given.
    let classes: ClassSet
  }

  /// Compiles `[{with: globex, subscribe: ["orders/*"]}]`.
  static func compile(_ node: SettingsNode?) throws(SettingsFault) -> [TenantOffer] {
    guard let node else { return [] }
    var offers: [TenantOffer] = []
    for element in try node.elements() {
      var offer = try SettingsMapping(element)
      let with = try offer.required("with")
      guard let partner = Name(try with.bytes()) else { throw with.fault(.invalid(Name.rule)) }
      let classesNode = offer.optional("classes")
      let classes = try classesNode.map { node throws(SettingsFault) in
        try ClassSet(compiling: node)
      }
      var patterns: [OfferedPattern] = []
      for action in Action.shareable {
        guard let list = offer.optional(action.word) else { continue }
        if let classesNode, action != .subscribe {
          throw classesNode.fault(.invalid("'classes' is for an offered 'subscribe' alone"))
        }
        for text in try list.elements() {
          guard let pattern = GrantPattern(try text.bytes()), !pattern.isOwnNamespace else {
            throw text.fault(.invalid("not a pattern namespace/topic of the tenant itself"))
          }
          patterns.append(
            OfferedPattern(action: action, pattern: pattern, classes: classes ?? .none))
        }
      }
      try offer.finish()
      guard !patterns.isEmpty else {
        throw element.fault(.invalid("an offer names topics to publish to or to subscribe to"))
      }
      offers.append(TenantOffer(partner: partner, patterns: patterns))
    }
    return offers
  }

  func covers(_ action: Action, namespace: Name, topic: Name) -> Bool {
    patterns.contains { $0.covers(action, namespace: namespace, topic: topic) }
  }

  /// What of the topic's classified data is offered.
  func classes(namespace: Name, topic: Name) -> ClassSet {
    patterns.reduce(.none) { classes, pattern in
      pattern.covers(.subscribe, namespace: namespace, topic: topic)
        ? classes.union(pattern.classes) : classes
    }
  }
}

extension TenantOffer.OfferedPattern {
  fileprivate func covers(_ asked: Action, namespace: Name, topic: Name) -> Bool {
    action == asked && pattern.topic.matches(topic)
      && pattern.namespace?.matches(namespace) == true
  }
}

extension Action {
  /// What one tenant can let another do. Governing stays at home.
  static let shareable: [Action] = [.publish, .subscribe]
}

/// A grant as it holds: of another tenant's topics only as far as that one shares them.
public struct EffectiveGrant: Sendable {
  public let grant: Grant
  /// The topics, as a pattern.
  public let pattern: ByteSlice
  /// What of their classified data its holder sees.
  public let classes: ClassSet
}

/// Both halves of an agreement: what a caller of one tenant may do with topics of another.
/// Immutable; shared by the addresses made under it.
final class SharedTopics: Sendable {
  /// The tenant that the topics belong to.
  let owner: Name
  let policy: TenantPolicy
  private let offers: [TenantOffer]
  let grants: GrantTable

  init(owner: Name, policy: TenantPolicy, partner: Name, grants: GrantTable) {
    self.owner = owner
    self.policy = policy
    offers = policy.offers.filter { $0.partner == partner }
    self.grants = grants
  }

  /// What both sides say together: each grant with the patterns that are left of it. A grant that
  /// the owner offers nothing of is none.
  var effective: [EffectiveGrant] {
    grants.all.flatMap { grant in
      var seen: Set<ByteSlice> = []
      return offers.flatMap(\.patterns).compactMap { offered -> EffectiveGrant? in
        guard offered.action == grant.action, let pattern = grant.meet(offered.pattern),
          seen.insert(pattern).inserted
        else { return nil }
        return EffectiveGrant(
          grant: grant, pattern: pattern, classes: offered.classes.intersection(grant.classes))
      }
    }
  }

  /// Whether the owner offers it and the caller holds it.
  func allows(_ action: Action, namespace: Name, topic: Name) -> Bool {
    grants.allows(action, namespace: namespace, topic: topic)
      && offers.contains { $0.covers(action, namespace: namespace, topic: topic) }
  }

  /// What of the topic's classified data the owner offers and the caller holds.
  func classes(namespace: Name, topic: Name) -> ClassSet {
    let offered = offers.reduce(ClassSet.none) {
      $0.union($1.classes(namespace: namespace, topic: topic))
    }
    return offered.intersection(grants.classes(namespace: namespace, topic: topic))
  }
}
