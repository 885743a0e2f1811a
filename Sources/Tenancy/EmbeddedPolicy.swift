import Authentication
public import Bytes

/// The configuration that development mode runs on: ordinary text in the ordinary language,
/// compiled by the ordinary path. There is no other way in.
///
/// One mapping per tenant and action: a token gets what its own claims `tenant` and `allow` list,
/// each matched against a literal of this text.
public enum EmbeddedPolicy {
  /// The file in the data directory that holds the issuer's public key.
  public static let keysFile: StaticString = "development-keys.json"
  /// The tenant and the namespace that exist from the start.
  public static let tenant: StaticString = "public"
  public static let namespace: StaticString = "default"

  /// The settings text for these tenants (names only; others are left out), `public` if there are
  /// none. Keys are looked for at `keysFile`, relative to the data directory.
  public static func text(tenants: [Name] = []) -> ByteSlice {
    let names = tenants.isEmpty ? ["\(tenant)"] : tenants.map(\.text)
    var text = """
      issuers:
        - id: "\(DevelopmentIssuer.id)"
          iss: "\(DevelopmentIssuer.issuer)"
          audiences: ["\(DevelopmentIssuer.audience)"]
          algorithms: [ES256]
          keys: {file: "\(keysFile)"}
      tenants:

      """
    for name in names { text += "  \"\(name)\": {}\n" }
    text += "mappings:\n"
    for name in names {
      for action in Action.allCases {
        text += """
            - id: "\(action.word)-\(names.firstIndex(of: name) ?? 0)"
              issuer: "\(DevelopmentIssuer.id)"
              when: {"/tenant": {eq: "\(name)"}, "/allow": {contains: "\(action.word)"}}
              tenant: "\(name)"
              namespace: \(namespace)
              principal: "{/sub}"
              allow: [{\(action.word): ["*/*"]}]

          """
      }
    }
    return ByteSlice(utf8: text)
  }
}
