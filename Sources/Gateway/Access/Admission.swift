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
  private let desk: AccessDesk
  private let limits: LimitDesk
  /// What decides the request at hand: the one in force when its head had been read.
  private(set) var snapshot: AccessSnapshot
  private let metrics: TokenMetrics
  private let tokens = TokenCache()
  private let scopes = ScopeCache()

  init(_ desk: AccessDesk, _ limits: LimitDesk, metrics: TokenMetrics) {
    self.desk = desk
    self.limits = limits
    snapshot = desk.current
    self.metrics = metrics
  }

  /// Looks whether another snapshot is in force.
  ///
  /// - Returns: whether there was a change.
  @discardableResult
  func refresh() -> Bool {
    guard desk.generation != snapshot.generation else { return false }
    snapshot = desk.current
    return true
  }

  /// The scope of a request's caller; throws the rooms' own refusals.
  /// - Parameter tenant: the tenant named in the path; nil for `~`.
  func scope(of request: HTTPRequest, selecting tenant: Name?) throws -> TenantScope {
    let token = try token(of: request)
    do throws(TenancyRefusal) {
      return try scopes.scope(
        of: token, selecting: tenant, under: snapshot.policy, at: request.receivedAt)
    } catch {
      metrics.refused(.noTenant)
      throw error
    }
  }

  /// The verified token of a request.
  func token(of request: HTTPRequest) throws -> VerifiedToken {
    refresh()
    return try verify(text(of: request.head), of: request)
  }

  /// Who has asked, looked up again without being counted: for the audit log.
  ///
  /// - Parameter stream: what the request has opened, perhaps with a ticket.
  func identity(of request: HTTPRequest, opening stream: TopicAddress?) -> AuditedIdentity {
    var identity = AuditedIdentity()
    if let stream {
      identity.scope = stream.caller
      return identity
    }
    let fields = request.head.fields
    let field = fields.first("authorization")
    guard
      case .bearer(let text) = try? Credential(
        field: field, occurrences: field == nil ? 0 : fields.occurrences(of: "authorization")),
      let finding = try? tokens.find(
        text, generation: snapshot.verifier.generation, at: request.receivedAt)
    else { return identity }
    switch finding {
    case .known(let token):
      identity.token = token
      let tenant = try? Route(request.head.path).tenant
      identity.scope = try? scopes.scope(
        of: token, selecting: tenant, under: snapshot.policy, at: request.receivedAt)
    case .unknown(let digest): identity.digest = ByteSlice(utf8: digest.hexadecimal)
    }
    return identity
  }

  private func text(of head: RequestHead) throws -> ByteSlice {
    let field = head.fields.first("authorization")
    let occurrences = field == nil ? 0 : head.fields.occurrences(of: "authorization")
    guard case .bearer(let text) = try Credential(field: field, occurrences: occurrences) else {
      metrics.refused(.missing)
      throw Refusal(.missingToken)
    }
    return text
  }

  private func verify(_ text: ByteSlice, of request: HTTPRequest) throws -> VerifiedToken {
    let now = request.receivedAt
    do {
      switch try tokens.find(text, generation: snapshot.verifier.generation, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        try Credential.checkForm(text)
        try limits.mayVerify(
          for: request.peer, under: snapshot.policy.addressLimits, at: request.received)
        metrics.cacheMisses.add()
        return try tokens.verify(text, digest: digest, with: snapshot.verifier, at: now)
      }
    } catch let refusal as TokenRefusal {
      metrics.refused(TokenReason(refusal))
      limits.tokenRefused(
        from: request.peer, under: snapshot.policy.addressLimits, at: request.received)
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
