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
  /// Tokens of one address that are asked about at once, twice as many as go out at once: whoever
  /// sends more than the issuers answer fills no line that others wait in.
  public static let mostPerAddress = 64
  /// So many failures of an issuer in a row, and it is not asked for `breakTime`.
  public static let failuresInARow = 5
  public static let breakTime = TimeSpan.seconds(10)
  /// For so long somebody who waited for a failed question, or comes now, is told that it failed;
  /// later it is asked anew.
  public static let failureTime = TimeSpan.seconds(3)

  /// What is known about a token.
  public enum Finding: Sendable {
    case answer(IntrospectionAnswer)
    /// Ask.
    case unknown
    /// Asking is of no use now: the endpoint does not answer.
    case unavailable
    /// `mostPerAddress` are under way.
    case tooMany
  }

  /// Who is asked, and how: what another endpoint has said, or the same one to another client, is
  /// no answer of this one.
  private struct Endpoint: Hashable {
    let issuer: ByteSlice
    let name: ByteSlice
    let terms: IntrospectionTerms?

    init(_ issuer: IssuerProfile) {
      self.issuer = issuer.id
      name = issuer.issuer
      terms = issuer.introspection
    }
  }

  /// A token, at the issuer that is asked about it.
  private struct Subject: Hashable {
    let digest: Digest
    let endpoint: Endpoint
    var issuer: ByteSlice { endpoint.issuer }
  }

  private struct Question {
    let address: UInt64
    var waiting: [@Sendable () -> Void]
  }

  private struct Breaker {
    let endpoint: Endpoint
    var failures = 0
    var until = MonotonicTime(nanoseconds: .min)
  }

  private struct State {
    var answers: [Subject: IntrospectionAnswer] = [:]
    var questions: [Subject: Question] = [:]
    /// Questions under way of each address that has some.
    var addresses: [UInt64: Int] = [:]
    /// Of issuers that have failed and not answered since; of each for its last endpoint.
    var breakers: [ByteSlice: Breaker] = [:]
    /// Tokens about which the last question failed, and until when that counts; cleared when it is
    /// read.
    var failed: [Subject: MonotonicTime] = [:]
    /// When those that count no longer may be looked for again.
    var nextSweep = MonotonicTime(nanoseconds: 0)

    /// What is known of an endpoint that has failed; nil of all others.
    func breaker(of endpoint: Endpoint) -> Breaker? {
      guard let breaker = breakers[endpoint.issuer], breaker.endpoint == endpoint else {
        return nil
      }
      return breaker
    }

    mutating func noteAnswer(of endpoint: Endpoint) {
      if breaker(of: endpoint) != nil { breakers[endpoint.issuer] = nil }
    }

    /// A question has failed. Nobody may be left to read that: requests wait for less long than
    /// issuers may take.
    ///
    /// Those that count no longer go when the place is needed, not at each failure: an issuer that
    /// refuses quickly is a flood of them.
    mutating func noteFailure(about subject: Subject, at now: MonotonicTime) {
      if failed.count >= IntrospectionDesk.most, now >= nextSweep {
        failed = failed.filter { now < $0.value }
        nextSweep = now + IntrospectionDesk.failureTime
      }
      guard failed.count < IntrospectionDesk.most else { return }
      failed[subject] = now + IntrospectionDesk.failureTime
    }
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
  ///
  /// - Parameter address: stands for where it comes from.
  public func finding(
    about digest: Digest, at issuer: IssuerProfile, from address: UInt64
  ) -> Finding {
    let (wall, now) = (clocks.wall(), clocks.monotonic())
    let subject = Subject(digest: digest, endpoint: Endpoint(issuer))
    let finding = state.withLock { state -> Finding in
      if let answer = state.answers[subject]?.good(at: wall, now) { return .answer(answer) }
      if let until = state.failed.removeValue(forKey: subject), now < until {
        return .unavailable
      }
      if let breaker = state.breaker(of: subject.endpoint), now < breaker.until {
        return .unavailable
      }
      if state.questions[subject] != nil { return .unknown }
      return state.addresses[address, default: 0] < Self.mostPerAddress ? .unknown : .tooMany
    }
    if case .tooMany = finding { metrics.note(.unasked, of: issuer.id) }
    return finding
  }

  /// Asks the issuer about a token, or joins the question under way; `done` is called once, when
  /// `finding` knows more, or at once when there is no room for the question.
  public func ask(
    about token: ByteSlice, _ digest: Digest, at issuer: IssuerProfile, from address: UInt64,
    _ done: @escaping @Sendable () -> Void
  ) {
    guard let terms = issuer.introspection else { return done() }
    let subject = Subject(digest: digest, endpoint: Endpoint(issuer))
    let asks: Bool? = state.withLock { state in
      if let count = state.questions[subject]?.waiting.count {
        guard count < Self.mostWaiting else { return nil }
        state.questions[subject]?.waiting.append(done)
        return false
      }
      let asked = state.addresses[address, default: 0]
      guard asked < Self.mostPerAddress else { return nil }
      state.addresses[address] = asked + 1
      state.questions[subject] = Question(address: address, waiting: [done])
      return true
    }
    guard let asks else {
      metrics.note(.unasked, of: issuer.id)
      return done()
    }
    guard asks else { return }
    guard let secret = try? secret(terms.clientSecret) else {
      return end(subject, .failure("the client secret cannot be found"))
    }
    let question = Fetch(
      url: terms.url, rules: resolve(terms.rules), for: .introspection, form: Self.form(token),
      authorization: Self.basic(terms.clientID, secret), limit: TokenLimits.bytes * 2)
    thread.fetch(question) { [self] result in
      switch result {
      case .failure(.overloaded): end(subject, .unasked)
      case .failure(.status(let status)) where Self.isAboutToken(status):
        end(subject, .refused(FetchFault.status(status).text))
      case .failure(let fault): end(subject, .failure(fault.text))
      case .success(let document):
        do throws(JSONFault) {
          let answer = try IntrospectionAnswer(
            parsing: document.body, at: clocks.wall(), clocks.monotonic(),
            lifetime: terms.lifetime, refusedLifetime: IntrospectionTerms.refusedLifetime)
          end(subject, .success(answer))
        } catch {
          end(subject, .failure("the answer is no JSON"))
        }
      }
    }
  }

  /// Whether a status blames the question and says nothing against the endpoint, which serves: not
  /// so 401, 403, 404 and 405, which any question meets, and 408 and 429, which are overload.
  private static func isAboutToken(_ status: Int) -> Bool {
    (400..<500).contains(status) && ![401, 403, 404, 405, 408, 429].contains(status)
  }

  private enum Outcome {
    case success(IntrospectionAnswer)
    /// The endpoint does not answer as it should.
    case failure(String)
    /// It serves, and will not answer this question.
    case refused(String)
    /// There was no room in the line: nobody has been asked, and nothing is known of the endpoint.
    case unasked
  }

  private func end(_ subject: Subject, _ outcome: Outcome) {
    let (wall, now) = (clocks.wall(), clocks.monotonic())
    let waiting = state.withLock { state -> [@Sendable () -> Void] in
      switch outcome {
      case .success(let answer):
        state.noteAnswer(of: subject.endpoint)
        if state.answers.count >= Self.most { Self.makeRoom(&state, at: wall, now) }
        state.answers[subject] = answer
      case .failure:
        var breaker =
          state.breaker(of: subject.endpoint) ?? Breaker(endpoint: subject.endpoint)
        breaker.failures += 1
        if breaker.failures >= Self.failuresInARow { breaker.until = now + Self.breakTime }
        state.breakers[subject.issuer] = breaker
        state.noteFailure(about: subject, at: now)
      case .refused:
        state.noteAnswer(of: subject.endpoint)
        state.noteFailure(about: subject, at: now)
      case .unasked: break
      }
      guard let question = state.questions.removeValue(forKey: subject) else { return [] }
      let asked = state.addresses[question.address, default: 1] - 1
      state.addresses[question.address] = asked > 0 ? asked : nil
      return question.waiting
    }
    switch outcome {
    case .success(let answer):
      metrics.note(answer.claims == nil ? .inactive : .active, of: subject.issuer)
    case .failure(let fault), .refused(let fault):
      metrics.note(.unanswered, of: subject.issuer)
      log?.log(
        .error, "introspection failed",
        ["issuer": .bytes(subject.issuer), "fault": .text(fault)])
    case .unasked: metrics.note(.unasked, of: subject.issuer)
    }
    for done in waiting { done() }
  }

  /// Drops what is stale, and when that is not enough, everything: a cache may forget.
  private static func makeRoom(_ state: inout State, at wall: UnixTime, _ now: MonotonicTime) {
    state.answers = state.answers.filter { $0.value.good(at: wall, now) != nil }
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
