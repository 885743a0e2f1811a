import Bytes

/// A token's three parts (RFC 7515 §7.1), split and read strictly; nothing in them is believed yet.
struct CompactToken: ~Copyable {
  let header: TokenHeader
  /// The header as it was received.
  let headerText: ByteSlice
  /// Whether the reader knew the header.
  let isHeaderKnown: Bool
  /// The decoded claims.
  let claims: ByteSlice
  let signature: ByteSlice
  /// The bytes the signature covers, as they were received: header, dot, claims.
  let signingInput: ByteSlice

  init(parsing text: ByteSlice, by reader: TokenReader) throws(TokenRefusal) {
    guard text.count <= TokenLimits.bytes else { throw .tooLarge(bytes: text.count) }
    guard let firstDot = text.firstIndex(of: ASCII.dot),
      let secondDot = text.firstIndex(of: ASCII.dot, from: firstDot + 1)
    else { throw .parts(text.firstIndex(of: ASCII.dot) == nil ? 1 : 2) }
    let last = text.dropFirst(secondDot + 1)
    guard last.firstIndex(of: ASCII.dot) == nil else {
      throw .parts(text.array.count { $0 == ASCII.dot } + 1)
    }
    let headerText = text.prefix(firstDot)
    let known = reader.header(of: headerText)
    let decoded = known == nil ? try Self.decode(headerText, .header) : .empty
    guard decoded.count <= TokenLimits.headerBytes else { throw .tooLarge(bytes: decoded.count) }
    let claims = try Self.decode(text[(firstDot + 1)..<secondDot], .claims)
    let signature = try Self.decode(last, .signature)
    if let known {
      header = known
    } else {
      header = try TokenHeader(parsing: decoded, by: reader.parser)
    }
    self.headerText = headerText
    isHeaderKnown = known != nil
    self.claims = claims
    self.signature = signature
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
