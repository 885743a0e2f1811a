public import Bytes
import Crypto
import JSONText
import Settings

/// An issuer's `keys` as settings write them: `{file}`, `{url}` or `{discovery: true}` with
/// `refresh`, `lazy`, `addresses` and `ca`, or `{secret}` or `{secretFile}` with `kid`.
struct CompiledKeys {
  /// Nil until somebody fetches it.
  let set: KeySet?
  let source: KeySource
  let algorithms: [SignatureAlgorithm]

  /// Secrets and public keys exclude each other: else a public key, known to all, might serve as
  /// the secret.
  ///
  /// - Parameters:
  ///   - issuer: the `iss`; nil where it has none.
  ///   - domain: whose bundle it may be (SPIFFE Trust Domain and Bundle §4).
  init(
    _ node: SettingsNode, of issuer: ByteSlice?, _ domain: TrustDomain?,
    _ listed: [SignatureAlgorithm]?, _ surroundings: IssuerProfile.Surroundings
  ) throws(SettingsFault) {
    var keys = try SettingsMapping(node)
    let kinds = [
      keys.optional("file"), keys.optional("url"), keys.optional("discovery"),
      keys.optional("secret"), keys.optional("secretFile"),
    ]
    guard kinds.count(where: { $0 != nil }) == 1 else {
      throw node.fault(
        .invalid("keys takes one of file, url, discovery, secret and secretFile"))
    }
    if kinds[3] != nil || kinds[4] != nil {
      guard domain == nil else {
        throw node.fault(.invalid("JWT-SVIDs are verified with published keys, not a secret"))
      }
      let keyID = try keys.optional("kid").map { node throws(SettingsFault) in try node.bytes() }
      try keys.finish()
      self = try Self.secret(kinds[3], kinds[4], keyID, listed, node, surroundings)
      return
    }
    algorithms = listed ?? IssuerProfile.defaultAlgorithms
    guard !algorithms.contains(where: \.isSymmetric) else {
      throw node.fault(.invalid("HS256, HS384 and HS512 need a secret, not published keys"))
    }
    if let file = kinds[0] {
      try keys.finish()
      let text = try Self.load(file, surroundings)
      set = try Self.sound(file) { [algorithms] () throws(KeySetFault) in
        try KeySet(parsing: text, algorithms: algorithms, ofBundle: domain != nil)
      }
      source = .file(try file.text())
      return
    }
    let location: RemoteKeys.Location
    if let url = kinds[1] {
      location = .url(try FetchRules.url(url))
    } else if let discovery = kinds[2] {
      guard let issuer else {
        throw discovery.fault(.invalid("the document is compared with 'iss', which is missing"))
      }
      location = .discovery(try Self.discovery(discovery, issuer))
    } else {
      throw node.fault(.missingKey("file"))
    }
    let refresh = try keys.optionalDuration("refresh", in: RemoteKeys.refreshes)
    let isLazy = try keys.bool("lazy", absent: false)
    let rules = try FetchRules(takenFrom: &keys)
    try keys.finish()
    set = nil
    source = .remote(
      RemoteKeys(
        location: location, rules: rules, refresh: refresh ?? RemoteKeys.defaultRefresh,
        isLazy: isLazy))
  }

  private init(set: KeySet, algorithms: [SignatureAlgorithm]) {
    self.set = set
    self.algorithms = algorithms
    source = .fixed
  }

  private static func secret(
    _ reference: SettingsNode?, _ file: SettingsNode?, _ keyID: ByteSlice?,
    _ listed: [SignatureAlgorithm]?, _ node: SettingsNode,
    _ surroundings: IssuerProfile.Surroundings
  ) throws(SettingsFault) -> CompiledKeys {
    let algorithms = listed ?? [.hs256]
    guard algorithms.count == 1, algorithms[0].isSymmetric else {
      throw node.fault(.invalid("a secret serves exactly one of HS256, HS384 and HS512"))
    }
    let secret: ByteSlice
    if let reference {
      let name = try SecretReference(compiling: reference)
      do {
        secret = try surroundings.secret(name)
      } catch {
        throw reference.fault(.invalid("the secret cannot be found: \(error)"))
      }
    } else if let file {
      secret = try load(file, surroundings).withoutLineEnd
    } else {
      throw node.fault(.missingKey("secret"))
    }
    let set = try sound(reference ?? node) { () throws(KeySetFault) in
      try KeySet(secrets: [(keyID, secret)], algorithm: algorithms[0])
    }
    if let fault = SecretStrength.fault(of: secret) {
      throw (reference ?? node).fault(.invalid("the secret is worthless: \(fault)"))
    }
    return CompiledKeys(set: set, algorithms: algorithms)
  }

  /// `true`: where OpenID Connect puts it (Discovery §4); else the document's own URL.
  private static func discovery(
    _ node: SettingsNode, _ issuer: ByteSlice
  ) throws(SettingsFault) -> ByteSlice {
    guard case .bool(let isWanted) = node.value else { return try FetchRules.url(node) }
    guard isWanted else { throw node.fault(.invalid("true, or the URL of the document")) }
    var url = ByteWriter(capacity: issuer.count + 40)
    url.append(issuer)
    while url.bytes.last == ASCII.slash { url.truncate(to: url.count - 1) }
    url.append("/.well-known/openid-configuration")
    guard FetchRules.isURL(url.slice) else {
      throw node.fault(.invalid("'iss' is no https URL to find a document under"))
    }
    return url.slice
  }

  private static func load(
    _ node: SettingsNode, _ surroundings: IssuerProfile.Surroundings
  ) throws(SettingsFault) -> ByteSlice {
    let path = try node.text()
    do {
      return try surroundings.file(path)
    } catch {
      throw node.fault(.invalid("'\(path)' cannot be read: \(error)"))
    }
  }

  private static func sound(
    _ node: SettingsNode, _ make: () throws(KeySetFault) -> KeySet
  ) throws(SettingsFault) -> KeySet {
    do throws(KeySetFault) {
      return try make()
    } catch {
      throw node.fault(.invalid(error.text))
    }
  }
}

extension FetchRules {
  /// Reads `addresses` and `ca`.
  init(takenFrom mapping: inout SettingsMapping) throws(SettingsFault) {
    var addresses: [AddressRange] = []
    for element in try mapping.optional("addresses")?.elements() ?? [] {
      addresses.append(try AddressRange(compiling: element))
    }
    let authorities = try mapping.optional("ca").map { node throws(SettingsFault) in
      try node.nonEmptyText()
    }
    self.init(addresses: addresses, authorities: authorities)
  }

  static func url(_ node: SettingsNode) throws(SettingsFault) -> ByteSlice {
    let url = try node.bytes()
    guard isURL(url) else {
      throw node.fault(
        .invalid("not a URL such as https://login.acme.example/keys; http only for loopback"))
    }
    return url
  }

  /// Whether it is an absolute https URL of visible ASCII without user name and fragment, or an
  /// http one whose host is a loopback address.
  public static func isURL(_ url: ByteSlice) -> Bool {
    let allowed = url.array.allSatisfy {
      $0 > ASCII.space && $0 < ASCII.delete && $0 != 0x23 && $0 != ASCII.quote
        && $0 != ASCII.backslash
    }
    guard allowed, url.count <= 2048 else { return false }
    if url.starts(with: "https://") { return isAuthority(authority(url.dropFirst(8))) }
    guard url.starts(with: "http://") else { return false }
    let authority = authority(url.dropFirst(7))
    let host =
      authority.starts(with: "[")
      ? authority
      : authority.prefix(
        authority.firstIndex(of: ASCII.colon) ?? authority.count)
    return isAuthority(authority)
      && (host.equals("localhost") || host.starts(with: "127.") || host.starts(with: "[::1]"))
  }

  /// Host and port: what of a URL stands behind the scheme, up to path or query.
  public static func authority(_ rest: ByteSlice) -> ByteSlice {
    let end = rest.array.firstIndex { $0 == ASCII.slash || $0 == ASCII.questionMark }
    return rest.prefix(end ?? rest.count)
  }

  private static func isAuthority(_ text: ByteSlice) -> Bool {
    !text.isEmpty && text.firstIndex(of: 0x40) == nil && text[0] != ASCII.colon
  }
}

extension IntrospectionTerms {
  /// Compiles `{url, clientID, clientSecret, prefix, lifetime, addresses, ca}`.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    var mapping = try SettingsMapping(node)
    let url = try FetchRules.url(mapping.required("url"))
    let clientID = try IssuerProfile.nonEmpty(mapping.required("clientID"))
    let secret = try SecretReference(compiling: mapping.required("clientSecret"))
    let prefix = try mapping.optional("prefix").map { node throws(SettingsFault) in
      let prefix = try IssuerProfile.nonEmpty(node)
      do throws(CredentialFault) {
        try Credential.checkForm(prefix)
      } catch {
        throw node.fault(.invalid("no token begins like this"))
      }
      return prefix
    }
    let lifetime = try mapping.optionalDuration("lifetime", in: Self.lifetimes)
    let rules = try FetchRules(takenFrom: &mapping)
    try mapping.finish()
    self.init(
      url: url, rules: rules, clientID: clientID, clientSecret: secret,
      prefix: prefix ?? .empty, lifetime: lifetime ?? Self.defaultLifetime)
  }
}

extension APIKey {
  /// Compiles a list of `{id, sha256, expires, claims}`.
  static func compile(_ node: SettingsNode) throws(SettingsFault) -> [APIKey] {
    var keys: [APIKey] = []
    for element in try node.elements() {
      let key = try APIKey(compiling: element)
      guard !keys.contains(where: { $0.id == key.id }) else {
        throw element.fault(.invalid("a second API key with the same id"))
      }
      keys.append(key)
    }
    guard !keys.isEmpty, keys.count <= most else {
      throw node.fault(.invalid("a list of 1 to \(most) API keys"))
    }
    return keys
  }

  /// Keys of one issuer.
  public static let most = 10_000

  private init(compiling node: SettingsNode) throws(SettingsFault) {
    var mapping = try SettingsMapping(node)
    let id = try IssuerProfile.nonEmpty(mapping.required("id"))
    let digestNode = try mapping.required("sha256")
    guard let digest = Digest(hexadecimal: try digestNode.bytes()) else {
      throw digestNode.fault(.invalid("64 hexadecimal digits: the SHA-256 of the key's text"))
    }
    let expiresNode = try mapping.required("expires")
    guard let expires = UnixTime(rfc3339: try expiresNode.bytes()) else {
      throw expiresNode.fault(.invalid("an instant such as 2027-01-31T00:00:00Z"))
    }
    let extra = mapping.optional("claims")
    try mapping.finish()
    var claims = JSONWriter()
    claims.beginObject()
    claims.key("sub")
    claims.string(id)
    for entry in try extra?.entries() ?? [] {
      guard !entry.key.equals("sub") else {
        throw entry.value.fault(.invalid("'sub' is the key's id"))
      }
      claims.key(entry.key)
      claims.raw(entry.value.json)
    }
    claims.endObject()
    do throws(JSONFault) {
      let document = try JSONDocument(parsing: claims.slice, limits: .token)
      self.init(id: id, digest: digest, expires: expires, claims: document)
    } catch {
      throw (extra ?? node).fault(.invalid("the claims are larger than a token's may be"))
    }
  }
}

extension ByteSlice {
  /// Without one line end at the end, which editors put there.
  public var withoutLineEnd: ByteSlice {
    var text = self
    if text.count > 0, text[text.count - 1] == ASCII.lineFeed { text = text.prefix(text.count - 1) }
    if text.count > 0, text[text.count - 1] == ASCII.carriageReturn {
      text = text.prefix(text.count - 1)
    }
    return text
  }
}
