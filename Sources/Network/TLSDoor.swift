public import Crypto
import Synchronization

/// What a TLS listener shows to its next connections; the one before serves those that have begun
/// with it. Any thread may replace it.
public final class TLSDoor: Sendable {
  private let current: Mutex<TLSServer>

  public init(_ server: TLSServer) { current = Mutex(server) }

  /// From now on new connections meet this one.
  public func replace(by server: TLSServer) { current.withLock { $0 = server } }

  func accept() -> TLSSession? { current.withLock { $0 }.accept() }
}
