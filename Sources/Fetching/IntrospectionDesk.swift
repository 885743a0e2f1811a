public import Authentication
public import Bytes
public import Crypto
import JSONText
public import Metrics
public import Settings
import Synchronization

/// Asks issuers about tokens that say nothing by themselves (RFC 7662), and keeps what they answer
/// for a short while. Shared by the loops; completions run on the fetching thread.
public final class IntrospectionDesk: Sendable {
  /// Answers kept at once: some 2 KiB each.
  public static let most = 10_000
  /// Requests that wait for one answer about the same token; more are told that nothing is known.
  public static let mostWaiting = 256
  /// So many failures in a row, and nobody is asked for `breakTime`.
  public static let failuresInARow = 5
  public static let breakTime = TimeSpan.seconds(10)

  /// What is known about a token.
  public enum Finding: Sendable {
    case answer(IntrospectionAnswer)
    /// Ask.
    case unknown
    /// Asking is of no use now: the endpoint does not answer.
    case unavailable
  }

  private struct State {
    var answers: [Digest: IntrospectionAnswer] = [:]
    var waiting: [Digest: [@Sendable () -> Void]] = [:]
    /// Tokens about which the last question failed; cleared when it is read.
    var failures = 0
    var brokenUntil = MonotonicTime(nanoseconds: .min)
    var failed: Set<Digest> = []
  }

  private let state = Mutex(State())
  private let thread: FetchThread
  private let clocks: Clocks
  private let metrics: IssuerMetrics
  private let log: LogWriter?
  private let resolve: @Sendable (FetchRules) -> FetchRules
  private let secret: @Sendable (SecretReference) throws -> ByteSlice

  /// - Parameter secret: finds a client secret; called anew for each question, on the caller's
  ///   thread, so that it must not take long: see `ClientSecrets`.
  public init(
    _ thread: FetchThread, clocks: Clocks, metrics: IssuerMetrics, log: LogWriter? = nil,
    resolve: @escaping @Sendable (FetchRules) -> FetchRules = { $0 },
    secret: @escaping @Sendable (SecretReference) throws -> ByteSlice
  ) {
    self.thread = thread
    self.clocks = clocks
    self.metrics = metrics
    self.log = log
    self.resolve = resolve
    self.secret = secret
  }

  /// What is known about the token of that digest.
  public func finding(about digest: Digest) -> Finding {
    let (wall, now) = (clocks.wall(), clocks.monotonic())
    return state.withLock { state in
      if let answer = state.answers[digest], wall < answer.staleAt { return .answer(answer) }
      if state.failed.remove(digest) != nil || now < state.brokenUntil { return .unavailable }
      return .unknown
    }
  }

  /// Asks the issuer about a token, or joins the question under way; `done` is called once, when
  /// `finding` knows more.
  public func ask(
    about token: ByteSlice, _ digest: Digest, at issuer: IssuerProfile,
    _ done: @escaping @Sendable () -> Void
  ) {
    guard let terms = issuer.introspection else { return done() }
    let asks: Bool? = state.withLock { state in
      let waiting = state.waiting[digest] ?? []
      guard waiting.count < Self.mostWaiting else { return nil }
      state.waiting[digest] = waiting + [done]
      return waiting.isEmpty
    }
    guard let asks else { return done() }
    guard asks else { return }
    guard let secret = try? secret(terms.clientSecret) else {
      return end(digest, .failure("the client secret cannot be found"), issuer)
    }
    let question = Fetch(
      url: terms.url, rules: resolve(terms.rules), form: Self.form(token),
      authorization: Self.basic(terms.clientID, secret), limit: TokenLimits.bytes * 2)
    thread.fetch(question) { [self] result in
      switch result {
      case .failure(let fault): end(digest, .failure(fault.text), issuer)
      case .success(let document):
        do throws(JSONFault) {
          let answer = try IntrospectionAnswer(
            parsing: document.body, at: clocks.wall(), lifetime: terms.lifetime,
            refusedLifetime: IntrospectionTerms.refusedLifetime)
          end(digest, .success(answer), issuer)
        } catch {
          end(digest, .failure("the answer is no JSON"), issuer)
        }
      }
    }
  }

  private enum Outcome {
    case success(IntrospectionAnswer)
    case failure(String)
  }

  private func end(_ digest: Digest, _ outcome: Outcome, _ issuer: IssuerProfile) {
    let (wall, now) = (clocks.wall(), clocks.monotonic())
    let waiting = state.withLock { state in
      switch outcome {
      case .success(let answer):
        state.failures = 0
        if state.answers.count >= Self.most { Self.makeRoom(&state, at: wall) }
        state.answers[digest] = answer
      case .failure:
        state.failures += 1
        if state.failures >= Self.failuresInARow { state.brokenUntil = now + Self.breakTime }
        if state.failed.count < Self.most { state.failed.insert(digest) }
      }
      return state.waiting.removeValue(forKey: digest) ?? []
    }
    switch outcome {
    case .success(let answer):
      if answer.claims == nil { metrics.inactive.add() } else { metrics.active.add() }
    case .failure(let fault):
      metrics.unanswered.add()
      log?.log(
        .error, "introspection failed", ["issuer": .bytes(issuer.id), "fault": .text(fault)])
    }
    for done in waiting { done() }
  }

  /// Drops what is stale, and when that is not enough, everything: a cache may forget.
  private static func makeRoom(_ state: inout State, at now: UnixTime) {
    state.answers = state.answers.filter { now < $0.value.staleAt }
    if state.answers.count >= most { state.answers = [:] }
  }

  static func form(_ token: ByteSlice) -> ByteSlice {
    var form = ByteWriter(capacity: token.count + 48)
    form.append("token=")
    appendEncoded(token, to: &form)
    form.append("&token_type_hint=access_token")
    return form.slice
  }

  /// RFC 6749 §2.3.1: both halves in the form encoding, then Basic.
  static func basic(_ id: ByteSlice, _ secret: ByteSlice) -> ByteSlice {
    var pair = ByteWriter(capacity: 128)
    appendEncoded(id, to: &pair)
    pair.append(ASCII.colon)
    appendEncoded(secret, to: &pair)
    return ByteSlice(utf8: "Basic " + Base64.encode(pair.slice, as: .standard))
  }

  private static func appendEncoded(_ text: ByteSlice, to form: inout ByteWriter) {
    for byte in text.array {
      if ASCII.isAlphanumeric(byte) || byte == ASCII.minus || byte == ASCII.dot
        || byte == ASCII.underscore
      {
        form.append(byte)
      } else {
        form.append(ASCII.percent)
        for digit in [byte >> 4, byte & 0x0F] {
          form.append(digit < 10 ? ASCII.zero + digit : 0x41 + digit - 10)
        }
      }
    }
  }
}
