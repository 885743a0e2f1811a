public import Bytes
public import JSONText

/// What the policy would make of a token with certain claims: for whoever writes policies or
/// answers for them. It proves nothing: no token was there, and no address can be made from it.
public struct ForeseenScope: Sendable {
  private let decision: Decision

  fileprivate init(_ decision: Decision) { self.decision = decision }

  public var tenant: Name { decision.tenant }
  public var namespace: Name? { decision.namespace }
  public var principal: ByteSlice { decision.principal }
  public var service: ByteSlice? { decision.service }
  public var source: ByteSlice? { decision.source }
  public var changes: UnixTime { decision.changes }
  public var grants: [EffectiveGrant] { decision.effectiveGrants }
  public var denials: [Grant] { decision.allDenials }

  /// The answer to one request: throws what the journey would.
  ///
  /// - Parameter payload: what would be published; nil when nobody says.
  /// - Returns: the topic by its full name, the mapping that grants it, and what is made of the
  ///   payload: nil where nothing looks into it.
  public func answer(
    _ action: Action, _ reference: TopicReference, payload: JSONDocument?
  ) throws(TenancyRefusal) -> ForeseenAnswer {
    var owner = decision.tenant
    var grants = decision.grants
    let namespace: Name
    let classes: ClassSet
    if let named = reference.tenant, named != owner {
      guard let inNamespace = reference.namespace else { throw .notFound }
      owner = named
      namespace = inNamespace
      let share = try decision.share(
        action, of: named, namespace: namespace, topic: reference.topic)
      grants = share.grants
      classes = share.classes(namespace: namespace, topic: reference.topic)
    } else {
      namespace = try decision.resolve(
        tenant: reference.tenant, namespace: reference.namespace)
      guard grants.allows(action, namespace: namespace, topic: reference.topic) else {
        throw .forbidden(action)
      }
      classes = grants.classes(namespace: namespace, topic: reference.topic)
    }
    let looks =
      action == .publish && grants.looksIntoPayloads(namespace: namespace, topic: reference.topic)
    return ForeseenAnswer(
      topic: "\(owner)/\(namespace)/\(reference.topic)",
      rule: grants.granting(action, namespace: namespace, topic: reference.topic)?.rule,
      looksIntoPayloads: looks,
      takesPayload: looks
        ? payload.map { grants.takes($0, namespace: namespace, topic: reference.topic) } : nil,
      classes: action == .subscribe ? classes : .none)
  }

  /// The mapping whose denial covers a topic of the caller's own tenant; nil without one.
  public func deniedBy(_ action: Action, _ reference: TopicReference) -> ByteSlice? {
    guard
      let namespace = try? decision.resolve(
        tenant: reference.tenant, namespace: reference.namespace)
    else { return nil }
    return decision.grants.denying(action, namespace: namespace, topic: reference.topic)?.rule
  }
}

/// Leave for one request.
public struct ForeseenAnswer: Sendable {
  public let topic: String
  public let rule: ByteSlice?
  public let looksIntoPayloads: Bool
  /// Nil where no payload was given, or nothing looks into it.
  public let takesPayload: Bool?
  /// What of the topic's classified data the caller would see.
  public let classes: ClassSet
}

extension TenancyPolicy {
  /// What a token of the issuer with these claims would be. `selecting` is the tenant that a
  /// request would name.
  public func foresee(
    issuer: ByteSlice, claims: JSONDocument, selecting: TenantSelection?, at now: UnixTime
  ) throws(TenancyRefusal) -> ForeseenScope {
    ForeseenScope(
      try decision(issuer: issuer, claims: claims, selecting: selecting, at: now))
  }
}

extension TenantScope {
  /// The same scope without what proves it: for explanations.
  public var foreseen: ForeseenScope { ForeseenScope(decision) }
}
