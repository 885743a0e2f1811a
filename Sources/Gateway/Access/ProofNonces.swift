public import Bytes
public import Crypto

/// Nonces for proofs of possession (RFC 9449 §9): made from the time and a secret, so that none has
/// to be remembered. One is offered for five minutes and taken for ten.
public struct ProofNonces: Sendable {
  public static let period = TimeSpan.seconds(300)

  private let secret: SecretKey

  /// - Parameter secret: 32 unpredictable bytes, of this process alone.
  public init(secret: ByteSlice) throws(KeyFault) {
    self.secret = try SecretKey(secret, for: .hs256)
  }

  /// The nonce that is offered at `now`, and the one before it, which is still taken.
  public func current(at now: UnixTime) -> [ByteSlice] {
    let number = now.seconds / (Self.period.nanoseconds / 1_000_000_000)
    return [number, number - 1].compactMap { number in
      var message = ByteWriter(capacity: 8)
      message.append(bigEndian: UInt64(bitPattern: number))
      return secret.code(over: message.slice).map { code in
        ByteSlice(utf8: Base64.encode(code.prefix(18), as: .url))
      }
    }
  }
}
