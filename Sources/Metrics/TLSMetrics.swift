public import Bytes
import Synchronization

/// TLS: handshakes, and the certificates in use. `Network` counts handshakes, the shell the rest.
public final class TLSMetrics: Sendable {
  public let full = Counter()
  public let resumed = Counter()
  public let failed = Counter()
  public let timedOut = Counter()
  /// Unfinished handshakes ended to make room.
  public let shed = Counter()
  public let reloads = Counter()
  public let failedReloads = Counter()
  private let ends = Mutex<[(certificate: ByteSlice, end: UnixTime)]>([])

  public init() {}

  /// When each certificate in use ends, by its file's name.
  public var expiries: [(certificate: ByteSlice, end: UnixTime)] { ends.withLock { $0 } }

  /// Other certificates are in use from now on.
  public func use(_ certificates: [(certificate: ByteSlice, end: UnixTime)]) {
    ends.withLock { $0 = certificates }
  }
}
