package import Bytes
package import Events
package import Schemas
import Settings
import Synchronization
package import Tenancy
import TestSupport
package import Topics

/// Proofs for tests, made through the front door: a signed token, a policy, the schema gate.
package struct Proofs: Sendable {
  package let tenant: String

  /// - Parameter tenant: `acme`, `acme-2` or `b`; its principal may do everything there.
  package init(tenant: String = "acme") { self.tenant = tenant }

  package func name(_ text: String) throws -> Name {
    guard let name = Name(ByteSlice(utf8: text)) else { throw NotAName(text: text) }
    return name
  }

  package func topic(_ topic: String, _ action: Action, in namespace: String = "shop") throws
    -> TopicAddress
  {
    let reference = TopicReference(
      tenant: try name(tenant), namespace: try name(namespace), topic: try name(topic))
    return try Scopes.shared.scope(of: tenant).address(of: reference, for: action)
  }

  /// A topic of `acme`, which shares its namespace `shop` with `b`: for `b` alone.
  package func shared(_ topic: String) throws -> TopicAddress {
    let reference = TopicReference(
      tenant: try name("acme"), namespace: try name("shop"), topic: try name(topic))
    return try Scopes.shared.scope(of: tenant).address(of: reference, for: .subscribe)
  }

  package func namespace(_ namespace: String, _ action: Action) throws -> NamespaceAddress {
    let reference = NamespaceReference(
      tenant: try name(tenant), namespace: try name(namespace))
    return try Scopes.shared.scope(of: tenant).namespace(of: reference, for: action)
  }

  /// An event with these bytes, whatever they are, as payload.
  package func event(
    _ topic: String, _ payload: String, key: String? = nil, as action: Action = .publish,
    in namespace: String = "shop"
  ) throws -> ConformingEvent {
    try event(
      topic, ByteSlice(utf8: payload), kind: .binary, key: key.map { ByteSlice(utf8: $0) },
      as: action, in: namespace)
  }

  /// - Parameter type: the CloudEvents attribute, as if the publisher had sent it.
  package func event(
    _ topic: String, _ payload: ByteSlice, kind: PayloadKind, key: ByteSlice?,
    type: String? = nil, as action: Action = .publish, in namespace: String = "shop"
  ) throws -> ConformingEvent {
    var attributes = AttributesBuilder()
    attributes.set(.id, ByteSlice(utf8: "from-\(topic)"))
    if let type { attributes.set(.type, ByteSlice(utf8: type)) }
    let draft = EventDraft(
      attributes: attributes.attributes, key: key, payload: payload, payloadKind: kind)
    return try SchemaGate.check(
      draft, against: try self.topic(topic, action, in: namespace), binding: nil,
      requireSchema: false,
      scratch: SchemaScratch())
  }

  /// A schema that may be registered.
  package func schema(
    _ text: String, subject: SchemaSubject = .topic, references: [SchemaPin] = [],
    library: SchemaLibrary = SchemaLibrary()
  ) throws -> SchemaCandidate {
    let program = try CompiledSchema.compile(
      ByteSlice(utf8: text), dialect: .draft202012, formats: .annotate, library: library)
    return SchemaCandidate(
      subject: subject, text: ByteSlice(utf8: text), dialect: .draft202012, formats: .annotate,
      fingerprint: ByteSlice(utf8: "sha256:of-\(text)"), references: references,
      program: program)
  }

  /// An event with a JSON payload that keeps the schema it is bound to.
  package func checked(
    _ topic: String, _ payload: String, _ binding: SchemaBinding
  ) throws -> ConformingEvent {
    let draft = EventDraft(
      attributes: .none, key: nil, payload: ByteSlice(utf8: payload), payloadKind: .json)
    return try SchemaGate.check(
      draft, against: try self.topic(topic, .publish), binding: binding, requireSchema: false,
      scratch: SchemaScratch())
  }

  /// A schema document that may be put.
  package func document(
    _ name: String, _ text: String, dialect: SchemaDialect? = nil, uri: String? = nil,
    identifiers: [String] = [], targets: [String] = []
  ) throws -> DocumentCandidate {
    guard let name = DocumentName(ByteSlice(utf8: name)) else { throw NotAName(text: name) }
    return DocumentCandidate(
      name: name, text: ByteSlice(utf8: text), dialect: dialect,
      uri: uri.map { ByteSlice(utf8: $0) }, fingerprint: ByteSlice(utf8: "sha256:of-\(text)"),
      links: DocumentLinks(identifiers: identifiers, targets: targets))
  }
}

package struct NotAName: Error {
  package let text: String
}

/// One verified scope per tenant, made once per process: signing is slow.
private final class Scopes: Sendable {
  static let shared = Scopes()
  private let known = Mutex<[String: TenantScope]>([:])

  private static let tenants = ["acme", "acme-2", "b"]
  private static var policy: String {
    var text = """
      issuers: [{id: test, iss: "https://issuer.example", audiences: [event-gateway], keys: {file: k}}]
      tenants: {acme: {shares: [{with: b, subscribe: ["shop/*"]}]}, acme-2: {}, b: {}}
      mappings:

      """
    for tenant in tenants {
      text += """
          - {id: \(tenant), issuer: test, when: {"/sub": {eq: "\(tenant)"}}, tenant: \(tenant),
             principal: "{/sub}", allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]},
             {manage: ["*/*"]}\(tenant == "b" ? #", {subscribe: ["shop/*"], of: acme}"# : "")]}

        """
    }
    return text
  }

  func scope(of tenant: String) throws -> TenantScope {
    if let scope = known.withLock({ $0[tenant] }) { return scope }
    let document = try SettingsDocument(
      parsing: ByteSlice(utf8: Self.policy), named: "conformance.yaml")
    let policy = try TenancyPolicy.compile(
      try GatewaySettings(compiling: document), generation: 1)
    let token = try TestIssuer().verified(["sub": tenant])
    let scope = try policy.scope(of: token, at: TestIssuer.now)
    known.withLock { $0[tenant] = scope }
    return scope
  }
}
