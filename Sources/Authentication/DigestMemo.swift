import Bytes
import Crypto

/// The digests of tokens that a loop has let in lately, found by the tokens' bytes: a comparison
/// costs a tenth of a digest. Says nothing of whether a token still holds.
///
/// Owned by one `TokenCache`. Bounded: 256 places of at most 2 KiB. A token's last bytes, which are
/// those of its signature, choose the place, and the last one to come has it. Comparison takes the
/// same time wherever two tokens differ.
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

  /// The token's digest, if it is remembered.
  func digest(of token: ByteSlice) -> Digest? {
    guard let place = Self.place(of: token), let entry = entries[place],
      ConstantTime.equals(entry.token, token)
    else { return nil }
    return entry.digest
  }

  /// Remembers the digest of a token that was found good.
  mutating func keep(_ digest: Digest, of token: ByteSlice) {
    guard let place = Self.place(of: token) else { return }
    entries[place] = Entry(token: ByteSlice(copying: token.span), digest: digest)
  }

  mutating func removeAll() {
    for place in entries.indices { entries[place] = nil }
  }

  private static func place(of token: ByteSlice) -> Int? {
    guard token.count >= 8, token.count <= longest else { return nil }
    var word: UInt64 = 0
    for index in (token.count - 8)..<token.count { word = word << 8 | UInt64(token[index]) }
    // The characters of base64 differ in their lower bits.
    return Int((word &* 0x9E37_79B9_7F4A_7C15) >> 56)
  }
}
