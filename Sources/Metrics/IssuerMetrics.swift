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

/// Key sets from the network, and questions about opaque tokens. The fetching thread counts.
public final class IssuerMetrics: Sendable {
  /// Looks that found other keys, the same keys, or none because of a fault.
  public let changed = Counter()
  public let unchanged = Counter()
  public let failed = Counter()
  /// Tokens of an unknown key for which nobody looked once more.
  public let suppressed = Counter()
  /// Introspections of tokens that are active, that are not, and without an answer.
  public let active = Counter()
  public let inactive = Counter()
  public let unanswered = Counter()
  private let rows = Mutex<[IssuerState]>([])

  public init() {}

  /// The issuers whose keys come from the network, by id.
  public var states: [IssuerState] { rows.withLock { $0 } }

  /// What is known of them now.
  public func show(_ states: [IssuerState]) { rows.withLock { $0 = states } }
}
