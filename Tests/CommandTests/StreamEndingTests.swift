import Bytes
import Gateway
import Testing

@testable import jodrell

@Suite("How a stream ends") struct StreamEndingTests {
  @Test(
    "it is opened again where waiting or another token mends that, and nowhere else",
    arguments: [
      (.overloaded, true, true), (.authUnavailable, true, true), (.grantsChanged, true, true),
      (.invalidToken, false, true), (.forbidden, false, false), (.invalidTicket, false, false),
      (.notFound, false, false), (.dataCorrupt, false, false), (.internalError, false, false),
    ] as [(ProblemCode, Bool, Bool)])
  func passes(_ code: ProblemCode, alone: Bool, renewed: Bool) {
    let ending = StreamEnding(
      ByteSlice(utf8: "{\"code\":\"\(code.rawValue)\",\"retryable\":\(code.isRetryable)}"))
    #expect(ending.passes(canRenew: false) == alone)
    #expect(ending.passes(canRenew: true) == renewed)
    #expect(ending.reason == code.rawValue)
  }

  @Test("a document that says nothing is no reason to come back")
  func nothing() {
    for text in ["", "{", "[]", "{}"] {
      let ending = StreamEnding(ByteSlice(utf8: text))
      #expect(!ending.passes(canRenew: true))
      #expect(ending.reason == "the gateway does not say why")
    }
  }

  @Test("a fault that ends tail tells where to go on, once that is known")
  func fault() {
    let fault = CommandFault(.failed, "lost")
    let early = TailCommand.ended(by: fault, behind: .empty)
    #expect(early.code == .failed && early.message == "lost")
    let late = TailCommand.ended(by: fault, behind: ByteSlice(utf8: "1:7"))
    #expect(late.code == .failed && late.message == "lost; the last position was 1:7")
  }

  @Test("a token that cannot be made any more is no mistake of the command line")
  func token() {
    let fault = CommandFault.usage("no token")
    #expect(TailCommand.ended(by: fault, behind: .empty).code == .usage)
    let late = TailCommand.ended(by: fault, behind: ByteSlice(utf8: "1:7"), hasFollowed: true)
    #expect(late.code == .failed && late.message == "no token; the last position was 1:7")
    let quiet = TailCommand.ended(by: fault, behind: .empty, hasFollowed: true)
    #expect(quiet.code == .failed && quiet.message == "no token; no event was shown")
  }
}
