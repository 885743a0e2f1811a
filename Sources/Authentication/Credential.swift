public import Bytes

/// What a request's `Authorization` field offers (RFC 9110 §11.6.2, RFC 6750 §2.1, RFC 9449 §7.1).
public enum Credential: Sendable, Hashable {
  /// No field, or one of a scheme that is not spoken here: the caller is unknown.
  case absent
  /// The token of the Bearer scheme, not yet looked into.
  case bearer(ByteSlice)
  /// The token of the DPoP scheme, which a proof in a field of its own goes with.
  case dpop(ByteSlice)

  /// Reads the field's value, given how often the field stands in the request.
  ///
  /// More than one field is refused: two readers may choose differently. Whether the token has the
  /// form of one is for `checkForm` to say: callers that know the token already need not ask.
  public init(field: ByteSlice?, occurrences: Int) throws(CredentialFault) {
    guard let field, occurrences > 0 else {
      self = .absent
      return
    }
    guard occurrences == 1 else { throw .repeated(occurrences) }
    let schemeEnd = field.firstIndex(of: ASCII.space) ?? field.count
    let scheme = field.prefix(schemeEnd)
    let isBearer = scheme.equalsIgnoringCase("bearer")
    guard isBearer || scheme.equalsIgnoringCase("dpop") else {
      self = .absent
      return
    }
    var token = field.dropFirst(schemeEnd)
    while token.count > 0, token[0] == ASCII.space { token = token.dropFirst(1) }
    self = isBearer ? .bearer(token) : .dpop(token)
  }

  /// Refuses a token that is missing or holds other than the characters of `b64token`.
  public static func checkForm(_ token: ByteSlice) throws(CredentialFault) {
    guard isToken(token) else { throw .malformed }
  }

  /// `b64token` of RFC 6750 §2.1.
  private static func isToken(_ text: ByteSlice) -> Bool {
    guard !text.isEmpty else { return false }
    let bytes = text.span
    var index = 0
    while index < bytes.count, isTokenByte(bytes[index]) { index &+= 1 }
    guard index > 0 else { return false }
    while index < bytes.count, bytes[index] == ASCII.equals { index &+= 1 }
    return index == bytes.count
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    // One bit for each character: tokens are long and every request carries one.
    let bits: UInt64 = byte < 64 ? 0x03FF_E800_0000_0000 : 0x47FF_FFFE_87FF_FFFE
    return byte < 128 && bits >> UInt64(byte & 63) & 1 == 1
  }
}

/// Why an `Authorization` field is a malformed request (400), not merely an unknown caller (401).
public enum CredentialFault: Error, Hashable, Sendable {
  /// The field stands that often.
  case repeated(Int)
  /// One of these schemes without a well-formed token.
  case malformed
}
