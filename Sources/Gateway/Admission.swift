import Authentication
import Bytes
import Crypto
import HTTPWire
import Metrics
import Tenancy

/// Who is calling, and for which tenant: the first two links of the chain, with one loop's caches.
///
/// Loop-confined. A caller seen before costs one digest and two look-ups.
final class Admission {
  private let verifier: TokenVerifier
  private let policy: TenancyPolicy
  private let metrics: TokenMetrics
  private let tokens = TokenCache()
  private let scopes = ScopeCache()

  init(verifier: TokenVerifier, policy: TenancyPolicy, metrics: TokenMetrics) {
    self.verifier = verifier
    self.policy = policy
    self.metrics = metrics
  }

  /// The scope of a request's caller; throws the rooms' own refusals.
  /// - Parameter tenant: the tenant named in the path; nil for `~`.
  func scope(
    of head: RequestHead, selecting tenant: Name?, at now: UnixTime
  ) throws -> TenantScope {
    let field = head.fields.first("authorization")
    let occurrences = field == nil ? 0 : head.fields.occurrences(of: "authorization")
    guard case .bearer(let text) = try Credential(field: field, occurrences: occurrences) else {
      metrics.refused(.missing)
      throw Refusal(.missingToken)
    }
    return try scope(ofToken: text, selecting: tenant, at: now)
  }

  /// The scope of a token's bearer.
  func scope(
    ofToken text: ByteSlice, selecting tenant: Name?, at now: UnixTime
  ) throws -> TenantScope {
    let token = try verify(text, at: now)
    do throws(TenancyRefusal) {
      return try scopes.scope(of: token, selecting: tenant, under: policy)
    } catch {
      metrics.refused(.noTenant)
      throw error
    }
  }

  private func verify(_ text: ByteSlice, at now: UnixTime) throws -> VerifiedToken {
    do {
      switch try tokens.find(text, generation: verifier.generation, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        try Credential.checkForm(text)
        metrics.cacheMisses.add()
        return try tokens.verify(text, digest: digest, with: verifier, at: now)
      }
    } catch let refusal as TokenRefusal {
      metrics.refused(TokenReason(refusal))
      throw refusal
    }
  }
}

extension TokenReason {
  /// The counter that a refusal belongs to.
  init(_ refusal: TokenRefusal) {
    switch refusal {
    case .tooLarge, .parts, .encoding, .json, .headerMember, .extensionMember: self = .malformed
    case .type, .notForAccess: self = .tokenType
    case .issuer: self = .unknownIssuer
    case .algorithm, .algorithmOfKey: self = .algorithm
    case .key, .keyAmbiguous: self = .unknownKey
    case .signature: self = .signature
    case .claim, .bound, .requirement: self = .claims
    case .audience: self = .audience
    case .expired: self = .expired
    case .notYetValid, .issuedAhead: self = .notYetValid
    case .lifetime: self = .lifetime
    }
  }
}
