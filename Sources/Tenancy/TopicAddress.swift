public import Bytes
public import JSONText

/// Proof that a caller may do one action on one topic: the third link of the chain, and the only
/// name of a topic that the log takes.
///
/// Rules of this file: the one stored property is private and the extension of `TenantScope` below
/// is the only place that makes one. Never `Codable` or `RawRepresentable`, no default, no other
/// initialiser. Equal and hashed by the three names alone, so that it finds the topic whoever asks.
/// Making one costs an allocation, copying it one reference count.
public struct TopicAddress: Sendable {
  private let proven: Proven

  /// A class: addresses are handed on and copied far more often than made.
  private final class Proven: Sendable {
    // What is asked with every event is found once and stands here: of many callers who take turns
    // none has its scope, its policy and its grants in a processor's cache.
    let tenant: Name
    let namespace: Name
    let topic: Name
    let caller: TenantScope
    let action: Action
    let hasNoRates: Bool
    let looksIntoPayloads: Bool
    /// The agreement under which the topic of another tenant is used; nil at home.
    let share: SharedTopics?

    init(
      _ tenant: Name, _ namespace: Name, _ topic: Name, _ action: Action, _ caller: TenantScope,
      _ share: SharedTopics?
    ) {
      self.tenant = tenant
      self.namespace = namespace
      self.topic = topic
      self.action = action
      self.caller = caller
      self.share = share
      hasNoRates = caller.hasNoRates && share?.policy.limits.hasNoRatesAnywhere ?? true
      looksIntoPayloads =
        action == .publish
        && (share?.grants ?? caller.ownGrants).looksIntoPayloads(namespace: namespace, topic: topic)
    }

    /// With names in one storage of their own.
    init(detaching proven: Proven) {
      let names = ByteSlice.joined(
        [proven.topic.bytes, proven.namespace.bytes, proven.tenant.bytes])
      topic = proven.topic.moved(to: names[0])
      namespace = proven.namespace.moved(to: names[1])
      tenant = proven.tenant.moved(to: names[2])
      caller = proven.caller
      action = proven.action
      hasNoRates = proven.hasNoRates
      looksIntoPayloads = proven.looksIntoPayloads
      share = proven.share
    }
  }

  fileprivate init(
    namespace: Name, topic: Name, action: Action, caller: TenantScope, share: SharedTopics? = nil
  ) {
    proven = Proven(share?.owner ?? caller.tenant, namespace, topic, action, caller, share)
  }

  private init(_ proven: Proven) { self.proven = proven }

  /// The tenant that the topic belongs to.
  public var tenant: Name { proven.tenant }
  public var namespace: Name { proven.namespace }
  public var topic: Name { proven.topic }
  /// What the caller was granted; nothing else may be done under this address.
  public var action: Action { proven.action }
  /// Who was granted it, and until when.
  public var caller: TenantScope { proven.caller }
  /// Whether the topic belongs to another tenant than the caller, which shares it.
  public var isShared: Bool { proven.share != nil }
  /// What the file says about the tenant that the topic belongs to.
  public var policy: TenantPolicy { proven.share?.policy ?? proven.caller.policy }

  /// Whether no rate bounds what the caller does here; asked with every event.
  public var hasNoRates: Bool { proven.hasNoRates }

  fileprivate var share: SharedTopics? { proven.share }

  /// Tells this proof from others for the same topic, as long as it is kept; copies share it.
  public var identity: ObjectIdentifier { ObjectIdentifier(proven) }

  /// The same proof with names in storage of their own, for those who keep it longer than a
  /// request: names are otherwise cut from the connection's receive buffer.
  public var detached: TopicAddress { TopicAddress(Proven(detaching: proven)) }
}

extension TopicAddress {
  /// Whether the caller's grants look into what it publishes here; false for what is no publish.
  public var looksIntoPayloads: Bool { proven.looksIntoPayloads }

  /// The mapping whose grant covers the topic; of several, the first in the file.
  public var grantedBy: ByteSlice? {
    (share?.grants ?? caller.ownGrants)
      .granting(action, namespace: namespace, topic: topic)?.rule
  }

  /// What of the topic's classified data the caller may see.
  public var classes: ClassSet {
    share?.classes(namespace: namespace, topic: topic)
      ?? caller.ownGrants.classes(namespace: namespace, topic: topic)
  }

  /// Whether the caller may publish this payload here; nil is one that is not JSON.
  public func takes(_ payload: JSONDocument?) -> Bool {
    share.map { $0.grants.takes(payload, namespace: namespace, topic: topic) }
      ?? caller.takes(payload, namespace: namespace, topic: topic)
  }
}

extension TopicAddress {
  /// The topic beside this one that takes what breaks this one's schema: in the same namespace, for
  /// the same caller and action. The caller needs no grant on it: the topic's binding names it, and
  /// whoever set that was granted `manage` on both.
  public func quarantine(named topic: Name) -> TopicAddress {
    precondition(action == .publish, "only what is published is quarantined")
    return TopicAddress(
      namespace: namespace, topic: topic, action: action, caller: caller, share: share)
  }
}

extension TopicAddress {
  /// The topic beside this one whose quarantine this one is: its name, to ask what its schemas are.
  /// No verb of the log reads, writes or changes anything under it.
  public func classifying(_ topic: Name) -> TopicAddress {
    TopicAddress(
      namespace: namespace, topic: topic, action: .admin, caller: caller, share: share)
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
  /// whether the topic exists or not: existence is not looked at here.
  public func address(
    of reference: TopicReference, for action: Action
  ) throws(TenancyRefusal) -> TopicAddress {
    if let shared = try sharedAddress(of: reference, forAnyOf: [action]) { return shared }
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
    if let shared = try sharedAddress(of: reference, forAnyOf: actions) { return shared }
    let namespace = try resolve(tenant: reference.tenant, namespace: reference.namespace)
    for action in actions where may(action, namespace: namespace, topic: reference.topic) {
      return TopicAddress(
        namespace: namespace, topic: reference.topic, action: action, caller: self)
    }
    throw .forbidden(actions.first ?? .admin)
  }

  /// A topic of another tenant that both sides have agreed on; nil when the reference is to the
  /// caller's own tenant.
  private func sharedAddress(
    of reference: TopicReference, forAnyOf actions: [Action]
  ) throws(TenancyRefusal) -> TopicAddress? {
    guard let owner = reference.tenant, owner != tenant else { return nil }
    guard let namespace = reference.namespace else { throw .notFound }
    for action in actions {
      if let share = try? share(action, of: owner, namespace: namespace, topic: reference.topic) {
        return TopicAddress(
          namespace: namespace, topic: reference.topic, action: action, caller: self, share: share)
      }
    }
    throw .notFound
  }
}
