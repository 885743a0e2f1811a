public import Bytes
public import Crypto
public import JSONText

/// The keys of one issuer: the public keys of a JWK Set (RFC 7517 §5) or secrets, never both. Each
/// is bound to one algorithm when it is loaded; a token's header cannot change that.
public struct KeySet: Sendable {
  /// One key that can verify. Shared by the tokens that it has signed.
  final class Key: Sendable {
    enum Verifier: Sendable {
      case asymmetric(PublicKey)
      case symmetric(SecretKey)
    }
    /// Compared byte for byte and never interpreted.
    let id: ByteSlice?
    let algorithm: SignatureAlgorithm
    let verifier: Verifier
    /// Tells the key's material from any other: a `kid` may come back with another key.
    let fingerprint: Digest

    init(id: ByteSlice?, _ key: PublicKey) {
      self.id = id
      algorithm = key.algorithm
      verifier = .asymmetric(key)
      fingerprint = Digest.sha256(key.material.thumbprint)
    }

    init(id: ByteSlice?, secret: ByteSlice, for algorithm: SignatureAlgorithm) throws(KeyFault) {
      self.id = id
      self.algorithm = algorithm
      verifier = .symmetric(try SecretKey(secret, for: algorithm))
      fingerprint = Digest.sha256(secret)
    }

    func isSame(as other: Key) -> Bool {
      id == other.id && algorithm == other.algorithm && fingerprint == other.fingerprint
    }

    func verify(_ signature: ByteSlice, over message: ByteSlice) -> Bool {
      switch verifier {
      case .asymmetric(let key): key.verify(signature, over: message)
      case .symmetric(let key): key.verify(signature, over: message)
      }
    }
  }

  private let keys: [Key]

  public var count: Int { keys.count }

  /// Reads a JWK Set and takes the keys of `algorithms` out of it.
  ///
  /// Keys for something else (encryption, unknown types, curves and algorithms) are left out, as
  /// RFC 7517 §5 asks. The whole set is refused for what nobody publishes on purpose: private
  /// members, a secret, a `kid` twice, and a key for us that breaks a rule of its type.
  ///
  /// - Parameter ofBundle: it may be a SPIFFE bundle, which a key for SVIDs shows: then only keys
  ///   whose `use` says that they are for tokens are taken.
  public init(
    parsing text: ByteSlice, algorithms: [SignatureAlgorithm], ofBundle: Bool = false
  ) throws(KeySetFault) {
    guard text.count <= TokenLimits.keySetBytes else { throw .tooLarge(bytes: text.count) }
    let document: JSONDocument
    do throws(JSONFault) {
      document = try JSONDocument(parsing: text, limits: .settings)
    } catch {
      throw .json(error)
    }
    guard let list = document.root["keys"], list.kind == .array else { throw .shape }
    guard list.count <= TokenLimits.keys else { throw .tooManyKeys(list.count) }
    let isBundle = ofBundle && list.elements.contains { JSONWebKey.isOfBundle($0) }
    var keys: [Key] = []
    var ids: Set<ByteSlice> = []
    for (index, node) in list.elements.enumerated() {
      let key = try JSONWebKey(node, at: index)
      if let id = key.id, !ids.insert(id).inserted { throw .duplicateKeyID(index: index) }
      guard let algorithm = try key.algorithm(among: algorithms, ofBundle: isBundle) else {
        continue
      }
      keys.append(try key.verifying(algorithm))
    }
    guard !keys.isEmpty else { throw .noKeys }
    self.keys = keys
  }

  /// A set of shared secrets.
  public init(
    secrets: [(id: ByteSlice?, secret: ByteSlice)], algorithm: SignatureAlgorithm = .hs256
  ) throws(KeySetFault) {
    var keys: [Key] = []
    for (index, (id, secret)) in secrets.enumerated() {
      if let id, keys.contains(where: { $0.id == id }) { throw .duplicateKeyID(index: index) }
      do throws(KeyFault) {
        keys.append(try Key(id: id, secret: secret, for: algorithm))
      } catch {
        throw .key(index: index, error)
      }
    }
    guard !keys.isEmpty else { throw .noKeys }
    self.keys = keys
  }

  /// The key that a header with `algorithm` and `id` asks for. There is no second guess: without a
  /// `kid` the choice must be the only one.
  func key(id: ByteSlice?, for algorithm: SignatureAlgorithm) throws(TokenRefusal) -> Key {
    if let id {
      guard let key = keys.first(where: { $0.id == id }) else { throw .key }
      guard key.algorithm == algorithm else { throw .algorithmOfKey }
      return key
    }
    let candidates = keys.filter { $0.algorithm == algorithm }
    guard candidates.count <= 1 else { throw .keyAmbiguous }
    guard let key = candidates.first else { throw .key }
    return key
  }

  /// Whether `id` is that of a key of another algorithm.
  func holdsOther(than algorithm: SignatureAlgorithm, id: ByteSlice?) -> Bool {
    keys.contains { $0.id != nil && $0.id == id && $0.algorithm != algorithm }
  }
}

extension KeySet: Equatable {
  /// Whether the very key, not merely one of its `kid`, is in the set.
  func holds(_ key: Key) -> Bool { keys.contains { $0.isSame(as: key) } }

  /// Whether a key of that `kid` is in the set.
  public func holds(keyID: ByteSlice) -> Bool { keys.contains { $0.id == keyID } }

  /// The same keys in the same order.
  public static func == (left: KeySet, right: KeySet) -> Bool {
    left.keys.count == right.keys.count
      && zip(left.keys, right.keys).allSatisfy { $0.isSame(as: $1) }
  }
}

/// Why a key set was refused as a whole; indices count its keys from 0.
public enum KeySetFault: Error, Equatable, Sendable {
  case tooLarge(bytes: Int)
  case json(JSONFault)
  /// Not an object whose `keys` is a list of objects.
  case shape
  case tooManyKeys(Int)
  /// No key in it verifies any of the issuer's algorithms.
  case noKeys
  case duplicateKeyID(index: Int)
  /// A member that only private keys have: the set must be considered leaked.
  case privateMember(index: Int, String)
  /// A secret (`oct`) in a set that is made to be published.
  case secretKey(index: Int)
  /// A member is missing or not of its type.
  case member(index: Int, String)
  /// `alg` does not work with the key's type.
  case algorithmType(index: Int)
  /// The key has no `alg`, and the issuer allows several for its type.
  case algorithmAmbiguous(index: Int)
  /// The key breaks a rule of its type.
  case key(index: Int, KeyFault)
}
