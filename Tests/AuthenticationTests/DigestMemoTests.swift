import Bytes
import Crypto
import Testing

@testable import Authentication

@Suite struct DigestMemoTests {
  private static let digests = (0..<3).map { Digest.sha256(ByteSlice([UInt8($0)])) }
  /// Tokens of one place: they have their last bytes in common.
  private static let tokens = ["first", "second", "other"].map {
    ByteSlice(utf8: "header.\($0).signature")
  }

  @Test func `a token is remembered when it comes twice in a row`() {
    var memo = DigestMemo()
    memo.keep(Self.digests[0], of: Self.tokens[0])
    #expect(memo.digest(of: Self.tokens[0]) == nil)
    memo.keep(Self.digests[0], of: Self.tokens[0])
    #expect(memo.digest(of: Self.tokens[0]) == Self.digests[0])
    // The same place and the same last bytes are another token all the same.
    #expect(memo.digest(of: Self.tokens[1]) == nil)
    memo.removeAll()
    #expect(memo.digest(of: Self.tokens[0]) == nil)
    memo.keep(Self.digests[0], of: Self.tokens[0])
    #expect(memo.digest(of: Self.tokens[0]) == nil)
  }

  @Test func `thousands that take turns leave what is remembered alone`() {
    var memo = DigestMemo()
    let steady = ByteSlice(utf8: "header.steady.signature")
    memo.keep(Self.digests[0], of: steady)
    memo.keep(Self.digests[0], of: steady)
    for round in 0..<3 {
      for number in 0..<4_000 {
        let token = ByteSlice(utf8: "header.claims.\(10_000 + number)\(number % 7)\(number % 11)")
        #expect(memo.digest(of: token) == nil, "\(round), \(number)")
        memo.keep(Self.digests[1], of: token)
      }
    }
    #expect(memo.digest(of: steady) == Self.digests[0])
  }

  @Test(arguments: [7, 8, DigestMemo.longest, DigestMemo.longest + 1])
  func `what is too short or too long is digested each time`(length: Int) {
    var memo = DigestMemo()
    let token = ByteSlice([UInt8](repeating: 0x61, count: length))
    for _ in 0..<2 { memo.keep(Self.digests[2], of: token) }
    #expect((memo.digest(of: token) != nil) == (8...DigestMemo.longest).contains(length))
  }
}
