import Authentication
import Bytes
import Crypto
import TestSupport
import Testing

/// Tokens that are properly signed but say anything at all: the signer's mistakes must not hurt us.
@Suite struct `Signed nonsense` {
  /// SplitMix64: small, and the same on every machine for one seed.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 31
    }
  }

  static let pieces = [
    "{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "1e400", "1e-400", "0.1",
    "9007199254740993",
    "\"iss\"", "\"aud\"", "\"exp\"", "\"event-gateway\"", "\"\\u0000\"", "\"\\ud83d\"", "\u{FEFF}",
    " ",
    "\"cnf\":{},", "\"exp\":1777867321,", "\"nbf\":null,",
  ]

  @Test(arguments: [UInt64(1), 2, 3, UInt64.random(in: 4...UInt64.max)])
  func `altered claims and headers are refused or accepted, never fatal`(seed: UInt64) throws {
    var random = Generator(state: seed)
    let issuer = TestIssuer()
    let verifier = try TokenVerifier(issuers: [try issuer.secretProfile()])
    let header = #"{"alg":"HS256","kid":"test-HS256"}"#
    let claims =
      #"{"iss":"https://issuer.example","aud":["event-gateway"],"exp":1777867321,"sub":"a"}"#
    #expect(refusal(try sign(issuer, header, claims), verifier) == nil)
    var accepted = 0
    for _ in 0..<2000 {
      var texts = [Array(header.utf8), Array(claims.utf8)]
      let which = Int.random(in: 0...9, using: &random) == 0 ? 0 : 1
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let start = Int.random(in: 0...texts[which].count, using: &random)
        let end = min(texts[which].count, start + Int.random(in: 0...6, using: &random))
        let piece = Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)]
        texts[which].replaceSubrange(start..<end, with: Array(piece.utf8))
      }
      let token = try TestIssuer.minter(.hs256).mint(
        header: ByteSlice(texts[0]), claims: ByteSlice(texts[1]))
      if let verified = try? verifier.verify(token, at: TestIssuer.now) {
        accepted += 1
        #expect(verified.issuer.text == issuer.iss, "seed \(seed)")
        #expect(verified.expires > TestIssuer.now - .seconds(30), "seed \(seed)")
      }
    }
    #expect(accepted < 1000, "seed \(seed)")
  }

  func sign(_ issuer: TestIssuer, _ header: String, _ claims: String) throws -> ByteSlice {
    try issuer.token(headerText: header, claimsText: claims, algorithm: .hs256)
  }
}
