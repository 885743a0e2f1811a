public import Authentication
public import Bytes
public import Crypto
public import Metrics

/// What the gateway asks of others about identities: issuers on the network, and where revocations
/// are kept. Made by the executable; safe to call from every loop, none of it blocks.
public struct IdentityServices: Sendable {
  /// What is known of an opaque token.
  public enum Finding: Sendable {
    case answer(IntrospectionAnswer)
    case unknown
    case unavailable
    /// Ask later: so many questions of that address are under way.
    case tooMany(Int)
  }

  /// Whether looking once more may bring an issuer's key of that `kid`.
  public var mayBring: @Sendable (_ keyID: ByteSlice?, _ issuer: ByteSlice) -> Bool = { _, _ in
    false
  }
  /// Looks once more; calls back once, when the look is over.
  public var bring:
    @Sendable (_ keyID: ByteSlice?, _ issuer: ByteSlice, _ done: @escaping @Sendable () -> Void) ->
      Void = { _, _, done in done() }
  /// What is known of a token by its digest; `address` stands for where it comes from.
  public var finding:
    @Sendable (_ digest: Digest, _ issuer: IssuerProfile, _ address: UInt64) -> Finding = {
      _, _, _ in .unavailable
    }
  /// Asks an issuer about a token; calls back once, when there is a finding.
  public var ask:
    @Sendable (
      _ token: ByteSlice, _ digest: Digest, _ issuer: IssuerProfile, _ address: UInt64,
      _ done: @escaping @Sendable () -> Void
    ) -> Void = { _, _, _, _, done in done() }
  /// The issuers on the network, and what is known of them.
  public var issuers: @Sendable () -> [IssuerState] = { [] }
  /// Writes the revocations that operators have added to where they survive a restart, and returns
  /// when they do; false when that failed. Blocks: for a worker.
  public var keepRevocations: @Sendable () -> Bool = { true }
  /// Tells the loops that open streams have to be looked at.
  public var recheckStreams: @Sendable () -> Void = {}
  /// The nonces that proofs of possession must carry, the newest first; empty where none is asked
  /// for.
  public var nonces: @Sendable (_ now: UnixTime) -> [ByteSlice] = { _ in [] }

  public init() {}
}

extension VerifiedToken {
  /// What stands for where it comes from, when it is asked about again: it has been good once, so
  /// it has a place of its own beside those of addresses that may ask about anything.
  var ownPlace: UInt64 { UInt64(bitPattern: Int64(digest.hashValue)) }
}
