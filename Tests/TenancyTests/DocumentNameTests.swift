import Bytes
import Tenancy
import Testing

@Suite struct DocumentNameTests {
  @Test(arguments: [
    "a", "common/address", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "v1.2_x-y", "referencedby/a",
  ])
  func `names joined by slashes are a name`(text: String) {
    #expect(DocumentName(ByteSlice(utf8: text))?.text == text)
    #expect(DocumentName(path: ByteSlice(utf8: text))?.text == text)
  }

  @Test(arguments: [
    "", "/", "a/", "/a", "a//b", "a/./b", "a/../b", "..", "a b", "a/\u{e9}", "a/_b",
    "a/referencedby", "referencedby", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
    String(repeating: "a", count: 129),
    String(repeating: "abcdefg/", count: 65) + "a",
  ])
  func `anything else is none`(text: String) {
    #expect(DocumentName(ByteSlice(utf8: text)) == nil)
    #expect(DocumentName(path: ByteSlice(utf8: text)) == nil)
  }

  @Test(
    arguments: [
      ("com%6Don/%61ddress", "common/address"), ("a%2Eb", "a.b"), ("a%2Fb", nil), ("a%252Fb", nil),
      ("%2e%2e/a", nil), ("a%", nil), ("a%4", nil), ("a%GG", nil), ("a/%72eferencedby", nil),
      ("a%00", nil),
    ] as [(String, String?)])
  func `a path is decoded once, part by part`(path: String, name: String?) {
    #expect(DocumentName(path: ByteSlice(utf8: path))?.text == name)
  }

  @Test func `names are in byte order`() {
    let names = ["a", "a/b", "a-b", "B", "b"].compactMap { DocumentName(ByteSlice(utf8: $0)) }
    #expect(names.sorted().map(\.text) == ["B", "a", "a-b", "a/b", "b"])
  }
}
