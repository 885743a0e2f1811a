public import Bytes

extension TokenVerifier {
  /// Whether what has been verified would still be accepted, by the issuers, keys and rules of this
  /// snapshot: for streams that were opened with the token. Costs a few microseconds and no
  /// signature.
  public func recheck(_ token: VerifiedToken, at now: UnixTime) throws(TokenRefusal) {
    guard let profile = issuer(named: token.issuer), profile.id == token.issuerID else {
      throw .issuer
    }
    guard profile.keys.holds(token.keyID) else { throw .key }
    _ = try ClaimRules.check(ClaimFields(token.claims), against: profile, at: now)
  }
}
