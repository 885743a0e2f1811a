public import Bytes

/// `forwarded`: proxies in front that say in a header field whom a request comes from.
public struct ForwardedSettings: Sendable, Hashable {
  public enum Field: String, CaseIterable, Sendable, Hashable {
    case forwarded = "Forwarded"
    case xForwardedFor = "X-Forwarded-For"
  }

  /// Who is believed.
  public let proxies: TrustedPeers
  /// The one field that they write; nobody's copy of another is looked at.
  public let field: Field

  init(compiling node: SettingsNode) throws(SettingsFault) {
    var mapping = try SettingsMapping(node)
    proxies = try TrustedPeers(compiling: mapping.required("from"))
    let name = try mapping.required("field")
    let text = try name.text()
    guard let field = Field.allCases.first(where: { $0.rawValue == text }) else {
      let names = Field.allCases.map(\.rawValue).joined(separator: " or ")
      throw name.fault(.invalid("not \(names)"))
    }
    self.field = field
    try mapping.finish()
  }
}
