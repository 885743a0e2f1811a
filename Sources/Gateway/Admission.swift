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
  let verifier: TokenVerifier
  private let policy: TenancyPolicy
  private let metrics: TokenMetrics
  private let identity: IdentityServices
  private let proofs: ProofMemory
  private let publicURL: ByteSlice
  private let tokens = TokenCache()
  private let scopes = ScopeCache()

  init(
    verifier: TokenVerifier, policy: TenancyPolicy, metrics: TokenMetrics,
    identity: IdentityServices, proofs: ProofMemory, publicURL: ByteSlice
  ) {
    self.verifier = verifier
    self.policy = policy
    self.metrics = metrics
    self.identity = identity
    self.proofs = proofs
    self.publicURL = publicURL
  }

  /// The scope of a request's caller; throws the rooms' own refusals, or `PendingAdmission`.
  /// - Parameter tenant: the tenant named in the path; nil for `~`.
  func scope(of request: HTTPRequest, selecting tenant: Name?) throws -> TenantScope {
    let token = try token(of: request)
    do throws(TenancyRefusal) {
      return try scopes.scope(of: token, selecting: tenant, under: policy)
    } catch {
      metrics.refused(.noTenant)
      throw error
    }
  }

  /// The verified token of a request's caller, by whichever door it comes.
  func token(of request: HTTPRequest) throws -> VerifiedToken {
    let fields = request.head.fields
    let field = fields.first("authorization")
    let occurrences = field == nil ? 0 : fields.occurrences(of: "authorization")
    let credential = try Credential(field: field, occurrences: occurrences)
    if verifier.takesAPIKeys, let key = fields.first("x-api-key") {
      guard field == nil, fields.occurrences(of: "x-api-key") == 1 else {
        throw Refusal(.badHeader, "send either one X-API-Key or one Authorization field")
      }
      return try apiKey(key, at: request.receivedAt)
    }
    switch credential {
    case .absent:
      metrics.refused(.missing)
      throw Refusal(.missingToken)
    case .bearer(let text):
      let shown = Presentation(certificate: request.clientCertificate, proofKey: nil)
      return try verify(text, shown, at: request.receivedAt)
    case .dpop(let text):
      return try counting { () throws -> VerifiedToken in
        let proof = try proof(in: request, for: text)
        let shown = Presentation(certificate: request.clientCertificate, proofKey: proof.key)
        let token = try verify(text, shown, at: request.receivedAt)
        try proofs.take(proof, for: request.id, at: request.receivedAt)
        return token
      }
    }
  }

  private func proof(in request: HTTPRequest, for token: ByteSlice) throws -> DPoPProof {
    let fields = request.head.fields
    guard let field = fields.first("dpop"), fields.occurrences(of: "dpop") == 1 else {
      throw DPoPRefusal.form
    }
    var url = ByteWriter(capacity: publicURL.count + request.head.path.count)
    url.append(publicURL)
    url.append(request.head.path)
    return try DPoPProof(
      verifying: field,
      for: DPoPProof.Occasion(
        method: request.head.method.name, url: url.slice, token: Digest.sha256(token),
        nonces: identity.nonces(request.receivedAt), now: request.receivedAt))
  }

  /// Counts a proof that is refused; what is wrong with tokens is counted where it is found.
  private func counting(_ body: () throws -> VerifiedToken) throws -> VerifiedToken {
    do {
      return try body()
    } catch let refusal as DPoPRefusal {
      metrics.refused(TokenReason(refusal))
      throw refusal
    }
  }

  private func verify(
    _ text: ByteSlice, _ shown: Presentation, at now: UnixTime
  ) throws -> VerifiedToken {
    do {
      switch try tokens.find(text, presentedBy: shown, for: verifier, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        try Credential.checkForm(text)
        metrics.cacheMisses.add()
        return try tokens.verify(
          text, digest: digest, presentedBy: shown, with: verifier, at: now)
      }
    } catch TokenRefusal.key {
      throw lookOnce(for: text)
    } catch TokenRefusal.parts(let count) where count < 3 && verifier.introspected != nil {
      return try introspected(text, shown, at: now)
    } catch let refusal as TokenRefusal {
      throw counted(refusal)
    }
  }

  /// A key that is not known may be a new one: worth one look at an issuer that publishes its keys
  /// on the network.
  private func lookOnce(for text: ByteSlice) -> any Error {
    guard let (issuer, keyID) = verifier.claimedKey(of: text),
      case .remote = issuer.source, identity.mayBring(keyID, issuer.id)
    else { return counted(.key) }
    return PendingAdmission(otherwise: TokenRefusal.key) { [identity] done in
      identity.bring(keyID, issuer.id, done)
    }
  }

  /// A token that is no signed one: what its issuer says of it.
  private func introspected(
    _ text: ByteSlice, _ shown: Presentation, at now: UnixTime
  ) throws -> VerifiedToken {
    guard let issuer = verifier.introspected else { throw counted(.parts(1)) }
    let digest = Digest.sha256(text)
    switch identity.finding(digest) {
    case .answer(let answer):
      do throws(TokenRefusal) {
        let token = try verifier.verify(
          introspected: answer, of: digest, by: issuer, presentedBy: shown, at: now)
        tokens.keep(token, at: now)
        return token
      } catch {
        throw counted(error)
      }
    case .unavailable: throw Refusal(.authUnavailable)
    case .unknown:
      let kept = ByteSlice(copying: text.span)
      throw PendingAdmission(otherwise: Refusal(.authUnavailable)) { [identity] done in
        identity.ask(kept, digest, issuer, done)
      }
    }
  }

  private func apiKey(_ text: ByteSlice, at now: UnixTime) throws -> VerifiedToken {
    // In the cache keys stand behind a byte that no field has: no bearer token is taken for one.
    var name = ByteWriter(capacity: text.count + 1)
    name.append(0)
    name.append(text)
    do throws(TokenRefusal) {
      switch try tokens.find(name.slice, for: verifier, at: now) {
      case .known(let token):
        metrics.cacheHits.add()
        return token
      case .unknown(let digest):
        metrics.cacheMisses.add()
        let token = try verifier.verify(apiKey: text, rememberedAs: digest, at: now)
        tokens.keep(token, at: now)
        return token
      }
    } catch {
      throw counted(error)
    }
  }

  /// What is left to say when nobody is asked any more.
  func final(_ pending: PendingAdmission) -> any Error {
    if let refusal = pending.otherwise as? TokenRefusal { metrics.refused(TokenReason(refusal)) }
    return pending.otherwise
  }

  private func counted(_ refusal: TokenRefusal) -> TokenRefusal {
    metrics.refused(TokenReason(refusal))
    return refusal
  }
}

/// The caller may be known in a moment: somebody has to be asked first. The request is served anew
/// when the answer is there, or refused as `otherwise` says.
struct PendingAdmission: Error {
  let otherwise: any Error
  /// Begins to ask; calls back once.
  let begin: @Sendable (_ done: @escaping @Sendable () -> Void) -> Void

  /// How long a request waits at most.
  static let patience = TimeSpan.seconds(3)

  init(
    otherwise: any Error,
    _ begin: @escaping @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
  ) {
    self.otherwise = otherwise
    self.begin = begin
  }
}

extension TokenReason {
  /// The counter that a refused proof of possession belongs to.
  init(_ refusal: DPoPRefusal) {
    switch refusal {
    case .replayed: self = .replayed
    default: self = .possession
    }
  }

  /// The counter that a refusal belongs to.
  init(_ refusal: TokenRefusal) {
    switch refusal {
    case .tooLarge, .parts, .encoding, .json, .headerMember, .extensionMember: self = .malformed
    case .type, .notForAccess: self = .tokenType
    case .issuer: self = .unknownIssuer
    case .algorithm, .algorithmOfKey: self = .algorithm
    case .key, .keyAmbiguous: self = .unknownKey
    case .signature: self = .signature
    case .claim, .requirement: self = .claims
    case .bound: self = .possession
    case .revoked, .inactive: self = .revoked
    case .audience: self = .audience
    case .expired: self = .expired
    case .notYetValid, .issuedAhead: self = .notYetValid
    case .lifetime: self = .lifetime
    }
  }
}
