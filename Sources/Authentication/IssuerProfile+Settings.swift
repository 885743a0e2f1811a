public import Bytes
import Crypto
import JSONText
public import Settings

/// Issuers as settings write them:
/// `{id, iss, trustDomain, audiences, audienceClaim, algorithms, keys, introspection, typ,
/// maxLifetime, clockSkew, require}`, or `{id, apiKeys}`.
extension IssuerProfile {
  /// What a compiled issuer needs from outside.
  public struct Surroundings {
    /// Reads a file named in the settings; the shell resolves relative paths. Whatever it throws
    /// becomes a fault at the path's place.
    let file: (String) throws -> ByteSlice
    /// Finds a secret; likewise.
    let secret: (SecretReference) throws -> ByteSlice

    public init(
      file: @escaping (String) throws -> ByteSlice,
      secret: @escaping (SecretReference) throws -> ByteSlice
    ) {
      self.file = file
      self.secret = secret
    }
  }

  /// Compiles one issuer, an element of `issuers`, without references to secrets.
  public static func compile(
    _ node: SettingsNode, loadFile: @escaping (String) throws -> ByteSlice
  ) throws(SettingsFault) -> IssuerProfile {
    struct NoSecrets: Error {}
    return try compile(
      node, in: Surroundings(file: loadFile, secret: { _ in throw NoSecrets() }))
  }

  /// Compiles one issuer, an element of `issuers`. Opens no connection: keys on the network are
  /// missing until somebody fetches them.
  public static func compile(
    _ node: SettingsNode, in surroundings: Surroundings
  ) throws(SettingsFault) -> IssuerProfile {
    var issuer = try SettingsMapping(node)
    let id = try nonEmpty(issuer.required("id"))
    if let keys = issuer.optional("apiKeys") {
      try issuer.finish()
      return IssuerProfile(
        id: id, issuer: id, audiences: [], algorithms: [], keys: IssuerKeys(),
        apiKeys: try APIKey.compile(keys))
    }
    let domain = try issuer.optional("trustDomain").map { node throws(SettingsFault) in
      guard let domain = TrustDomain(try node.bytes()) else {
        throw node.fault(.invalid("not the name of a trust domain such as acme.example"))
      }
      return domain
    }
    let named = try issuer.optional("iss").map { node throws(SettingsFault) in try nonEmpty(node) }
    guard let iss = named ?? domain?.id else { throw node.fault(.missingKey("iss")) }
    var audiences: [ByteSlice] = []
    for element in try issuer.required("audiences").elements() {
      audiences.append(try nonEmpty(element))
    }
    guard !audiences.isEmpty else { throw node.fault(.invalid("audiences is empty")) }
    let audienceClaim = try issuer.optional("audienceClaim").map {
      node throws(SettingsFault) in
      let text = try nonEmpty(node)
      guard let pointer = JSONPointer(parsing: text) else {
        throw node.fault(.invalid("'\(text.text)' is no JSON pointer such as /client_id"))
      }
      return pointer
    }
    let listed = try algorithms(issuer.optional("algorithms"), in: domain)
    let introspection = try issuer.optional("introspection").map { node throws(SettingsFault) in
      try IntrospectionTerms(compiling: node)
    }
    guard domain == nil || introspection == nil else {
      throw node.fault(.invalid("a JWT-SVID is never opaque: trustDomain excludes introspection"))
    }
    let keys =
      introspection == nil
      ? try CompiledKeys(issuer.required("keys"), of: named, domain, listed, surroundings)
      : try issuer.optional("keys").map { node throws(SettingsFault) in
        try CompiledKeys(node, of: named, domain, listed, surroundings)
      }
    let types = try types(issuer.optional("typ"), in: domain)
    let maxLifetime = try issuer.optionalDuration(
      "maxLifetime", in: .seconds(1) ... .seconds(36_525 * 86_400))
    let clockSkew = try issuer.optionalDuration("clockSkew", in: clockSkews)
    let requirements = try issuer.optional("require").map {
      node throws(SettingsFault) in try ClaimCondition.compile(node)
    }
    try issuer.finish()
    return IssuerProfile(
      id: id, issuer: iss, trustDomain: domain, audiences: audiences, audienceClaim: audienceClaim,
      algorithms: keys?.algorithms ?? [], keys: IssuerKeys(keys?.set),
      source: keys?.source ?? .fixed, introspection: introspection,
      types: types, maxLifetime: maxLifetime, clockSkew: clockSkew ?? defaultClockSkew,
      requirements: requirements ?? [])
  }

  static func nonEmpty(_ node: SettingsNode) throws(SettingsFault) -> ByteSlice {
    let bytes = try node.bytes()
    guard !bytes.isEmpty else { throw node.fault(.invalid("the text is empty")) }
    return bytes
  }

  /// - Parameter domain: of JWT-SVIDs, which are signed with RSA or on a curve by ECDSA alone
  ///   (JWT-SVID §2.1).
  private static func algorithms(
    _ node: SettingsNode?, in domain: TrustDomain?
  ) throws(SettingsFault) -> [SignatureAlgorithm]? {
    guard let node else { return domain.map { _ in svidAlgorithms } }
    var algorithms: [SignatureAlgorithm] = []
    for element in try node.elements() {
      guard let algorithm = SignatureAlgorithm(named: try element.bytes()) else {
        throw element.fault(.invalid("no such algorithm"))
      }
      guard domain == nil || !algorithm.isSymmetric && algorithm != .edDSA else {
        throw element.fault(.invalid("no JWT-SVID is signed with this algorithm"))
      }
      algorithms.append(algorithm)
    }
    guard !algorithms.isEmpty else { throw node.fault(.invalid("the list is empty")) }
    return algorithms
  }

  private static let svidAlgorithms: [SignatureAlgorithm] = [.rs256, .es256]

  /// Exactly these `typ` headers, or the usual ones without the key.
  private static func types(
    _ node: SettingsNode?, in domain: TrustDomain?
  ) throws(SettingsFault) -> TokenTypes {
    guard let node else { return domain == nil ? .standard : .svid }
    var names: [ByteSlice] = []
    for element in try node.elements() { names.append(try nonEmpty(element)) }
    guard !names.isEmpty else { throw node.fault(.invalid("the list is empty")) }
    guard let types = TokenTypes(only: names) else {
      throw node.fault(.invalid("one of these types is never an access token"))
    }
    return types
  }
}

extension KeySetFault {
  /// The fault in words, for whoever keeps the file.
  public var text: String {
    switch self {
    case .tooLarge(let bytes): "the key set has \(bytes) bytes"
    case .json(let fault):
      "the key set is not JSON: line \(fault.line), column \(fault.column): \(fault.code.text)"
    case .shape: "a key set is an object whose keys is a list of objects"
    case .tooManyKeys(let count): "the key set holds \(count) keys"
    case .noKeys: "no key in the set verifies any of the issuer's algorithms"
    case .duplicateKeyID(let index): "key \(index) has the kid of an earlier one"
    case .privateMember(let index, let name): "key \(index) is private: it has the member \(name)"
    case .secretKey(let index): "key \(index) is a secret, which must not be published"
    case .member(let index, let name): "key \(index): \(name) is missing or malformed"
    case .algorithmType(let index): "key \(index): alg does not work with its kty"
    case .algorithmAmbiguous(let index): "key \(index) has no alg, and several are allowed"
    case .key(let index, let fault): "key \(index) is not sound: \(fault.text)"
    }
  }
}
