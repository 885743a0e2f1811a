import Bytes
import Crypto
import JSONText

/// One key of a JWK Set as its issuer wrote it (RFC 7517 §4), not yet judged.
struct JSONWebKey {
  let id: ByteSlice?
  private let node: JSONNode
  private let index: Int
  private let type: ByteSlice

  /// Refuses what must never stand in a published set, whatever the key is for.
  init(_ node: JSONNode, at index: Int) throws(KeySetFault) {
    guard node.kind == .object else { throw .shape }
    self.node = node
    self.index = index
    for name in Self.privateMembers where node[name] != nil {
      throw .privateMember(index: index, name.description)
    }
    guard let type = node["kty"]?.string else { throw .member(index: index, "kty") }
    guard !type.equals("oct") else { throw .secretKey(index: index) }
    self.type = type
    id = try Self.text(node, "kid", index)
    if let id, id.count > TokenLimits.keyIDBytes { throw .member(index: index, "kid") }
  }

  /// Whether a set with this key is a SPIFFE bundle (SPIFFE Trust Domain and Bundle §4.2.2).
  static func isOfBundle(_ node: JSONNode) -> Bool {
    let use = node["use"]?.string
    return use?.equals("jwt-svid") == true || use?.equals("x509-svid") == true
  }

  /// RFC 7518 §6.2.2, §6.3.2 and §6.4.
  private static let privateMembers: [StaticString] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

  /// The algorithm the key is bound to: its own `alg`, or without one the issuer's only algorithm
  /// of its type. Nil when the key is not for verifying tokens of this issuer.
  ///
  /// - Parameter ofBundle: its set is a SPIFFE bundle, in which `use` says what each key is for.
  func algorithm(
    among allowed: [SignatureAlgorithm], ofBundle: Bool = false
  ) throws(KeySetFault) -> SignatureAlgorithm? {
    let use = try Self.text(node, "use", index)
    if ofBundle {
      guard use?.equals("jwt-svid") == true else { return nil }
    } else if let use, !use.equals("sig") {
      return nil
    }
    if let operations = node["key_ops"] {
      guard operations.kind == .array else { throw .member(index: index, "key_ops") }
      guard operations.elements.contains(where: { $0.string?.equals("verify") == true }) else {
        return nil
      }
    }
    let fitting = allowed.filter { fits($0.keyType) }
    guard let name = try Self.text(node, "alg", index) else {
      guard fitting.count <= 1 else { throw .algorithmAmbiguous(index: index) }
      return fitting.first
    }
    guard let own = SignatureAlgorithm(named: name), allowed.contains(own) else { return nil }
    guard fitting.contains(own) else { throw .algorithmType(index: index) }
    return own
  }

  /// The key, examined and ready to verify.
  func verifying(_ algorithm: SignatureAlgorithm) throws(KeySetFault) -> KeySet.Key {
    let material = try material(for: algorithm)
    do throws(KeyFault) {
      return KeySet.Key(id: id, try PublicKey(material, for: algorithm))
    } catch {
      throw .key(index: index, error)
    }
  }

  /// The key's numbers as they stand there, not examined.
  func material(for algorithm: SignatureAlgorithm) throws(KeySetFault) -> PublicKeyMaterial {
    switch algorithm.keyType {
    case .rsa: .rsa(modulus: try number("n"), exponent: try number("e"))
    case .elliptic(let curve): .elliptic(curve, x: try number("x"), y: try number("y"))
    case .ed25519: .ed25519(try number("x"))
    case .secret: throw .secretKey(index: index)
    }
  }

  /// Whether the key is of the type, by `kty` and `crv`.
  private func fits(_ keyType: KeyType) -> Bool {
    switch keyType {
    case .rsa: type.equals("RSA")
    case .elliptic(let curve):
      type.equals("EC") && node["crv"]?.string?.equals(curve.name) == true
    case .ed25519: type.equals("OKP") && node["crv"]?.string?.equals("Ed25519") == true
    case .secret: false
    }
  }

  private func number(_ name: StaticString) throws(KeySetFault) -> ByteSlice {
    guard let text = node[name]?.string, let bytes = Base64.decode(text, as: .url) else {
      throw .member(index: index, name.description)
    }
    return bytes
  }

  private static func text(
    _ node: JSONNode, _ name: StaticString, _ index: Int
  ) throws(KeySetFault) -> ByteSlice? {
    guard let member = node[name] else { return nil }
    guard let text = member.string else { throw .member(index: index, name.description) }
    return text
  }
}
