public import Bytes

/// One thing that its issuer has signed but that is not believed any more.
public struct Revocation: Sendable, Hashable {
  /// What is revoked.
  public enum Target: Sendable, Hashable {
    /// The token of this `jti`.
    case token(ByteSlice)
    /// Every token signed by the key of this `kid`.
    case key(ByteSlice)
    /// Every token of this `sub` that was issued before the instant; one without `iat` counts as
    /// issued before any.
    case subject(ByteSlice, before: UnixTime)
  }

  /// The configured name of the issuer: a `jti`, `kid` or `sub` means nothing without it.
  public let issuer: ByteSlice
  public let target: Target
  /// When nothing is left that it could refuse, so that it is forgotten; nil to keep it for good.
  public let expires: UnixTime?

  public init(issuer: ByteSlice, target: Target, expires: UnixTime?) {
    self.issuer = issuer
    self.target = target
    self.expires = expires
  }

  /// Whether it stands in the place of another one: the same target, whatever the instants.
  func isAbout(_ other: Revocation) -> Bool {
    guard issuer == other.issuer else { return false }
    switch (target, other.target) {
    case (.token(let left), .token(let right)): return left == right
    case (.key(let left), .key(let right)): return left == right
    case (.subject(let left, _), .subject(let right, _)): return left == right
    default: return false
    }
  }
}

/// The revocations in force, found by what a token says. Immutable.
struct RevocationIndex: Sendable {
  private struct Name: Hashable {
    let issuer: ByteSlice
    let value: ByteSlice
  }

  private var tokens: Set<Name> = []
  private var keys: Set<Name> = []
  private var subjects: [Name: UnixTime] = [:]

  init(_ revocations: [Revocation]) {
    for revocation in revocations {
      switch revocation.target {
      case .token(let id): tokens.insert(Name(issuer: revocation.issuer, value: id))
      case .key(let id): keys.insert(Name(issuer: revocation.issuer, value: id))
      case .subject(let subject, let before):
        let name = Name(issuer: revocation.issuer, value: subject)
        subjects[name] = max(subjects[name] ?? before, before)
      }
    }
  }

  func refuses(
    issuer: ByteSlice, keyID: ByteSlice?, tokenID: ByteSlice?, subject: ByteSlice?,
    issuedAt: UnixTime?
  ) -> Bool {
    if let tokenID, tokens.contains(Name(issuer: issuer, value: tokenID)) { return true }
    if let keyID, keys.contains(Name(issuer: issuer, value: keyID)) { return true }
    guard let subject, let before = subjects[Name(issuer: issuer, value: subject)] else {
      return false
    }
    return issuedAt.map { $0 < before } ?? true
  }
}
