import Bytes
import JSONText

/// The members of a token's header that are looked at (RFC 7515 §4.1). Keys that a header brings along
/// or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used.
struct TokenHeader {
  let algorithm: ByteSlice
  let keyID: ByteSlice?
  let type: ByteSlice?

  init(parsing text: ByteSlice) throws(TokenRefusal) {
    let root = try StrictObject.parse(text, .header).root
    for (name, member) in Self.extensions where root[name] != nil {
      throw .extensionMember(member)
    }
    guard let algorithm = root["alg"]?.string else { throw .headerMember(.alg) }
    self.algorithm = algorithm
    keyID = try Self.text(root["kid"], .kid)
    type = try Self.text(root["typ"], .typ)
    if let keyID, keyID.count > TokenLimits.keyIDBytes { throw .headerMember(.kid) }
  }

  private static let extensions: [(StaticString, TokenRefusal.HeaderMember)] = [
    ("crit", .crit), ("b64", .b64), ("zip", .zip),
  ]

  private static func text(
    _ node: JSONNode?, _ member: TokenRefusal.HeaderMember
  ) throws(TokenRefusal) -> ByteSlice? {
    guard let node else { return nil }
    guard let text = node.string else { throw .headerMember(member) }
    return text
  }
}

/// A part of a token as a JSON object: strict, without duplicate members, within the token limits.
enum StrictObject {
  static func parse(
    _ text: ByteSlice, _ part: TokenRefusal.Part
  ) throws(TokenRefusal) -> JSONDocument {
    let document: JSONDocument
    do throws(JSONFault) {
      document = try JSONDocument(parsing: text, limits: .token)
    } catch {
      throw .json(part)
    }
    guard document.root.kind == .object, document.root.count <= TokenLimits.claims else {
      throw .json(part)
    }
    return document
  }
}
