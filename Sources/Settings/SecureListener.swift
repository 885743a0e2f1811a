public import Bytes

/// `listen.https`: an address where TLS is spoken, with the files it needs. Paths are as written.
public struct SecureListener: Sendable {
  /// A certificate with those that lead to its authority, and its key; both PEM.
  public struct Pair: Sendable {
    public let certificate: String
    public let key: String
    /// Where the pair stands, for faults found in the files.
    public let node: SettingsNode
  }

  public let listener: ListenerSettings
  /// At least one; the first is for clients that name none of the others' hosts.
  public let pairs: [Pair]
  /// Who signs clients' certificates; nil: none are asked for.
  public let clientCA: (path: String, node: SettingsNode)?
  public let requiresClientCertificate: Bool
  /// Keys known to be older are refused; nil: any age will do.
  public let maxKeyAge: TimeSpan?
  /// How long before a certificate ends the log begins to warn.
  public let expiryWarning: TimeSpan

  /// The bounds of `maxKeyAge` and of `expiryWarning`.
  public static let ages: ClosedRange<TimeSpan> = .seconds(86_400) ... .seconds(3_650 * 86_400)
  /// Two working weeks to act in.
  public static let defaultExpiryWarning: TimeSpan = .seconds(14 * 86_400)
  /// A handshake compares the host it names with each.
  static let mostPairs = 100

  init(compiling node: SettingsNode) throws(SettingsFault) {
    var listener = try SettingsMapping(node)
    self.listener = try ListenerSettings(reading: &listener)
    let many = listener.optional("certificates")
    let certificate = listener.optional("certificate")
    let key = listener.optional("key")
    if let many {
      guard certificate == nil, key == nil else {
        throw many.fault(.invalid("certificates stands instead of certificate and key"))
      }
      pairs = try Self.pairs(many)
    } else {
      guard let certificate else { throw node.fault(.missingKey("certificate")) }
      guard let key else { throw node.fault(.missingKey("key")) }
      pairs = [
        Pair(certificate: try certificate.nonEmptyText(), key: try key.nonEmptyText(), node: node)
      ]
    }
    clientCA = try listener.optional("clientCA").map { node throws(SettingsFault) in
      (try node.nonEmptyText(), node)
    }
    requiresClientCertificate = try Self.requires(
      listener.optional("clientCertificates"), hasAuthority: clientCA != nil)
    maxKeyAge = try listener.optionalDuration("maxKeyAge", in: Self.ages)
    expiryWarning =
      try listener.optionalDuration("expiryWarning", in: Self.ages) ?? Self.defaultExpiryWarning
    try listener.finish()
  }

  /// Whether both ask for the same certificates, keys and authorities on the same terms, wherever
  /// they listen.
  public func namesSameFiles(as other: SecureListener) -> Bool {
    pairs.map(\.certificate) == other.pairs.map(\.certificate)
      && pairs.map(\.key) == other.pairs.map(\.key) && clientCA?.path == other.clientCA?.path
      && requiresClientCertificate == other.requiresClientCertificate
      && maxKeyAge == other.maxKeyAge
  }

  private static func pairs(_ node: SettingsNode) throws(SettingsFault) -> [Pair] {
    let nodes = try node.elements()
    guard (1...mostPairs).contains(nodes.count) else {
      throw node.fault(.invalid("1 to \(mostPairs) certificates"))
    }
    return try nodes.map { node throws(SettingsFault) in
      var pair = try SettingsMapping(node)
      let certificate = try pair.required("certificate").nonEmptyText()
      let key = try pair.required("key").nonEmptyText()
      try pair.finish()
      return Pair(certificate: certificate, key: key, node: node)
    }
  }

  private static func requires(
    _ node: SettingsNode?, hasAuthority: Bool
  ) throws(SettingsFault) -> Bool {
    guard let node else { return false }
    guard hasAuthority else {
      throw node.fault(.invalid("clientCertificates needs clientCA, which says who signs them"))
    }
    switch try node.text() {
    case "optional": return false
    case "required": return true
    default: throw node.fault(.invalid("not optional or required"))
    }
  }
}
