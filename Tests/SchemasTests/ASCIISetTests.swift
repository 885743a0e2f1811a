import Bytes
import Testing

@testable import Schemas

/// The sets of the grammars, which are written as constants, against the characters that the RFCs
/// list.
@Suite struct ASCIISetTests {
  private static let subDelimiters = "!$&'()*+,;="

  private func isSet(_ set: ASCIISet, _ characters: String, digits: Bool = true) {
    let letters = digits ? "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" : ""
    let expected = Set((letters + characters).utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(set.contains(byte) == expected.contains(byte), "\(byte)")
    }
  }

  @Test func `constants are the sets that their comments name`() {
    let unreserved = "-._~"
    isSet(URIGrammar.pathAndSlash, unreserved + Self.subDelimiters + ":@/")
    isSet(URIGrammar.queryCharacters, unreserved + Self.subDelimiters + ":@/?")
    isSet(URIGrammar.userInfo, unreserved + Self.subDelimiters + ":")
    isSet(URIGrammar.registeredName, unreserved + Self.subDelimiters)
    isSet(URIGrammar.schemeCharacters, "+-.")
    isSet(TemplateGrammar.literals, "!#$&'()*+,-./:;=?@[]_~")
    isSet(TemplateGrammar.operators, "+#./;?&=,!@|", digits: false)
    isSet(TemplateGrammar.variable, "_")
    isSet(MailGrammar.atomText, "!#$%&'*+-/=?^_`{|}~")
  }

  @Test func `a set of one character names it`() {
    #expect(ASCIISet("_").single == 0x5F)
    #expect(ASCIISet("-").single == ASCII.minus)
    #expect(ASCIISet("ab").single == nil)
    #expect(ASCIISet().single == nil)
  }
}
