public import Bytes
import Synchronization

/// What is known of an issuer whose keys come from the network.
public struct IssuerState: Sendable, Equatable {
  public let id: ByteSlice
  /// Keys in use.
  public let keys: Int
  /// When they were last fetched; nil until they have been once.
  public let fetched: UnixTime?
  /// Why the last look has failed; nil after a good one.
  public let fault: String?

  public init(id: ByteSlice, keys: Int, fetched: UnixTime?, fault: String?) {
    self.id = id
    self.keys = keys
    self.fetched = fetched
    self.fault = fault
  }
}

/// What became of asking an issuer.
public enum IssuerEvent: Int, CaseIterable, Sendable {
  /// Looks that found other keys, the same keys, or none because of a fault.
  case changed, unchanged, failed
  /// Looks that were put off, because too much was being fetched.
  case postponed
  /// Tokens of an unknown key for which nobody looked once more.
  case suppressed
  /// Introspections of tokens that are active, that are not, and without an answer.
  case active, inactive, unanswered
  /// Tokens about which nobody was asked, because too much was being asked.
  case unasked
}

/// Key sets from the network, and questions about opaque tokens. The fetching thread counts, and
/// loops what they do not ask; both seldom, under a lock.
public final class IssuerMetrics: Sendable {
  private struct State {
    var rows: [IssuerState] = []
    var counts: [ByteSlice: [UInt64]] = [:]
  }

  private let state = Mutex(State())

  public init() {}

  /// The issuers that are on the network from now on: the others are not shown any more.
  public func configure(_ ids: [ByteSlice]) {
    state.withLock { state in
      var counts: [ByteSlice: [UInt64]] = [:]
      for id in ids { counts[id] = state.counts[id] ?? Self.none }
      state.counts = counts
    }
  }

  /// Counts for an issuer; nothing for one that is not configured.
  public func note(_ event: IssuerEvent, of issuer: ByteSlice) {
    state.withLock { $0.counts[issuer]?[event.rawValue] += 1 }
  }

  /// How often it was so, with any of the issuers.
  public func count(of event: IssuerEvent) -> UInt64 {
    state.withLock { state in state.counts.values.reduce(0) { $0 + $1[event.rawValue] } }
  }

  /// The same for each issuer, by id.
  var counts: [(id: ByteSlice, counts: [UInt64])] {
    state.withLock { state in state.counts.map { ($0.key, $0.value) } }
      .sorted { $0.0.text < $1.0.text }
  }

  /// The issuers whose keys come from the network, by id.
  public var states: [IssuerState] { state.withLock { $0.rows } }

  /// What is known of them now.
  public func show(_ states: [IssuerState]) { state.withLock { $0.rows = states } }

  private static let none = [UInt64](repeating: 0, count: IssuerEvent.allCases.count)
}
