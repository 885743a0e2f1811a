public import Authentication
public import Bytes
import Crypto
import JSONText
public import Metrics
import Synchronization

/// Keeps the keys of issuers that publish them on the network: fetches them, looks again in time,
/// and once more when a token names a key that is not there. Shared; `tick` runs on the fetching
/// thread.
///
/// Whatever goes wrong, the last good set stays in use.
public final class KeyKeeper: Sendable {
  /// Between two looks that unknown keys have caused, so that a flood of them fetches nothing.
  public static let coolDown = TimeSpan.seconds(30)
  /// How long a `kid` that a fresh set did not hold counts as unknown without another look.
  public static let absence = TimeSpan.seconds(60)
  /// Of those, per issuer.
  public static let mostAbsent = 256
  /// Requests that wait for one look; more are answered at once.
  public static let mostWaiting = 1_000
  /// A set is not looked at more often than this because its server says so.
  static let shortest = TimeSpan.seconds(300)
  /// After a look that this process had no room for.
  static let shortRetry = TimeSpan.seconds(1)
  /// After a failure: the first pause, which doubles up to `shortest`.
  static let firstRetry = TimeSpan.seconds(5)

  struct Watch: Sendable {
    private(set) var profile: IssuerProfile
    private(set) var remote: RemoteKeys
    var isFetching = false
    var next: MonotonicTime
    var failures = 0
    /// Why the last look has failed; nil after a good one.
    var fault: String?
    var fetched: UnixTime?
    /// No look for an unknown key before this.
    var coolUntil: MonotonicTime
    var absent: [ByteSlice: MonotonicTime] = [:]
    /// Of a `kid` that is looked for now, and who waits for the end.
    var sought: Set<ByteSlice> = []
    var waiting: [@Sendable () -> Void] = []

    init(_ profile: IssuerProfile, _ remote: RemoteKeys, at now: MonotonicTime) {
      self.profile = profile
      self.remote = remote
      next = now
      coolUntil = now
    }

    /// Goes on for the same keys under other terms. By whose leave they are fetched is tried out at
    /// once; until that has brought a set, the one at hand is used.
    mutating func take(_ profile: IssuerProfile, _ remote: RemoteKeys, at now: MonotonicTime) {
      next = remote.rules == self.remote.rules ? min(next, now + remote.refresh) : now
      self.profile = profile
      self.remote = remote
    }
  }

  let state = Mutex<[ByteSlice: Watch]>([:])
  let thread: FetchThread
  let clocks: Clocks
  let metrics: IssuerMetrics
  let log: LogWriter?
  /// Called on the fetching thread after an issuer's keys have changed.
  let changed: @Sendable () -> Void
  /// Resolves the path of a file with authorities.
  private let resolve: @Sendable (FetchRules) -> FetchRules

  public init(
    _ thread: FetchThread, clocks: Clocks, metrics: IssuerMetrics, log: LogWriter? = nil,
    resolve: @escaping @Sendable (FetchRules) -> FetchRules = { $0 },
    changed: @escaping @Sendable () -> Void = {}
  ) {
    self.thread = thread
    self.clocks = clocks
    self.metrics = metrics
    self.log = log
    self.resolve = resolve
    self.changed = changed
  }

  // MARK: - What the configuration says

  /// The profile with the keys that are held already for the same issuer, algorithms and place; as
  /// it is when there are none.
  public func carryingOver(_ profile: IssuerProfile) -> IssuerProfile {
    state.withLock { watches in
      guard let watch = watches[profile.id], Self.isSame(watch.profile, profile) else {
        return profile
      }
      return profile.keeping(watch.profile.keys)
    }
  }

  /// From now on keeps the keys of these issuers, as far as they come from the network, and of no
  /// others.
  public func keep(_ profiles: [IssuerProfile]) {
    let now = clocks.monotonic()
    let waiting = state.withLock { watches -> [@Sendable () -> Void] in
      var kept: [ByteSlice: Watch] = [:]
      for profile in profiles {
        guard case .remote(let remote) = profile.source else { continue }
        if var watch = watches[profile.id], Self.isSame(watch.profile, profile),
          watch.profile.keys === profile.keys
        {
          watch.take(profile, remote, at: now)
          kept[profile.id] = watch
        } else {
          kept[profile.id] = Watch(profile, remote, at: now)
        }
      }
      let gone = watches.values.filter { kept[$0.profile.id]?.profile.keys !== $0.profile.keys }
      watches = kept
      return gone.flatMap { $0.waiting }
    }
    show()
    // Without the lock: who is told may ask for the next thing at once.
    for done in waiting { done() }
  }

  /// Whether the keys of one are the other's: they come from the same place and are read alike. How
  /// often they are looked at, and how they are reached, makes them no others.
  private static func isSame(_ left: IssuerProfile, _ right: IssuerProfile) -> Bool {
    guard case .remote(let mine) = left.source, case .remote(let theirs) = right.source else {
      return false
    }
    return left.issuer == right.issuer && left.trustDomain == right.trustDomain
      && mine.location == theirs.location && left.algorithms == right.algorithms
  }

  /// Whether all keys that are needed to serve have been fetched once: the ids of the issuers whose
  /// keys are missing.
  public var missing: [ByteSlice] {
    state.withLock { watches in
      watches.values.filter { !$0.remote.isLazy && $0.profile.keys.set == nil }
        .map(\.profile.id).sorted { $0.text < $1.text }
    }
  }

  // MARK: - Looks

  /// Begins the looks that are due. On the fetching thread.
  public func tick() {
    let now = clocks.monotonic()
    let due = state.withLock { watches in
      var due: [Watch] = []
      for (id, watch) in watches where !watch.isFetching && watch.next <= now {
        watches[id]?.isFetching = true
        due.append(watch)
      }
      return due
    }
    for watch in due { begin(watch) }
  }

  /// Whether one more look may bring the key of that `kid`: not while it is known to be absent, nor
  /// before the cool-down is over.
  public func mayBring(_ keyID: ByteSlice?, of issuer: ByteSlice) -> Bool {
    let now = clocks.monotonic()
    let isWorthIt = state.withLock { watches in
      guard let watch = watches[issuer], watch.waiting.count < Self.mostWaiting else {
        return false
      }
      if let keyID, let until = watch.absent[keyID], now < until { return false }
      return watch.isFetching || now >= watch.coolUntil
    }
    if !isWorthIt { metrics.note(.suppressed, of: issuer) }
    return isWorthIt
  }

  /// Looks once more for a key, or joins the look that is under way; `done` is called once, when
  /// the look is over.
  public func bring(
    _ keyID: ByteSlice?, of issuer: ByteSlice, _ done: @escaping @Sendable () -> Void
  ) {
    let now = clocks.monotonic()
    let (begins, waits): (Watch?, Bool) = state.withLock { watches in
      guard var watch = watches[issuer], watch.waiting.count < Self.mostWaiting,
        watch.isFetching || now >= watch.coolUntil
      else { return (nil, false) }
      if let keyID, watch.sought.count < Self.mostAbsent {
        watch.sought.insert(ByteSlice(copying: keyID.span))
      }
      watch.waiting.append(done)
      let begins = !watch.isFetching
      watch.isFetching = true
      if begins { watch.coolUntil = now + Self.coolDown }
      watches[issuer] = watch
      return (begins ? watch : nil, true)
    }
    if !waits { done() }
    if let begins { begin(begins) }
  }

  private func begin(_ watch: Watch) {
    let rules = resolve(watch.remote.rules)
    switch watch.remote.location {
    case .url(let url): fetchSet(url, rules, watch)
    case .discovery(let url):
      thread.fetch(Fetch(url: url, rules: rules)) { [self] result in
        switch result {
        case .failure(let fault): end(watch, LookOutcome(fault))
        case .success(let document):
          do throws(DiscoveryFault) {
            let found = try Discovery(parsing: document.body, for: watch.profile.issuer)
            fetchSet(found.keySet, rules, watch)
          } catch {
            end(watch, .failure(error.text))
          }
        }
      }
    }
  }

  private func fetchSet(_ url: ByteSlice, _ rules: FetchRules, _ watch: Watch) {
    thread.fetch(
      Fetch(url: url, rules: rules, accept: "application/jwk-set+json, application/json")
    ) { [self] result in
      switch result {
      case .failure(let fault): end(watch, LookOutcome(fault))
      case .success(let document):
        do throws(KeySetFault) {
          let set = try KeySet(
            parsing: document.body, algorithms: watch.profile.algorithms,
            ofBundle: watch.profile.trustDomain != nil)
          end(watch, .success((set, document.maxAge)))
        } catch {
          end(watch, .failure(error.text))
        }
      }
    }
  }
}
