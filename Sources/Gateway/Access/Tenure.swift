import Authentication
import Bytes
import Crypto
import Delivery
import HTTPWire
import Tenancy

/// What a request holds of a topic while it lasts: its body still arrives, or it waits for events.
/// The right that it was admitted with is held against the rules of the moment when it is used.
/// Loop-confined.
final class Tenure {
  private let admission: Admission
  /// As the rules saw it last.
  private(set) var topic: TopicAddress
  private var generation: UInt64

  /// - Parameter generation: of the snapshot that admitted the request.
  init(_ topic: TopicAddress, _ admission: Admission, under generation: UInt64) {
    self.topic = topic
    self.admission = admission
    self.generation = generation
  }

  /// Whether another snapshot has come into force since it was looked at.
  var isStale: Bool { generation != admission.snapshot.generation }

  /// The topic as the rules of now see it; throws what a request would be answered now. One load of
  /// an atomic while nothing has changed; where something has, or the token is past its end and
  /// lives on the clocks' skew, some microseconds.
  @discardableResult
  func check(at now: UnixTime) throws -> TopicAddress {
    guard admission.mayDiffer(topic.caller, admittedUnder: generation, at: now) else {
      return topic
    }
    topic = try admission.snapshot.review(topic, at: now)
    generation = admission.snapshot.generation
    return topic
  }
}

extension Admission {
  /// Whether the rules may see a caller otherwise now than when the snapshot of that generation
  /// admitted it: another one is in force, a grant has begun or ended, or the token has.
  fileprivate func mayDiffer(
    _ caller: TenantScope, admittedUnder generation: UInt64, at now: UnixTime
  ) -> Bool {
    refresh()
    return generation != snapshot.generation || caller.changes <= now || caller.expires <= now
  }
}

extension Tenure {
  /// The issuer of the opaque token has been asked again: `token` is by its answer.
  fileprivate func confirm(by token: VerifiedToken, at now: UnixTime) throws -> TopicAddress {
    let snapshot = admission.snapshot
    topic = try snapshot.review(topic, with: token, at: now)
    generation = snapshot.generation
    return topic
  }
}

extension Admission {
  /// Whether what the issuer of an opaque token has said of it is no longer good, or is the word of
  /// another endpoint than it has now.
  fileprivate func isUnconfirmed(
    _ token: VerifiedToken, at now: UnixTime, _ instant: MonotonicTime
  ) -> Bool {
    token.confirmedUntil <= now || token.confirmationDeadline <= instant
      || verifier.asksElsewhere(about: token)
  }

  /// Who is asked about an opaque token that has been good; nil where its issuer is no longer.
  fileprivate func asked(about token: VerifiedToken) -> IssuerProfile? {
    guard let text = token.opaqueText, let issuer = verifier.introspecting(text),
      issuer.id == token.issuerID, issuer.issuer == token.issuer
    else { return nil }
    return issuer
  }
}

extension GatewayResponder {
  /// What a request that was just admitted to `topic` holds of it.
  func tenure(of topic: TopicAddress) -> Tenure {
    tenure(of: topic, under: admission.snapshot.generation)
  }

  /// The same for a request that was admitted by the snapshot of that generation.
  func tenure(of topic: TopicAddress, under generation: UInt64) -> Tenure {
    Tenure(topic, admission, under: generation)
  }

  /// Holds it against the rules of this moment.
  @discardableResult
  func check(_ tenure: Tenure) throws -> TopicAddress { try tenure.check(at: timers.clocks.wall()) }

  /// The same for a body of which more has come. The issuer of an opaque token is asked again when
  /// its last answer is no longer good.
  @discardableResult
  func confirm(_ tenure: Tenure) async throws -> TopicAddress {
    let address = try check(tenure)
    guard let token = try await askedAgain(about: address.caller.token) else { return address }
    return try tenure.confirm(by: token, at: timers.clocks.wall())
  }

  /// An opaque token by what its issuer says of it now; nil where nobody has to be asked: its last
  /// answer is still good, or it is no opaque one.
  func askedAgain(about token: VerifiedToken) async throws -> VerifiedToken? {
    guard let text = token.opaqueText,
      admission.isUnconfirmed(token, at: timers.clocks.wall(), timers.clocks.monotonic())
    else { return nil }
    // Where the issuer has got another endpoint meanwhile, what the old one says is no answer of
    // it: that one is asked, once.
    for _ in 0..<2 {
      guard let issuer = admission.asked(about: token) else { throw TokenRefusal.issuer }
      let answer = try await introspect(text, token.digest, at: issuer, from: token.ownPlace)
      admission.refresh()
      guard admission.asked(about: token)?.introspection == issuer.introspection else { continue }
      return try admission.verifier.verify(
        token, introspectedAgain: answer, at: timers.clocks.wall())
    }
    throw Refusal(.authUnavailable)
  }

  /// What the issuer says of a token; it is asked, once, unless it has answered lately.
  ///
  /// - Parameters:
  ///   - text: kept while it is asked.
  ///   - place: stands for where the token comes from.
  func introspect(
    _ text: ByteSlice, _ digest: Digest, at issuer: IssuerProfile, from place: UInt64
  ) async throws -> IntrospectionAnswer {
    let services = parts.identity
    if case .unknown = services.finding(digest, issuer, place) {
      await wait(
        for: PendingAdmission(otherwise: Refusal(.authUnavailable)) { done in
          services.ask(text, digest, issuer, place, done)
        })
    }
    switch services.finding(digest, issuer, place) {
    case .answer(let answer): return answer
    case .tooMany(let most): throw Refusal(tooManyQuestions: most)
    case .unknown, .unavailable: throw Refusal(.authUnavailable)
    }
  }

  /// The right of a call that is about to wait, ended when the tenure's is.
  func right(of tenure: Tenure) -> WaitingRight {
    WaitingRight { [timers] in (try? tenure.check(at: timers.clocks.wall())) != nil }
  }

  /// A body that is read whole. Its sender must still have the right to do what it was admitted for
  /// when the body has come: an opaque token is asked about again as in `confirm`.
  func body(
    of request: HTTPRequest, upTo limit: Int, for topic: TopicAddress
  ) async throws -> ByteSlice {
    let tenure = tenure(of: topic)
    let body = try await request.body.collect(upTo: limit)
    try await confirm(tenure)
    return body
  }

  /// The same for a change of a namespace.
  func body(
    of request: HTTPRequest, upTo limit: Int, for namespace: NamespaceAddress
  ) async throws -> ByteSlice {
    let body = try await request.body.collect(upTo: limit)
    try await confirm(namespace)
    return body
  }

  /// Whoever has been waited for, or has waited, must still have the right to what was asked for:
  /// as `confirm` of a tenure.
  func confirm(_ namespace: NamespaceAddress) async throws {
    admission.refresh()
    try admission.snapshot.review(namespace, at: timers.clocks.wall())
    if let token = try await askedAgain(about: namespace.caller.token) {
      try admission.snapshot.review(namespace, with: token, at: timers.clocks.wall())
    }
  }
}
