import Authentication
import Bytes
import Crypto
import HTTPWire
import Topics

/// The opaque tokens of one loop's open streams. Their issuers are asked about them again whenever
/// the last answer is no longer good, a few at once, so that a revocation there ends streams here.
/// Loop-confined.
///
/// ```
/// confirmed ──time──▶ due ──▶ asked ──answer──▶ confirmed, or the streams end
///                      ▲         └──no answer──▶ again in a while, until patience is over
/// ```
///
/// Due at once is what rests on the word of another endpoint than its issuer has now, also where
/// that one is being asked when the configuration changes.
final class OpaqueTokens {
  /// What became of a token.
  enum Outcome {
    /// What its issuer says of it now.
    case confirmed(IntrospectionAnswer)
    /// Its issuer has not answered for too long.
    case unconfirmed
  }

  /// Is told what became of a token's streams; answers until when they are confirmed, nil where
  /// they end.
  typealias Settling = (VerifiedToken, Set<RequestID>, Outcome) -> UnixTime?

  /// An instant by both clocks. It has come when one of them says so: whoever sets the wall clock
  /// back puts nothing off.
  private struct Due {
    let wall: UnixTime
    let monotonic: MonotonicTime

    func hasCome(_ now: Due) -> Bool { wall <= now.wall || monotonic <= now.monotonic }

    static func + (due: Due, span: TimeSpan) -> Due {
      Due(wall: due.wall + span, monotonic: due.monotonic + span)
    }
  }

  private struct Entry {
    let token: VerifiedToken
    /// Who has confirmed it last, and how that one was asked.
    var terms: IntrospectionTerms?
    /// How its issuer was asked last.
    var lastAsked: IntrospectionTerms?
    var streams: Set<RequestID> = []
    var confirmedUntil: UnixTime
    /// When it is asked about next; nil while it stands in the line or is asked about.
    var nextQuestion: Due?
    /// The first question since the last answer that brought none. To stand in the line is none.
    var unansweredSince: MonotonicTime?
  }

  /// Questions of one loop under way at once: the requests of callers go through the same door.
  static let atOnce = 4
  /// How long a stream goes on after the first question about its token that brings no answer.
  static let patience = TimeSpan.seconds(60)
  /// Until the next question after one without an answer.
  static let pause = TimeSpan.seconds(5)
  /// The line is looked at no more often than this.
  private static let step = TimeSpan.milliseconds(250)

  private let services: IdentityServices
  private let timers: any LoopTimers
  /// The digests of tokens about which there may be an answer, on their way from the fetching
  /// thread.
  private let answered: LoopMailbox<Digest>
  private var entries: [Digest: Entry] = [:]
  private var digests: [RequestID: Digest] = [:]
  private var line: [Digest] = []
  /// Followed since the last turn.
  private var newcomers: [Digest] = []
  /// Of the verifier in the last turn.
  private var generation: UInt64?
  private var asked = 0
  private var isDue = false
  private var timer: TimerToken?
  private var wakesAt = MonotonicTime.distantFuture

  init(_ services: IdentityServices, timers: any LoopTimers) {
    self.services = services
    self.timers = timers
    answered = LoopMailbox(post: timers.post)
  }

  /// The stream lives by this token from now on; of others than opaque ones nothing is kept.
  func follow(_ stream: RequestID, _ token: VerifiedToken) {
    leave(stream)
    guard token.opaqueText != nil else { return }
    let until = token.confirmedUntil
    var entry =
      entries[token.digest]
      ?? Entry(token: token, terms: token.introspection, confirmedUntil: until)
    let due = end(at: until, token.confirmationDeadline, now)
    if entry.streams.isEmpty { entry.nextQuestion = due }
    entry.streams.insert(stream)
    entries[token.digest] = entry
    digests[stream] = token.digest
    newcomers.append(token.digest)
    wake(at: due.monotonic)
  }

  private var now: Due {
    Due(wall: timers.clocks.wall(), monotonic: timers.clocks.monotonic())
  }

  /// When an answer is no longer good: the wall clock may be set back while it is.
  private func end(at wall: UnixTime, _ deadline: MonotonicTime, _ now: Due) -> Due {
    Due(wall: wall, monotonic: min(deadline, now.monotonic + max(wall - now.wall, .zero)))
  }

  func leave(_ stream: RequestID) {
    guard let digest = digests.removeValue(forKey: stream) else { return }
    entries[digest]?.streams.remove(stream)
    if entries[digest]?.streams.isEmpty == true { entries[digest] = nil }
  }

  /// How many tokens are followed.
  var count: Int { entries.count }

  /// At the end of a turn: takes answers and asks the next questions.
  ///
  /// - Parameter verifier: of the snapshot in force.
  func turnEnded(_ verifier: TokenVerifier, _ settle: Settling) {
    outdate(by: verifier)
    let back = answered.take()
    guard !back.isEmpty || isDue else { return }
    let now = self.now
    asked -= back.count
    for digest in back { look(at: digest, verifier, now, settle) }
    if isDue {
      isDue = false
      lineUp(now, settle)
    }
    while asked < Self.atOnce, let digest = line.popLast() {
      ask(about: digest, verifier, now, settle)
    }
    if let next = entries.values.lazy.compactMap(\.nextQuestion?.monotonic).min() {
      wake(at: next)
    }
  }

  /// Makes those due whose issuer is asked elsewhere now, or as another client, than when it
  /// confirmed them: all under a new snapshot, else those that tickets from before it have brought.
  private func outdate(by verifier: TokenVerifier) {
    let isNew = verifier.generation != generation
    guard isNew || !newcomers.isEmpty else { return }
    generation = verifier.generation
    let looked = isNew ? Array(entries.keys) : newcomers
    newcomers = []
    for digest in looked {
      guard let entry = entries[digest], entry.nextQuestion != nil,
        let issuer = verifier.issuer(ofID: entry.token.issuerID),
        issuer.introspection != entry.terms
      else { continue }
      entries[digest]?.nextQuestion = now
      isDue = true
    }
  }

  /// Puts those whose time has come into the line; ends those that have waited too long.
  private func lineUp(_ now: Due, _ settle: Settling) {
    for (digest, entry) in entries {
      if let since = entry.unansweredSince, now.monotonic >= since + Self.patience {
        _ = settle(entry.token, entry.streams, .unconfirmed)
        forget(digest)
      } else if let next = entry.nextQuestion, next.hasCome(now) {
        entries[digest]?.nextQuestion = nil
        line.append(digest)
      }
    }
    // The one that has waited longest comes next.
    line.sort { confirmedUntil($0) > confirmedUntil($1) }
  }

  private func confirmedUntil(_ digest: Digest) -> UnixTime {
    entries[digest]?.confirmedUntil ?? .distantFuture
  }

  private func ask(
    about digest: Digest, _ verifier: TokenVerifier, _ now: Due, _ settle: Settling
  ) {
    guard let entry = entries[digest], let text = entry.token.opaqueText else { return }
    guard let issuer = verifier.issuer(ofID: entry.token.issuerID) else {
      return stayUnanswered(digest, now)
    }
    switch services.finding(digest, issuer, entry.token.ownPlace) {
    // Perhaps somebody else has asked meanwhile.
    case .answer: return look(at: digest, verifier, now, settle)
    // The issuer is left alone for a while.
    case .unavailable, .tooMany: return stayUnanswered(digest, now)
    case .unknown: break
    }
    asked += 1
    entries[digest]?.lastAsked = issuer.introspection
    services.ask(text, digest, issuer, entry.token.ownPlace) { [answered] in answered.put(digest) }
  }

  private func look(
    at digest: Digest, _ verifier: TokenVerifier, _ now: Due, _ settle: Settling
  ) {
    guard let entry = entries[digest] else { return }
    guard let issuer = verifier.issuer(ofID: entry.token.issuerID) else {
      return stayUnanswered(digest, now)
    }
    let answer: IntrospectionAnswer
    switch services.finding(digest, issuer, entry.token.ownPlace) {
    case .answer(let found): answer = found
    case .unknown where entry.lastAsked != issuer.introspection:
      // Another endpoint was asked, which says nothing for this one.
      entries[digest]?.nextQuestion = now
      isDue = true
      return
    case .unknown, .unavailable, .tooMany: return stayUnanswered(digest, now)
    }
    guard let until = settle(entry.token, entry.streams, .confirmed(answer)) else {
      return forget(digest)
    }
    entries[digest]?.terms = issuer.introspection
    entries[digest]?.confirmedUntil = until
    entries[digest]?.nextQuestion = end(at: until, answer.deadline, now)
    entries[digest]?.unansweredSince = nil
  }

  private func stayUnanswered(_ digest: Digest, _ now: Due) {
    entries[digest]?.nextQuestion = now + Self.pause
    if entries[digest]?.unansweredSince == nil {
      entries[digest]?.unansweredSince = now.monotonic
    }
  }

  private func forget(_ digest: Digest) {
    for stream in entries[digest]?.streams ?? [] { digests[stream] = nil }
    entries[digest] = nil
  }

  private func wake(at due: MonotonicTime) {
    let at = max(due, timers.clocks.monotonic() + Self.step)
    if let timer {
      guard at < wakesAt else { return }
      timers.cancel(timer)
    }
    wakesAt = at
    timer = timers.schedule(at: at) { [weak self] in
      self?.timer = nil
      self?.isDue = true
    }
  }
}
