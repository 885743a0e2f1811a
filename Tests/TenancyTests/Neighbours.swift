import Authentication
import Bytes
import Settings
import Tenancy
import TestSupport
import Testing

/// The head of every policy text here: the test issuer and two tenants.
let declarations = """
  issuers: [{id: test, iss: "https://issuer.example", audiences: [event-gateway], keys: {file: k}}]
  tenants: {acme: {}, globex: {requireSchema: true, autoCreate: false}, "007": }

  """

/// Compiles settings from their text.
func gateway(_ text: String) throws(SettingsFault) -> GatewaySettings {
  let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "j.yaml")
  return try GatewaySettings(compiling: document)
}

/// A policy of these mappings under `declarations`.
func policy(_ mappings: String) throws(SettingsFault) -> TenancyPolicy {
  try TenancyPolicy.compile(
    try gateway(declarations + "mappings:\n" + mappings), generation: 7)
}

/// The scope of a real token with these claims.
func scope(
  _ mappings: String, _ claims: [String: Any] = [:], selecting: Name? = nil
) throws -> TenantScope {
  try policy(mappings).scope(
    of: try TestIssuer().verified(claims), selecting: .path(selecting), at: TestIssuer.now)
}

/// The refusal of a real token with these claims, or nil if there is a scope.
func refusal(
  _ mappings: String, _ claims: [String: Any] = [:], selecting: Name? = nil
) throws -> TenancyRefusal? {
  do {
    _ = try scope(mappings, claims, selecting: selecting)
    return nil
  } catch let refusal as TenancyRefusal {
    return refusal
  }
}

/// The refusal of an address, or nil if it is granted.
func refusal(
  _ scope: TenantScope, _ reference: TopicReference, for action: Action
) -> TenancyRefusal? {
  do throws(TenancyRefusal) {
    _ = try scope.address(of: reference, for: action)
    return nil
  } catch {
    return error
  }
}

/// One mapping that always matches, for tenant acme, with these grants.
func granting(_ grants: String, more: String = "") -> String {
  """
    - {id: m, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, principal: "{/sub}",
       namespace: orders, \(more) \(grants)}

  """
}

/// A name that must be one.
func name(_ text: String) throws -> Name {
  try #require(Name(ByteSlice(utf8: text)), "'\(text)' is not a name")
}

/// `tenant/namespace/topic` or `~/topic`.
func reference(_ path: String) throws -> TopicReference {
  let read = try TopicReference.read(from: ByteSlice(utf8: path))
  #expect(read.rest.isEmpty)
  return read.reference
}
