import Crypto
import Synchronization

/// Which tokens some loop has accepted lately: a good caller whose connection comes to another loop
/// is not taken for one that guesses, while its address is not listened to. Asked only then, and
/// never to accept a token: who is found here is merely looked at.
///
/// Bounded: a token has one place, chosen by its digest, and the later one takes it. An entry is
/// good for one look, and only acceptance brings it back, so that a token which has been good once
/// buys no more than that. To find a token that fits an entry is to find a digest of which 64 bits
/// are given.
///
/// SAFETY: `@unchecked Sendable` because the pointer is written only in `init` and `deinit`; what
/// it points to are atomics, and every index is masked into bounds.
@safe
final class AcceptedTokens: @unchecked Sendable {
  /// Places of 8 B; a power of two.
  static let capacity = 1 << 16

  private let places: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    unsafe places = .allocate(capacity: Self.capacity)
    for index in 0..<Self.capacity {
      unsafe places.advanced(by: index).initialize(to: Atomic<UInt64>(0))
    }
  }

  deinit {
    unsafe places.deinitialize(count: Self.capacity)
    unsafe places.deallocate()
  }

  func note(_ digest: Digest) {
    unsafe places[Self.place(of: digest)].store(digest.slot, ordering: .relaxed)
  }

  /// Whether the token was accepted; it is forgotten.
  func take(_ digest: Digest) -> Bool {
    unsafe places[Self.place(of: digest)].compareExchange(
      expected: digest.slot, desired: 0, ordering: .relaxed
    ).exchanged
  }

  private static func place(of digest: Digest) -> Int { Int(digest.slot & UInt64(capacity - 1)) }
}
