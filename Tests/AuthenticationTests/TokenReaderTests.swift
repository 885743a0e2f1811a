import Bytes
import Crypto
import TestSupport
import Testing

@testable import Authentication

@Suite struct `Headers that are known` {
  private let issuer = TestIssuer()
  private let verifier: TokenVerifier

  init() throws { verifier = try issuer.verifier() }

  private func header(_ token: ByteSlice) -> ByteSlice {
    token.prefix(token.firstIndex(of: ASCII.dot) ?? 0)
  }

  private func refusal(_ token: ByteSlice, _ reader: TokenReader) -> TokenRefusal? {
    do throws(TokenRefusal) {
      _ = try verifier.verify(token, at: TestIssuer.now, by: reader)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a header is kept with the first token whose signature is good`() throws {
    let reader = TokenReader()
    let token = try issuer.token()
    let forged = ByteSlice(token.array.dropLast(8) + [UInt8](repeating: 0x41, count: 8))
    #expect(refusal(forged, reader) == .signature)
    #expect(reader.header(of: header(token)) == nil)
    #expect(refusal(token, reader) == nil)
    let known = try #require(reader.header(of: header(token)))
    #expect(known.algorithm == .es256 && known.keyID?.text == TestIssuer.keyID(.es256))
    #expect(known.type?.text == "at+jwt")
    // Known or not, nothing but the header is taken on trust.
    #expect(refusal(forged, reader) == .signature)
    #expect(refusal(try issuer.token(["sub": "bob"]), reader) == nil)
    #expect(refusal(try issuer.token(["aud": "x"]), reader) == .audience)
    #expect(refusal(try issuer.token(header: ["kid": "other"]), reader) == .key)
    #expect(refusal(try issuer.token(header: ["crit": ["x"]]), reader) == .extensionMember(.crit))
  }

  @Test func `as many are kept as have a place, and none that is long or brings a key`() throws {
    let reader = TokenReader()
    var texts: [ByteSlice] = []
    for number in 0..<20 {
      let token = try issuer.token(header: ["x": number])
      #expect(refusal(token, reader) == nil)
      texts.append(header(token))
    }
    #expect(texts.filter { reader.header(of: $0) != nil } == Array(texts.suffix(8)))
    for more in [
      ["x": String(repeating: "a", count: 600)], ["jwk": ["kty": "EC"]],
    ] as [[String: Any]] {
      let token = try issuer.token(header: more)
      #expect(refusal(token, reader) == nil)
      #expect(reader.header(of: header(token)) == nil)
    }
  }

  @Test func `every algorithm verifies with a header that is known`() throws {
    let reader = TokenReader()
    for _ in 0..<2 {
      for algorithm in TestIssuer.publicAlgorithms {
        #expect(refusal(try issuer.token(algorithm: algorithm), reader) == nil)
      }
    }
  }
}
