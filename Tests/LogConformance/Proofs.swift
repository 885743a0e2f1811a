package import Bytes
package import Events
package import Schemas
package import Tenancy
package import Topics

/// Proofs for tests, made through the front door.
package struct Proofs: Sendable {
  package let tenant: String

  package init(tenant: String = "acme") { self.tenant = tenant }

  package func name(_ text: String) throws -> Name {
    guard let name = Name(ByteSlice(utf8: text)) else { throw NotAName(text: text) }
    return name
  }

  package func topic(_ topic: String, _ action: Action, in namespace: String = "shop") throws
    -> TopicAddress
  {
    TopicAddress(
      tenant: try name(tenant), namespace: try name(namespace), topic: try name(topic),
      action: action)
  }

  package func namespace(_ namespace: String, _ action: Action) throws -> NamespaceAddress {
    NamespaceAddress(tenant: try name(tenant), namespace: try name(namespace), action: action)
  }

  package func event(
    _ topic: String, _ payload: String, key: String? = nil, as action: Action = .publish
  ) throws -> ConformingEvent {
    try event(
      topic, ByteSlice(utf8: payload), kind: .json, key: key.map { ByteSlice(utf8: $0) },
      as: action)
  }

  package func event(
    _ topic: String, _ payload: ByteSlice, kind: PayloadKind, key: ByteSlice?,
    as action: Action = .publish
  ) throws -> ConformingEvent {
    let draft = EventDraft(
      attributes: Attributes(encoded: ByteSlice([0])), key: key, payload: payload,
      payloadKind: kind, contentType: nil, strippedAttributes: 0)
    return ConformingEvent(
      address: try self.topic(topic, action), draft: draft, schemaVersion: 0)
  }
}

extension Proofs {
  /// A schema that may be registered.
  package func schema(_ text: String) throws -> SchemaCandidate {
    SchemaCandidate(
      text: ByteSlice(utf8: text), dialect: .draft202012, formats: .annotate,
      fingerprint: ByteSlice(utf8: "sha256:of-\(text)"), program: CompiledSchema())
  }
}

package struct NotAName: Error {
  package let text: String
}
