public import Bytes
import Crypto
import JSONText
public import Settings

/// Issuers as settings write them:
/// `{id, iss, audiences, algorithms, keys: {file | secretFile, kid}, typ, maxLifetime, clockSkew,
/// require}`.
extension IssuerProfile {
  /// Compiles one issuer.
  ///
  /// - Parameters:
  ///   - node: one element of `issuers`.
  ///   - loadFile: reads a file named in the settings; the shell resolves relative paths. Whatever
  ///     it throws becomes a fault at the path's place.
  public static func compile(
    _ node: SettingsNode, loadFile: (String) throws -> ByteSlice
  ) throws(SettingsFault) -> IssuerProfile {
    var issuer = try SettingsMapping(node)
    let id = try nonEmpty(issuer.required("id"))
    let iss = try nonEmpty(issuer.required("iss"))
    var audiences: [ByteSlice] = []
    for element in try issuer.required("audiences").elements() {
      audiences.append(try nonEmpty(element))
    }
    guard !audiences.isEmpty else { throw node.fault(.invalid("audiences is empty")) }
    let listed = try algorithms(issuer.optional("algorithms"))
    let (keys, algorithms) = try keys(issuer.required("keys"), listed, loadFile)
    let types = try types(issuer.optional("typ"))
    let maxLifetime = try issuer.optionalDuration(
      "maxLifetime", in: .seconds(1) ... .seconds(36_525 * 86_400))
    let clockSkew = try issuer.optionalDuration("clockSkew", in: clockSkews)
    let requirements = try issuer.optional("require").map {
      node throws(SettingsFault) in try ClaimCondition.compile(node)
    }
    try issuer.finish()
    return IssuerProfile(
      id: id, issuer: iss, audiences: audiences, algorithms: algorithms, keys: keys, types: types,
      maxLifetime: maxLifetime, clockSkew: clockSkew ?? defaultClockSkew,
      requirements: requirements ?? [])
  }

  private static func nonEmpty(_ node: SettingsNode) throws(SettingsFault) -> ByteSlice {
    let bytes = try node.bytes()
    guard !bytes.isEmpty else { throw node.fault(.invalid("the text is empty")) }
    return bytes
  }

  private static func algorithms(
    _ node: SettingsNode?
  ) throws(SettingsFault) -> [SignatureAlgorithm]? {
    guard let node else { return nil }
    var algorithms: [SignatureAlgorithm] = []
    for element in try node.elements() {
      let name = try element.bytes()
      guard let algorithm = SignatureAlgorithm(named: name) else {
        let isKnown = notBuilt.contains { name.equals($0) }
        throw element.fault(
          isKnown ? .notBuiltYet("the algorithm \(name.text)") : .invalid("no such algorithm"))
      }
      algorithms.append(algorithm)
    }
    guard !algorithms.isEmpty else { throw node.fault(.invalid("the list is empty")) }
    return algorithms
  }

  private static let notBuilt: [StaticString] = [
    "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "HS384", "HS512",
  ]

  /// Exactly these `typ` headers, or the usual ones without the key.
  private static func types(_ node: SettingsNode?) throws(SettingsFault) -> TokenTypes {
    guard let node else { return .standard }
    var names: [ByteSlice] = []
    for element in try node.elements() { names.append(try nonEmpty(element)) }
    guard !names.isEmpty else { throw node.fault(.invalid("the list is empty")) }
    guard let types = TokenTypes(only: names) else {
      throw node.fault(.invalid("one of these types is never an access token"))
    }
    return types
  }

  /// The issuer's keys and the algorithms it may use with them. Secrets and public keys exclude
  /// each other: else a public key, known to all, might serve as the secret.
  private static func keys(
    _ node: SettingsNode, _ listed: [SignatureAlgorithm]?, _ loadFile: (String) throws -> ByteSlice
  ) throws(SettingsFault) -> (KeySet, [SignatureAlgorithm]) {
    var source = try SettingsMapping(node)
    try source.notBuiltYet("url", "key sets from the network")
    let file = source.optional("file")
    let secretFile = source.optional("secretFile")
    let keyID = source.optional("kid")
    try source.finish()
    if let file, secretFile == nil, keyID == nil {
      let algorithms = listed ?? defaultAlgorithms
      guard !algorithms.contains(where: \.isSymmetric) else {
        throw node.fault(.invalid("HS256 needs a secretFile, not published keys"))
      }
      let text = try load(file, loadFile)
      let keys = try keySet(file) { () throws(KeySetFault) in
        try KeySet(parsing: text, algorithms: algorithms)
      }
      return (keys, algorithms)
    }
    if let secretFile, file == nil {
      let algorithms = listed ?? [.hs256]
      guard algorithms.allSatisfy(\.isSymmetric) else {
        throw node.fault(.invalid("a secret serves HS256 only"))
      }
      var secret = try load(secretFile, loadFile)
      // Editors end a file's only line; the line's end is not part of the secret.
      if secret.count > 0, secret[secret.count - 1] == ASCII.lineFeed {
        secret = secret.prefix(secret.count - 1)
      }
      let id = try keyID?.bytes()
      let keys = try keySet(secretFile) { () throws(KeySetFault) in
        try KeySet(secrets: [(id, secret)])
      }
      return (keys, algorithms)
    }
    throw node.fault(.invalid("keys takes either file, or secretFile with or without kid"))
  }

  private static func load(
    _ node: SettingsNode, _ loadFile: (String) throws -> ByteSlice
  ) throws(SettingsFault) -> ByteSlice {
    let path = try node.text()
    do {
      return try loadFile(path)
    } catch {
      throw node.fault(.invalid("'\(path)' cannot be read: \(error)"))
    }
  }

  private static func keySet(
    _ node: SettingsNode, _ make: () throws(KeySetFault) -> KeySet
  ) throws(SettingsFault) -> KeySet {
    do throws(KeySetFault) {
      return try make()
    } catch {
      throw node.fault(.invalid(error.text))
    }
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
    case .key(let index, let fault): "key \(index) is not sound: \(fault)"
    }
  }
}
