import Authentication
import Bytes
import Metrics
import Synchronization

/// A set of keys, and for how long its server says it is good; or why there is none, in words.
enum LookOutcome {
  case success((KeySet, TimeSpan?))
  case failure(String)
  /// Nobody was asked: too much is being fetched.
  case postponed

  init(_ fault: FetchFault) {
    self = fault == .overloaded ? .postponed : .failure(fault.text)
  }
}

/// What comes of a look.
extension KeyKeeper {
  /// The look at an issuer's keys is over. On the fetching thread.
  func end(_ begun: Watch, _ outcome: LookOutcome) {
    var hasChanged = false
    if case .success((let set, _)) = outcome { hasChanged = begun.profile.keys.replace(by: set) }
    let now = clocks.monotonic()
    let waiting = state.withLock { watches -> [@Sendable () -> Void] in
      guard var watch = watches[begun.profile.id], watch.profile.keys === begun.profile.keys else {
        return []
      }
      watch.isFetching = false
      switch outcome {
      case .success((let set, let maxAge)):
        watch.failures = 0
        watch.fault = nil
        watch.fetched = clocks.wall()
        watch.next = now + Self.pause(maxAge, watch.remote.refresh)
        watch.absent = watch.absent.filter { now < $0.value && !set.holds(keyID: $0.key) }
        for id in watch.sought
        where !set.holds(keyID: id) && watch.absent.count < Self.mostAbsent {
          watch.absent[id] = now + Self.absence
        }
      case .failure(let fault):
        watch.failures += 1
        watch.fault = fault
        watch.next = now + Self.retry(after: watch.failures)
      case .postponed:
        // The issuer has failed nobody, and who looks for a key may do so again.
        watch.next = now + Self.shortRetry
        watch.coolUntil = now
      }
      // It was begun under rules that are not in force any more.
      if watch.remote.rules != begun.remote.rules { watch.next = now }
      watch.sought = []
      let waiting = watch.waiting
      watch.waiting = []
      watches[begun.profile.id] = watch
      return waiting
    }
    note(begun, outcome, hasChanged)
    show()
    if hasChanged { changed() }
    for done in waiting { done() }
  }

  /// Until the next look: what the server says, within bounds.
  static func pause(_ maxAge: TimeSpan?, _ refresh: TimeSpan) -> TimeSpan {
    min(max(maxAge ?? refresh, min(shortest, refresh)), refresh)
  }

  /// Until the next look after so many failures in a row.
  static func retry(after failures: Int) -> TimeSpan {
    let doubled = firstRetry.nanoseconds << Int64(min(failures - 1, 10))
    return min(TimeSpan(nanoseconds: doubled), shortest)
  }

  private func note(_ watch: Watch, _ outcome: LookOutcome, _ hasChanged: Bool) {
    switch outcome {
    case .success((let set, _)):
      guard hasChanged else { return metrics.note(.unchanged, of: watch.profile.id) }
      metrics.note(.changed, of: watch.profile.id)
      log?.log(
        .info, "keys taken",
        ["issuer": .bytes(watch.profile.id), "keys": .integer(set.count)])
    case .failure(let fault):
      metrics.note(.failed, of: watch.profile.id)
      log?.log(
        .error, "keys not fetched, those in use stay",
        [
          "issuer": .bytes(watch.profile.id), "fault": .text(fault),
          "keys": .integer(watch.profile.keys.set?.count ?? 0),
        ])
    case .postponed: metrics.note(.postponed, of: watch.profile.id)
    }
  }

  func show() {
    let rows = state.withLock { watches in
      watches.values.map { watch in
        IssuerState(
          id: watch.profile.id, keys: watch.profile.keys.set?.count ?? 0, fetched: watch.fetched,
          fault: watch.fault)
      }
    }
    metrics.show(rows.sorted { $0.id.text < $1.id.text })
  }
}
