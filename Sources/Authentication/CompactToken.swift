import Bytes

/// A token's three parts (RFC 7515 §7.1), split and decoded strictly; nothing in them is believed
/// yet.
struct CompactToken {
  /// The decoded header and claims.
  let header: ByteSlice
  let claims: ByteSlice
  let signature: ByteSlice
  /// The bytes the signature covers, as they were received: header, dot, claims.
  let signingInput: ByteSlice

  init(parsing text: ByteSlice) throws(TokenRefusal) {
    guard text.count <= TokenLimits.bytes else { throw .tooLarge(bytes: text.count) }
    guard let firstDot = text.firstIndex(of: ASCII.dot),
      let secondDot = text.firstIndex(of: ASCII.dot, from: firstDot + 1)
    else { throw .parts(text.firstIndex(of: ASCII.dot) == nil ? 1 : 2) }
    let last = text.dropFirst(secondDot + 1)
    guard last.firstIndex(of: ASCII.dot) == nil else {
      throw .parts(text.array.count { $0 == ASCII.dot } + 1)
    }
    header = try Self.decode(text.prefix(firstDot), .header)
    guard header.count <= TokenLimits.headerBytes else { throw .tooLarge(bytes: header.count) }
    claims = try Self.decode(text[(firstDot + 1)..<secondDot], .claims)
    signature = try Self.decode(last, .signature)
    signingInput = text.prefix(secondDot)
  }

  private static func decode(
    _ text: ByteSlice, _ part: TokenRefusal.Part
  ) throws(TokenRefusal) -> ByteSlice {
    // As a JWS empty claims and an empty signature are well-formed. The ones are no JSON object,
    // the other is no key's, and `alg` says why it is empty: both are found out later.
    guard let bytes = Base64.decode(text, as: .url), !bytes.isEmpty || part != .header else {
      throw .encoding(part)
    }
    return bytes
  }
}
