import Bytes
import Crypto
import JSONText

/// The members of a token's header that are looked at (RFC 7515 §4.1). Keys that a header brings
/// along or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used; only the `jwk` of a proof of
/// possession is, which proves no more than that its sender has the key (RFC 9449 §4.2).
final class TokenHeader {
  /// Nil for a name that is none of those spoken here.
  let algorithm: SignatureAlgorithm?
  let keyID: ByteSlice?
  let type: ByteSlice?
  /// The same as `TokenTypes` compares it.
  let canonicalType: ByteSlice?
  /// For `DPoPProof` alone.
  let proofKey: JSONNode?

  init(
    parsing text: ByteSlice, by parser: JSONParser
  ) throws(TokenRefusal) {
    var algorithm: ByteSlice?
    var keyID: ByteSlice?
    var type: ByteSlice?
    var proofKey: JSONNode?
    for (name, value) in try StrictObject.parse(text, .header, by: parser).root.members {
      if name.equals("alg") {
        algorithm = try Self.text(value, .alg)
      } else if name.equals("kid") {
        keyID = try Self.text(value, .kid)
      } else if name.equals("typ") {
        type = try Self.text(value, .typ)
      } else if name.equals("jwk") {
        proofKey = value
      } else if name.equals("crit") {
        throw .extensionMember(.crit)
      } else if name.equals("b64") {
        throw .extensionMember(.b64)
      } else if name.equals("zip") {
        throw .extensionMember(.zip)
      }
    }
    guard let algorithm else { throw .headerMember(.alg) }
    if let keyID, keyID.count > TokenLimits.keyIDBytes { throw .headerMember(.kid) }
    self.algorithm = SignatureAlgorithm(named: algorithm)
    self.keyID = keyID
    self.type = type
    canonicalType = type.map(TokenTypes.canonical)
    self.proofKey = proofKey
  }

  private static func text(
    _ node: JSONNode, _ member: TokenRefusal.HeaderMember
  ) throws(TokenRefusal) -> ByteSlice {
    guard let text = node.string else { throw .headerMember(member) }
    return text
  }
}

/// A part of a token as a JSON object: strict, without duplicate members, within the token limits.
enum StrictObject {
  /// - Parameter parser: one with the limits of tokens; two parts take one after the other.
  static func parse(
    _ text: ByteSlice, _ part: TokenRefusal.Part, by parser: JSONParser
  ) throws(TokenRefusal) -> JSONDocument {
    do throws(JSONFault) {
      try parser.parse(text)
    } catch {
      throw .json(part)
    }
    let document = parser.document
    guard document.root.kind == .object, document.root.count <= TokenLimits.claims else {
      throw .json(part)
    }
    return document
  }
}
