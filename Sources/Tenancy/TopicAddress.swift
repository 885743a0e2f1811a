import Bytes

/// Proof that a caller may do one action on one topic: the third link of the chain, and the only
/// name of a topic that the log takes.
///
/// Rules of this file: the one stored property is private and the extension of `TenantScope` below
/// is the only place that makes one. Never `Codable` or `RawRepresentable`, no default, no other
/// initialiser. Equal and hashed by the three names alone, so that it finds the topic whoever asks.
public struct TopicAddress: Sendable {
  private let proven: Proven

  private struct Proven: Sendable {
    let namespace: Name
    let topic: Name
    let action: Action
    let caller: TenantScope
  }

  fileprivate init(namespace: Name, topic: Name, action: Action, caller: TenantScope) {
    proven = Proven(namespace: namespace, topic: topic, action: action, caller: caller)
  }

  public var tenant: Name { proven.caller.tenant }
  public var namespace: Name { proven.namespace }
  public var topic: Name { proven.topic }
  /// What the caller was granted; nothing else may be done under this address.
  public var action: Action { proven.action }
  /// Who was granted it, and until when.
  public var caller: TenantScope { proven.caller }

  /// The same proof with names in storage of their own, for those who keep it longer than a
  /// request: names are otherwise cut from the connection's receive buffer.
  public var detached: TopicAddress {
    TopicAddress(
      namespace: namespace.detached, topic: topic.detached, action: action, caller: caller)
  }
}

extension TopicAddress {
  /// The topic beside this one that takes what breaks this one's schema: in the same namespace, for
  /// the same caller and action. The caller needs no grant on it: the topic's binding names it, and
  /// whoever set that was granted `manage` on both.
  public func quarantine(named topic: Name) -> TopicAddress {
    precondition(action == .publish, "only what is published is quarantined")
    return TopicAddress(
      namespace: namespace, topic: topic, action: action, caller: caller)
  }
}

extension TopicAddress: Hashable {
  public static func == (left: TopicAddress, right: TopicAddress) -> Bool {
    left.topic == right.topic && left.namespace == right.namespace && left.tenant == right.tenant
  }

  /// A slash stands between the names: no name holds one, so neighbours cannot run together.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(tenant)
    hasher.combine(ASCII.slash)
    hasher.combine(namespace)
    hasher.combine(ASCII.slash)
    hasher.combine(topic)
  }
}

extension TopicAddress: CustomStringConvertible {
  public var description: String { "\(tenant)/\(namespace)/\(topic)" }
}

extension TenantScope {
  /// The topic that a request names, if the caller may do `action` on it. Another tenant's topic is
  /// `notFound`, like an absent one; in the caller's own tenant a missing grant is `forbidden`
  /// whether the topic exists or not: existence is not looked at here. Allocates nothing.
  public func address(
    of reference: TopicReference, for action: Action
  ) throws(TenancyRefusal) -> TopicAddress {
    let namespace = try resolve(tenant: reference.tenant, namespace: reference.namespace)
    guard may(action, namespace: namespace, topic: reference.topic) else {
      throw .forbidden(action)
    }
    return TopicAddress(
      namespace: namespace, topic: reference.topic, action: action, caller: self)
  }

  /// The topic for the first of `actions` that the caller holds: for what any of them may see. The
  /// refusal names the first.
  public func address(
    of reference: TopicReference, forAnyOf actions: [Action]
  ) throws(TenancyRefusal) -> TopicAddress {
    let namespace = try resolve(tenant: reference.tenant, namespace: reference.namespace)
    for action in actions where may(action, namespace: namespace, topic: reference.topic) {
      return TopicAddress(
        namespace: namespace, topic: reference.topic, action: action, caller: self)
    }
    throw .forbidden(actions.first ?? .admin)
  }
}
