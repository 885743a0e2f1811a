import Bytes
import Crypto

/// The digests of tokens that a loop has let in lately, found by the tokens' bytes: a comparison
/// costs a tenth of a digest. Says nothing of whether a token still holds.
///
/// Owned by one `TokenCache`. Bounded: 256 places of at most 2 KiB. A token's last bytes, which are
/// those of its signature, choose the place, and the last one to come twice in a row has it: where
/// thousands take turns none is copied. Comparison takes the same time wherever two tokens differ.
struct DigestMemo {
  private struct Entry {
    /// In storage of its own.
    let token: ByteSlice
    let digest: Digest
  }

  private static let places = 256
  /// Longer tokens are digested each time.
  static let longest = 2048

  private var entries: [Entry?] = Array(repeating: nil, count: Self.places)
  /// The last bytes of whoever came to a place last and did not have it.
  private var comers: [UInt64] = Array(repeating: 0, count: Self.places)

  /// The token's digest, if it is remembered.
  func digest(of token: ByteSlice) -> Digest? {
    guard let mark = Self.mark(of: token), let entry = entries[Self.place(of: mark)],
      ConstantTime.equals(entry.token, token)
    else { return nil }
    return entry.digest
  }

  /// A token that is not remembered was found good: the second time in a row it will be.
  mutating func keep(_ digest: Digest, of token: ByteSlice) {
    guard let mark = Self.mark(of: token) else { return }
    let place = Self.place(of: mark)
    guard comers[place] == mark else {
      comers[place] = mark
      return
    }
    entries[place] = Entry(token: ByteSlice(copying: token.span), digest: digest)
  }

  mutating func removeAll() {
    for place in entries.indices {
      entries[place] = nil
      comers[place] = 0
    }
  }

  /// The token's last eight bytes; nil if it is too short or too long to be remembered.
  private static func mark(of token: ByteSlice) -> UInt64? {
    guard token.count >= 8, token.count <= longest else { return nil }
    var word: UInt64 = 0
    for index in (token.count - 8)..<token.count { word = word << 8 | UInt64(token[index]) }
    return word
  }

  private static func place(of mark: UInt64) -> Int {
    // The characters of base64 differ in their lower bits.
    Int((mark &* 0x9E37_79B9_7F4A_7C15) >> 56)
  }
}
