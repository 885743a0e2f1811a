import Bytes
import Testing

@testable import Subscriptions

@Suite struct AckTokenTests {
  @Test(arguments: [0, 1, 127, 128, UInt64.max])
  func tokensSurviveTheirText(value: UInt64) throws {
    let token = AckToken(ledger: value, subscription: value, epoch: 3, entry: value, serial: value)
    #expect(AckToken(parsing: token.text) == token)
    #expect(token.text.count <= AckToken.longestText)
    #expect(token.text.array.allSatisfy { ASCII.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F })
  }

  @Test func mangledTokensAreNoTokens() {
    let text = AckToken(ledger: 1, subscription: 1, epoch: 0, entry: 42, serial: 99).text.array
    for index in text.indices {
      for replacement in [0x41, 0x62, 0x2D, 0x21] as [UInt8] where text[index] != replacement {
        var mangled = text
        mangled[index] = replacement
        #expect(AckToken(parsing: ByteSlice(mangled)) == nil)
      }
      #expect(AckToken(parsing: ByteSlice(text[..<index])) == nil)
    }
    #expect(AckToken(parsing: ByteSlice(text + [0x41])) == nil)
    #expect(AckToken(parsing: ByteSlice(Array(repeating: 0x41, count: 5000))) == nil)
  }
}
