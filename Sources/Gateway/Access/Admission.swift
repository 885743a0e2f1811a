import Authentication
import Bytes
import Crypto
import HTTPWire
import Metrics
import Tenancy

/// Who is calling, and for which tenant: the first two links of the chain, with one loop's caches.
///
/// Loop-confined. A caller seen before costs two look-ups; a publisher of whom `TargetShelf` knows
/// costs none here.
final class Admission {
  private let desk: AccessDesk
  private let limits: LimitDesk
  /// What decides what is asked now: the one in force when the loop looked last, which it does with
  /// each request, each turn, and whenever a right that was granted before a wait is used after it.
  private(set) var snapshot: AccessSnapshot
  let metrics: TokenMetrics
  private let services: IdentityServices
  private let proofs: ProofMemory
  private let proofKeys = ProofKeys()
  private let publicURL: ByteSlice
  let tokens = TokenCache()
  let scopes = ScopeCache()

  init(
    _ desk: AccessDesk, _ limits: LimitDesk, metrics: TokenMetrics, identity: IdentityServices,
    proofs: ProofMemory, publicURL: ByteSlice
  ) {
    self.desk = desk
    self.limits = limits
    snapshot = desk.current
    self.metrics = metrics
    services = identity
    self.proofs = proofs
    self.publicURL = publicURL
  }

  var verifier: TokenVerifier { snapshot.verifier }

  /// Looks whether another snapshot is in force.
  ///
  /// - Returns: whether there was a change.
  @discardableResult
  func refresh() -> Bool {
    guard desk.generation != snapshot.generation else { return false }
    snapshot = desk.current
    return true
  }

  /// The scope of a request's caller; throws the rooms' own refusals, or `PendingAdmission`.
  /// - Parameter tenant: the tenant named in the path; nil for `~`.
  func scope(of request: HTTPRequest, selecting tenant: Name?) throws -> TenantScope {
    let token = try token(of: request)
    return try scope(of: token, try Self.selection(of: request, path: tenant), request)
  }

  /// `scope` for a path that names something without its tenant: `tenant` is what is there, nil
  /// for nothing. It chooses for a caller of several who names none; all others are told the same,
  /// whatever is there.
  func scope(of request: HTTPRequest, perhapsIn tenant: Name?) throws -> TenantScope {
    let token = try token(of: request)
    let named = try Self.selection(of: request, path: nil)
    do throws(TenancyRefusal) {
      return try scope(of: token, named ?? .path(tenant), request)
    } catch {
      // Nothing is there, or it is of none of the caller's tenants.
      throw error == .ambiguousTenant ? .notFound : error
    }
  }

  private func scope(
    of token: VerifiedToken, _ selection: TenantSelection?, _ request: HTTPRequest
  ) throws(TenancyRefusal) -> TenantScope {
    // First without the policy itself, which would be copied for the call.
    if let known = scopes.known(
      of: token, selecting: selection, generation: snapshot.policy.generation,
      at: request.receivedAt)
    {
      return known
    }
    do throws(TenancyRefusal) {
      return try scopes.scope(
        of: token, selecting: selection, under: snapshot.policy, at: request.receivedAt)
    } catch {
      metrics.refused(.noTenant)
      throw error
    }
  }

  static let tenantField: StaticString = "jodrell-tenant"

  /// The tenant that a request names: in its path, or else in the field `Jodrell-Tenant`.
  static func selection(
    of request: HTTPRequest, path tenant: Name?
  ) throws(Refusal) -> TenantSelection? {
    let (field, occurrences) = request.head.fields.find(tenantField)
    guard let field else { return .path(tenant) }
    guard occurrences == 1, let name = Name(field) else {
      throw Refusal(.badHeader, "Jodrell-Tenant takes one tenant's name")
    }
    if let tenant, tenant != name {
      throw Refusal(.badHeader, "Jodrell-Tenant names another tenant than the path")
    }
    return tenant == nil ? .header(name) : .path(tenant)
  }

  /// The verified token of a request's caller, by whichever door it comes.
  func token(of request: HTTPRequest) throws -> VerifiedToken {
    refresh()
    let fields = request.head.fields
    let (field, occurrences) = fields.find("authorization")
    let credential = try Credential(field: field, occurrences: occurrences)
    if verifier.takesAPIKeys, let key = fields.first("x-api-key") {
      guard field == nil, fields.occurrences(of: "x-api-key") == 1 else {
        throw Refusal(.badHeader, "send either one X-API-Key or one Authorization field")
      }
      return try apiKey(key, of: request)
    }
    switch credential {
    case .absent:
      metrics.refused(.missing)
      throw Refusal(.missingToken)
    case .bearer(let text):
      let shown = Self.presentation(of: request)
      return try verify(text, shown, of: request)
    case .dpop(let text):
      return try counting(request) { () throws -> VerifiedToken in
        let shown = try shownProof(in: request)
        // The token first: nobody's key is examined but one that a token is bound to.
        let token = try verify(
          text,
          Presentation(certificate: request.clientCertificate, proofKey: shown.key), of: request)
        let proof = try verify(shown, of: request, for: text)
        try proofs.take(
          proof.name, of: owner(of: token, request), for: request.id, at: request.receivedAt)
        return token
      }
    }
  }

  /// A signed token that an operator asks about, which lets nobody in. To try one out costs what it
  /// does on the way in.
  func shown(_ text: ByteSlice, in request: HTTPRequest) throws -> VerifiedToken {
    try mayVerify(Digest.sha256(text), request)
    do throws(TokenRefusal) {
      return try verifier.verify(text, at: request.receivedAt)
    } catch {
      throw counted(error, request)
    }
  }

  /// Who has asked where the request was not admitted, looked up again without being counted: for
  /// the audit log.
  ///
  /// - Parameter refusal: why the request was refused. What a token says of itself is told only
  ///   where its issuer has signed it.
  func identity(
    of request: HTTPRequest, refusedFor refusal: (any Error)?
  ) -> AuditedIdentity {
    var identity = AuditedIdentity()
    let fields = request.head.fields
    let (field, occurrences) = fields.find("authorization")
    let name: ByteSlice
    let key = verifier.takesAPIKeys ? fields.first("x-api-key") : nil
    switch try? Credential(field: field, occurrences: occurrences) {
    case .bearer(let text), .dpop(let text): name = text
    case .absent:
      guard let key else { return identity }
      name = Self.name(ofAPIKey: key)
    case nil: return identity
    }
    guard let finding = try? tokens.recall(name, for: verifier, at: request.receivedAt) else {
      return identity
    }
    switch finding {
    case .known(let token):
      identity.token = token
      let tenant = try? Route(request.head.path).tenant
      identity.scope = try? scopes.scope(
        of: token, selecting: Self.selection(of: request, path: tenant),
        under: snapshot.policy, at: request.receivedAt)
    case .unknown(let digest):
      identity.digest = ByteSlice(utf8: digest.hexadecimal)
      // A tenant is looked for only once the token has been accepted.
      guard (refusal as? TokenRefusal)?.isOfAuthentic ?? (refusal is TenancyRefusal) else { break }
      if field == nil, let key {
        identity.origin = verifier.origin(ofAPIKey: key)
      } else {
        identity.origin = origin(of: name, digest, request)
      }
    }
    return identity
  }

  private func origin(
    of text: ByteSlice, _ digest: Digest, _ request: HTTPRequest
  ) -> TokenOrigin? {
    if let origin = verifier.origin(of: text) { return origin }
    guard let issuer = verifier.introspecting(text),
      case .answer(let answer) = services.finding(
        digest, issuer, PeerNetwork.number(of: request.peer))
    else { return nil }
    return verifier.origin(introspected: answer, by: issuer)
  }

  /// Whose part of the memory a proof takes from.
  private func owner(of token: VerifiedToken, _ request: HTTPRequest) -> ProofMemory.Owner {
    let path = try? Route(request.head.path).tenant
    let scope = try? scopes.scope(
      of: token, selecting: Self.selection(of: request, path: path), under: snapshot.policy,
      at: request.receivedAt)
    return ProofMemory.Owner(tenant: scope?.tenant, issuer: token.issuerID)
  }

  private func shownProof(in request: HTTPRequest) throws(DPoPRefusal) -> ShownProof {
    let (field, occurrences) = request.head.fields.find("dpop")
    guard let field, occurrences == 1 else { throw .form }
    return try ShownProof(parsing: field)
  }

  private func verify(
    _ shown: ShownProof, of request: HTTPRequest, for token: ByteSlice
  ) throws(DPoPRefusal) -> DPoPProof {
    var url = ByteWriter(capacity: publicURL.count + request.head.path.count)
    url.append(publicURL)
    url.append(request.head.path)
    let occasion = DPoPProof.Occasion(
      method: request.head.method.name, url: url.slice, token: Digest.sha256(token),
      nonces: services.nonces(request.receivedAt), now: request.receivedAt)
    return try DPoPProof(verifying: shown, for: occasion, keys: proofKeys)
  }

  /// Counts a proof that is refused; what is wrong with tokens is counted where it is found.
  private func counting(
    _ request: HTTPRequest, _ body: () throws -> VerifiedToken
  ) throws -> VerifiedToken {
    do {
      return try body()
    } catch let refusal as DPoPRefusal {
      if refusal.isOfClient {
        count(TokenReason(refusal), request)
      } else {
        metrics.refused(TokenReason(refusal))
      }
      throw refusal
    }
  }

  private func verify(
    _ text: ByteSlice, _ shown: Presentation, of request: HTTPRequest
  ) throws -> VerifiedToken {
    let now = request.receivedAt
    do {
      switch try tokens.find(text, presentedBy: shown, for: verifier, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        try Credential.checkForm(text)
        try mayVerify(digest, request)
        metrics.cacheMisses.add()
        let token = try tokens.verify(
          text, digest: digest, presentedBy: shown, with: verifier, at: now)
        limits.tokenAccepted(digest)
        return token
      }
    } catch TokenRefusal.key {
      throw lookOnce(for: text, request)
    } catch TokenRefusal.parts(let count) where count < 3 && verifier.introspects {
      return try introspected(text, shown, of: request)
    } catch let refusal as TokenRefusal {
      throw counted(refusal, request)
    }
  }

  /// A key that is not known may be a new one: worth one look at an issuer that publishes its keys
  /// on the network.
  private func lookOnce(for text: ByteSlice, _ request: HTTPRequest) -> any Error {
    guard let (issuer, keyID) = verifier.claimedKey(of: text),
      case .remote = issuer.source, services.mayBring(keyID, issuer.id)
    else { return counted(.key, request) }
    return PendingAdmission(otherwise: TokenRefusal.key) { [services] done in
      services.bring(keyID, issuer.id, done)
    }
  }

  /// A token that is no signed one: what its issuer says of it.
  private func introspected(
    _ text: ByteSlice, _ shown: Presentation, of request: HTTPRequest
  ) throws -> VerifiedToken {
    let now = request.receivedAt
    guard let issuer = verifier.introspecting(text) else { throw counted(.parts(1), request) }
    let digest = Digest.sha256(text)
    let address = PeerNetwork.number(of: request.peer)
    switch services.finding(digest, issuer, address) {
    case .answer(let answer):
      do throws(TokenRefusal) {
        let token = try verifier.verify(
          introspected: answer, of: digest, text: ByteSlice(copying: text.span), by: issuer,
          presentedBy: shown, at: now)
        tokens.keep(token, as: text, at: now)
        limits.tokenAccepted(digest)
        return token
      } catch {
        throw counted(error, request)
      }
    case .unavailable: throw Refusal(.authUnavailable)
    case .tooMany(let most):
      limits.questionRefused()
      throw Refusal(tooManyQuestions: most)
    case .unknown:
      let kept = ByteSlice(copying: text.span)
      throw PendingAdmission(otherwise: Refusal(.authUnavailable)) { [services] done in
        services.ask(kept, digest, issuer, address, done)
      }
    }
  }

  private func apiKey(_ text: ByteSlice, of request: HTTPRequest) throws -> VerifiedToken {
    let now = request.receivedAt
    let name = Self.name(ofAPIKey: text)
    do {
      switch try tokens.find(name, for: verifier, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        try mayVerify(digest, request)
        metrics.cacheMisses.add()
        let token = try verifier.verify(apiKey: text, rememberedAs: digest, at: now)
        tokens.keep(token, as: name, at: now)
        limits.tokenAccepted(digest)
        return token
      }
    } catch let refusal as TokenRefusal {
      throw counted(refusal, request)
    }
  }

  /// In the cache keys stand behind a byte that no field has: no bearer token is taken for one.
  private static func name(ofAPIKey text: ByteSlice) -> ByteSlice {
    var name = ByteWriter(capacity: text.count + 1)
    name.append(0)
    name.append(text)
    return name.slice
  }

  /// What is left to say when nobody is asked any more.
  func final(_ pending: PendingAdmission, _ request: HTTPRequest) -> any Error {
    if let refusal = pending.otherwise as? TokenRefusal { count(TokenReason(refusal), request) }
    return pending.told
  }

  private func counted(_ refusal: TokenRefusal, _ request: HTTPRequest) -> TokenRefusal {
    count(TokenReason(refusal), request)
    return refusal
  }

  private func count(_ reason: TokenReason, _ request: HTTPRequest) {
    metrics.refused(reason)
    limits.tokenRefused(
      from: request.peer, under: snapshot.policy.addressLimits, at: request.received)
  }

  /// Whether the address may have one more credential verified that this loop does not know.
  private func mayVerify(_ digest: Digest, _ request: HTTPRequest) throws {
    try limits.mayVerify(
      digest, for: request.peer, under: snapshot.policy.addressLimits, at: request.received)
  }
}
