public import Bytes
public import Crypto
import JSONText

/// The issuer that the gateway is to itself in development mode: one ES256 key, kept with the data.
/// Its tokens go the same way as everybody's: through an `IssuerProfile` and mappings.
public struct DevelopmentIssuer: Sendable {
  /// The name for mappings, the `iss` and the `aud` of its tokens.
  public static let id = ByteSlice(utf8: "development")
  public static let issuer = ByteSlice(utf8: "urn:jodrell:development")
  public static let audience = ByteSlice(utf8: "jodrell")

  private let key: PrivateKey
  private let minter: TokenMinter

  /// What a token of the development issuer says: claims `sub`, `tenant`, `namespace` and `allow`.
  public struct Grant: Sendable {
    public var subject: ByteSlice
    public var tenant: ByteSlice
    public var namespace: ByteSlice?
    /// Names of actions, for mappings to look at.
    public var actions: [ByteSlice]

    public init(
      subject: ByteSlice, tenant: ByteSlice, namespace: ByteSlice? = nil, actions: [ByteSlice]
    ) {
      self.subject = subject
      self.tenant = tenant
      self.namespace = namespace
      self.actions = actions
    }
  }

  private init(_ key: PrivateKey) throws(KeyFault) {
    self.key = key
    minter = TokenMinter(key, keyID: try key.publicMaterial.thumbprint)
  }

  /// A new issuer; `stored` keeps it.
  public static func generate() throws(KeyFault) -> DevelopmentIssuer {
    try DevelopmentIssuer(try PrivateKey.generate(.es256))
  }

  /// The issuer that `stored` kept.
  public init(stored: ByteSlice) throws(KeyFault) {
    try self.init(try PrivateKey(der: stored, for: .es256))
  }

  /// The private key as PKCS #8 DER: for a file that only its owner may read.
  public var stored: ByteSlice {
    get throws(KeyFault) { try key.der }
  }

  /// The public half as a JWK Set.
  public var keySet: ByteSlice {
    get throws(KeyFault) {
      var json = JSONWriter()
      json.beginObject()
      json.key("keys")
      json.beginArray()
      try key.publicMaterial.writeJWK(to: &json, algorithm: .es256, keyID: minter.keyID)
      json.endArray()
      json.endObject()
      return json.bytes.slice
    }
  }

  /// The profile under which its tokens are verified.
  public var profile: IssuerProfile {
    get throws(KeySetFault) {
      let text: ByteSlice
      do throws(KeyFault) {
        text = try keySet
      } catch {
        throw .key(index: 0, error)
      }
      return IssuerProfile(
        id: Self.id, issuer: Self.issuer, audiences: [Self.audience], algorithms: [.es256],
        keys: try KeySet(parsing: text, algorithms: [.es256]))
    }
  }

  /// A token for `grant` from `now` for `lifetime`, of whole seconds; `tokenID` becomes its `jti`.
  public func mint(
    _ grant: Grant, at now: UnixTime, lifetime: TimeSpan, tokenID: ByteSlice
  ) throws(KeyFault) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("iss")
    json.string(Self.issuer)
    json.key("aud")
    json.string(Self.audience)
    json.key("sub")
    json.string(grant.subject)
    json.key("iat")
    json.integer(now.seconds)
    json.key("exp")
    json.integer((now + lifetime).seconds)
    json.key("jti")
    json.string(tokenID)
    json.key("tenant")
    json.string(grant.tenant)
    if let namespace = grant.namespace {
      json.key("namespace")
      json.string(namespace)
    }
    json.key("allow")
    json.beginArray()
    for action in grant.actions { json.string(action) }
    json.endArray()
    json.endObject()
    return try minter.mint(claims: json.bytes.slice)
  }
}
