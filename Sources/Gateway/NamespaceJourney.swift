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
    answer.start(200)
    return finish(&answer) { json in write(namespace, into: &json) }
  }

  /// `PUT /v1/namespaces/{tenant}/{namespace}`: sets the namespace's own policy; absent members
  /// inherit from the tenant.
  func putNamespace(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: .manage)
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    let isNew = parts.engine.policy(of: namespace) == nil
    try await parts.engine.setPolicy(try NamespacePolicy(reading: body), of: namespace)
    answer.start(isNew ? 201 : 200)
    return finish(&answer) { json in write(namespace, into: &json) }
  }

  /// `DELETE /v1/namespaces/{tenant}/{namespace}`: forgets its own policy; topics stay.
  func deleteNamespace(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(of: reference, for: .manage)
    try await parts.engine.removePolicy(of: namespace)
    answer.start(204)
    answer.finishEmpty()
    return .complete
  }

  /// `GET /v1/tenants/{tenant}`: what the configuration says of the caller's own tenant.
  func getTenant(
    _ name: Name, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, name)
    guard scope.tenant == name else { throw Refusal(.notFound) }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("tenant")
      json.string(name.bytes)
      json.key("requireSchema")
      json.bool(scope.policy.requireSchema)
      json.key("namespaceDefaults")
      json.beginObject()
      json.key("requireSchema")
      json.bool(scope.policy.defaults.requireSchema)
      json.key("autoCreate")
      json.bool(scope.policy.defaults.autoCreate)
      json.key("compatibility")
      json.string(Compatibility(scope.policy.defaults.compatibility).word)
      json.key("compatibilityPolicy")
      json.string(EvolutionPolicy(scope.policy.defaults.evolution).name)
      json.endObject()
      json.endObject()
    }
  }

  private func write(_ namespace: NamespaceAddress, into json: inout JSONWriter) {
    let rules = TopicRules(of: namespace, in: parts.engine)
    json.beginObject()
    json.key("tenant")
    json.string(namespace.tenant.bytes)
    json.key("namespace")
    json.string(namespace.namespace.bytes)
    json.key("requireSchema")
    json.bool(rules.requireSchema)
    json.key("autoCreate")
    json.bool(rules.autoCreate)
    json.key("compatibility")
    json.string(rules.compatibility.word)
    json.key("compatibilityPolicy")
    json.string(rules.evolution.name)
    json.endObject()
  }
}

/// What holds for a topic, worked out from topic, namespace and tenant, the nearest first.
public struct TopicRules {
  public let requireSchema: Bool
  public let autoCreate: Bool
  public let compatibility: Compatibility
  /// How schemas are read when they are compared.
  public let evolution: EvolutionPolicy

  /// - Parameter topic: nil where there is none yet.
  public init(of namespace: NamespaceAddress, topic: TopicInfo? = nil, in catalogue: some Catalogue)
  {
    let tenant = namespace.caller.policy
    let own = catalogue.policy(of: namespace)
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

extension NamespacePolicy {
  /// Reads the body of a `PUT`.
  fileprivate init(reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    let requireSchema = try members.takeFlag("requireSchema")
    let autoCreate = try members.takeFlag("autoCreate")
    let (compatibility, evolution) = try members.takeCompatibility()
    try members.refuseLater("retention", "ttl", "backlogQuota", "dedup", "limits")
    try members.finish()
    self.init(
      retention: nil, requireSchema: requireSchema, autoCreate: autoCreate,
      compatibility: compatibility, evolution: evolution)
  }
}
