import Authentication
import Bytes
import HTTPWire
import Metrics
import Tenancy

/// Callers whom a loop knows by the token that they show: for publishes that take no task. Whatever
/// is not answered here, `scope` looks at as if nobody had.
extension Admission {
  /// The bearer token that a request shows; nil where its caller is known by something else.
  func bearer(_ head: RequestHead) throws -> ByteSlice? {
    let (field, occurrences) = head.fields.find("authorization")
    guard case .bearer(let text) = try Credential(field: field, occurrences: occurrences),
      !verifier.takesAPIKeys || head.fields.occurrences(of: "x-api-key") == 0
    else { return nil }
    return text
  }

  /// The token of a caller whom this loop knows by it; nil for every other. Counts nothing.
  func knownToken(_ text: ByteSlice, of request: HTTPRequest) throws -> VerifiedToken? {
    guard
      case .known(let token) = try tokens.find(
        text, presentedBy: Self.presentation(of: request), for: verifier, at: request.receivedAt)
    else { return nil }
    return token
  }

  /// What the connection of a request proves, and nothing that its head says.
  static func presentation(of request: HTTPRequest) -> Presentation {
    Presentation(certificate: request.clientCertificate, proofKey: nil)
  }

  /// The scope that this loop knows for it; nil if none.
  func knownScope(
    of token: VerifiedToken, _ request: HTTPRequest, selecting tenant: Name?
  ) throws -> TenantScope? {
    scopes.known(
      of: token, selecting: try Self.selection(of: request, path: tenant),
      generation: snapshot.policy.generation, at: request.receivedAt)
  }

  /// What is kept of a token that `knownToken` has found, for those who show it again.
  func kept(_ text: ByteSlice) -> TokenCache.Kept? { tokens.kept(text) }

  /// Counts a caller that `knownToken` has found and that is served.
  func countKnown() { metrics.cacheHits.add() }
}

extension TokenCache.Kept {
  /// Whether `knownToken` would find the token for a request.
  mutating func holds(for request: HTTPRequest, _ admission: Admission) -> Bool {
    isProved(by: Admission.presentation(of: request))
      && holds(for: admission, at: request.receivedAt)
  }

  /// The same for those who have shown it on the same connection.
  mutating func holds(for admission: Admission, at now: UnixTime) -> Bool {
    admission.tokens.holds(&self, for: admission.verifier, at: now)
  }
}
