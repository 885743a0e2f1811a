import Bytes
import HTTPWire
import JSONText
public import Schemas
public import Tenancy
public import Topics

/// Namespaces and tenants: their policies.
extension GatewayResponder {
  /// `GET /v1/namespaces/{tenant}/{namespace}`: what holds for its topics, inherited values
  /// included.
  func getNamespace(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(
      of: reference, forAnyOf: [.manage, .subscribe, .publish])
    let body = text(of: namespace, under: parts.engine.policy(of: namespace))
    guard try !startTagged(EntityTag(of: body), request, &answer) else { return .complete }
    answer.finish(contentType: "application/json", body: body)
    return .complete
  }

  /// `PUT /v1/namespaces/{tenant}/{namespace}`: sets the namespace's own policy; absent members
  /// inherit from the tenant.
  func putNamespace(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: Right.namespace)
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: namespace)
    let policy = try NamespacePolicy(reading: body)
    let known = try check(terms, namespace)
    try await engine(terms).setPolicy(
      policy, of: namespace, expecting: terms.conditions.isEmpty ? .anything : .exactly(known))
    let unmet = await unmet(changedBy: policy, from: known, of: namespace, scope)
    // The warnings are no part of what the tag stands for.
    let tag = EntityTag(of: text(of: namespace, under: policy))
    start(known == nil ? 201 : 200, terms, tag: tag, &answer)
    answer.finish(
      contentType: "application/json", body: text(of: namespace, under: policy, unmet))
    return .complete
  }

  /// Holds a change's conditions against the namespace as it is; its own policy comes back. A
  /// namespace without one can be shown, and is not made yet.
  private func check(
    _ terms: ChangeTerms, _ namespace: NamespaceAddress
  ) throws(Refusal) -> NamespacePolicy? {
    let known = parts.engine.policy(of: namespace)
    guard !terms.conditions.isEmpty else { return known }
    try terms.conditions.check(
      EntityTag(of: text(of: namespace, under: known)), isMade: known != nil)
    return known
  }

  /// `DELETE /v1/namespaces/{tenant}/{namespace}`: forgets its own policy; topics stay.
  func deleteNamespace(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: Right.namespace)
    let known = try check(terms, namespace)
    try await engine(terms).removePolicy(
      of: namespace, expecting: terms.conditions.isEmpty ? .anything : .exactly(known))
    return finishGone(terms, &answer)
  }

  /// `GET /v1/tenants/{tenant}`: what the configuration says of the caller's own tenant.
  func getTenant(
    _ name: Name, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, name)
    guard scope.tenant == name else { throw TenancyRefusal.notFound }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("tenant")
      json.string(name.bytes)
      json.key("requireSchema")
      json.bool(scope.policy.requireSchema)
      json.key("namespaceDefaults")
      json.beginObject()
      json.key("retention")
      scope.policy.defaults.retention.map(Retention.init).write(into: &json)
      json.key("requireSchema")
      json.bool(scope.policy.defaults.requireSchema)
      json.key("autoCreate")
      json.bool(scope.policy.defaults.autoCreate)
      json.compatibility(
        Compatibility(scope.policy.defaults.compatibility),
        EvolutionPolicy(scope.policy.defaults.evolution))
      json.key("limits")
      scope.policy.limits.writeNamespaces(into: &json)
      json.endObject()
      json.endObject()
    }
  }

  private func text(
    of namespace: NamespaceAddress, under own: NamespacePolicy?,
    _ unmet: UnmetLevels = UnmetLevels()
  ) -> ByteSlice {
    let rules = TopicRules(of: namespace, under: own)
    var json = JSONWriter()
    json.beginObject()
    json.key("tenant")
    json.string(namespace.tenant.bytes)
    json.key("namespace")
    json.string(namespace.namespace.bytes)
    json.key("retention")
    rules.retention.write(into: &json)
    json.key("requireSchema")
    json.bool(rules.requireSchema)
    json.key("autoCreate")
    json.bool(rules.autoCreate)
    json.compatibility(rules.compatibility, rules.evolution)
    if unmet.isWorthTelling {
      json.key("warnings")
      unmet.write(into: &json)
    }
    json.endObject()
    return json.slice
  }
}

/// What holds for a topic, worked out from topic, namespace and tenant, the nearest first.
public struct TopicRules {
  /// How long events are kept; nil for ever.
  public let retention: Retention?
  public let requireSchema: Bool
  public let autoCreate: Bool
  public let compatibility: Compatibility
  /// How schemas are read when they are compared.
  public let evolution: EvolutionPolicy

  public init(of namespace: NamespaceAddress, topic: TopicInfo? = nil, in catalogue: some Catalogue)
  {
    self.init(of: namespace, topic: topic, under: catalogue.policy(of: namespace))
  }

  /// - Parameters:
  ///   - topic: nil where there is none yet.
  ///   - own: the namespace's policy.
  init(of namespace: NamespaceAddress, topic: TopicInfo? = nil, under own: NamespacePolicy?) {
    let tenant = namespace.policy
    retention =
      topic?.configuration.retention ?? own?.retention
      ?? tenant.defaults.retention.map(Retention.init)
    requireSchema =
      tenant.requireSchema
      || topic?.configuration.requireSchema ?? own?.requireSchema
        ?? tenant.defaults.requireSchema
    autoCreate = own?.autoCreate ?? tenant.defaults.autoCreate
    compatibility =
      topic?.configuration.compatibility ?? own?.compatibility
      ?? Compatibility(tenant.defaults.compatibility)
    evolution =
      topic?.configuration.evolution ?? own?.evolution
      ?? EvolutionPolicy(tenant.defaults.evolution)
  }
}

extension Compatibility {
  init(_ configured: TenantPolicy.Compatibility) {
    switch configured {
    case .none: self = .none
    case .backward: self = .backward
    case .backwardTransitive: self = .backwardTransitive
    case .forward: self = .forward
    case .forwardTransitive: self = .forwardTransitive
    case .full: self = .full
    case .fullTransitive: self = .fullTransitive
    case .alwaysIncompatible: self = .alwaysIncompatible
    }
  }
}

extension EvolutionPolicy {
  init(_ configured: TenantPolicy.Evolution) {
    switch configured {
    case .evolution: self = .evolution
    case .strict: self = .strict
    }
  }
}

extension BodyMembers {
  /// The members `compatibility` and `compatibilityPolicy`; nil where they are absent.
  mutating func takeCompatibility() throws -> (Compatibility?, EvolutionPolicy?) {
    var level: Compatibility?
    if let word = try takeText("compatibility") {
      level = Compatibility(word: word.text)
      guard level != nil else {
        throw wrong(
          "compatibility",
          "NONE, BACKWARD, FORWARD, FULL, one of the last three with _TRANSITIVE, "
            + "ALWAYS_COMPATIBLE or ALWAYS_INCOMPATIBLE")
      }
    }
    var policy: EvolutionPolicy?
    if let word = try takeText("compatibilityPolicy") {
      policy = EvolutionPolicy(named: word.text)
      guard policy != nil else { throw wrong("compatibilityPolicy", "evolution or strict") }
    }
    return (level, policy)
  }
}

extension JSONWriter {
  /// The members that `takeCompatibility` reads; null where nothing of its own is said.
  mutating func compatibility(_ level: Compatibility?, _ policy: EvolutionPolicy?) {
    key("compatibility")
    if let level { string(level.word) } else { null() }
    key("compatibilityPolicy")
    if let policy { string(policy.name) } else { null() }
  }
}

extension NamespacePolicy {
  /// Reads the body of a `PUT`.
  fileprivate init(reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    let requireSchema = try members.takeFlag("requireSchema")
    let autoCreate = try members.takeFlag("autoCreate")
    let (compatibility, evolution) = try members.takeCompatibility()
    let retention = try members.takeRetention()
    try members.refuseLater("ttl", "backlogQuota", "dedup", "limits")
    try members.finish()
    self.init(
      retention: retention, requireSchema: requireSchema, autoCreate: autoCreate,
      compatibility: compatibility, evolution: evolution)
  }
}
