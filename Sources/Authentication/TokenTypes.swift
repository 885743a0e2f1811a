public import Bytes

/// Which `typ` headers an issuer's access tokens carry (RFC 8725 §3.11, RFC 9068 §2.1).
public struct TokenTypes: Sendable, Hashable {
  /// Lower case, without a leading `application/`.
  private let names: [ByteSlice]
  private let allowsAbsent: Bool

  /// `at+jwt`, `JWT` or no `typ` at all.
  public static let standard = TokenTypes(
    names: [ByteSlice(utf8: "at+jwt"), ByteSlice(utf8: "jwt")], allowsAbsent: true)

  /// `JWT`, `JOSE` or no `typ` at all (SPIFFE JWT-SVID §2.4).
  public static let svid = TokenTypes(
    names: [ByteSlice(utf8: "jwt"), ByteSlice(utf8: "jose")], allowsAbsent: true)

  private init(names: [ByteSlice], allowsAbsent: Bool) {
    self.names = names
    self.allowsAbsent = allowsAbsent
  }

  /// Exactly these types; nil when one of them marks a token that is never for access.
  public init?(only types: [ByteSlice]) {
    let names = types.map(Self.canonical)
    guard !names.contains(where: { name in Self.neverAccess.contains { name.equals($0) } }) else {
      return nil
    }
    self.init(names: names, allowsAbsent: false)
  }

  /// - Parameter type: in its canonical form; nil where the header has none.
  func allow(_ type: ByteSlice?) -> Bool {
    guard let type else { return allowsAbsent }
    return names.contains(type)
  }

  /// Types whose meaning is fixed elsewhere: proofs, logout, introspection answers, security
  /// events, client authentication, refresh.
  private static let neverAccess: [StaticString] = [
    "dpop+jwt", "logout+jwt", "token-introspection+jwt", "secevent+jwt", "oauth-authz-req+jwt",
    "client-authentication+jwt", "id_token+jwt", "id+jwt", "rt+jwt", "refresh+jwt", "jwe",
  ]

  /// Media types compare without case, and `application/` may be left out (RFC 7515 §4.1.9).
  static func canonical(_ type: ByteSlice) -> ByteSlice {
    let lower = ByteSlice(type.array.map(ASCII.lowercased))
    return lower.starts(with: "application/") ? lower.dropFirst(12) : lower
  }
}
