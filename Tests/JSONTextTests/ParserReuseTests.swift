import Bytes
import JSONText
import Testing

@Suite struct `A parser used again and again` {
  @Test func `documents kept from earlier texts stay as they were`() throws {
    let parser = JSONParser()
    var kept: [(document: JSONDocument, canonical: String)] = []
    for round in 0..<200 {
      let text =
        "{\"round\":\(round),\"list\":[" + (0...round).map(String.init).joined(separator: ",")
        + "]}"
      try parser.parse(ByteSlice(utf8: text))
      if round % 3 == 0 {
        kept.append((parser.document, CanonicalJSON.text(of: parser.root).text))
      }
      if round % 5 == 0 {
        #expect(throws: JSONFault.self) { try parser.parse(ByteSlice(utf8: "[1,2,{\"a\":")) }
        #expect(parser.tokens.count == 0)
        #expect(parser.source.isEmpty)
      }
      for (document, canonical) in kept {
        #expect(CanonicalJSON.text(of: document.root).text == canonical)
      }
    }
  }

  @Test func `the same tape serves while nobody holds it`() throws {
    let parser = JSONParser()
    let text = ByteSlice(utf8: rich)
    try parser.parse(text)
    let first = ObjectIdentifier(parser.tokens)
    for _ in 0..<50 {
      try parser.parse(text)
      #expect(ObjectIdentifier(parser.tokens) == first)
    }
    let document = parser.document
    try parser.parse(ByteSlice(utf8: "1"))
    #expect(ObjectIdentifier(parser.tokens) != first)
    #expect(document.root["t"]?.bool == true)
  }

  @Test func `a huge text does not change how the next one is read`() throws {
    let parser = JSONParser()
    let huge = "[" + String(repeating: "{\"a\":1,\"b\":2},", count: 60_000) + "0]"
    try parser.parse(ByteSlice(utf8: huge))
    #expect(parser.tokens.count == 60_000 * 5 + 2)
    try parser.parse(ByteSlice(utf8: rich))
    #expect(parser.root["n"]?.count == 3)
  }

  @Test func `extents step over subtrees`() throws {
    let document = try JSONDocument(parsing: ByteSlice(utf8: #"{"a":[1,[2,3],{}],"b":{"c":"d"}}"#))
    let tokens = (0..<document.tokens.count).map { document.tokens[$0] }
    #expect(tokens.map(\.extent) == [12, 1, 6, 1, 3, 1, 1, 1, 1, 3, 1, 1])
    #expect(
      tokens.map(\.kind) == [
        .object, .string, .array, .number, .array, .number, .number, .object, .string, .object,
        .string, .string,
      ])
    #expect(document.source[tokens[4].range].equals("[2,3]"))
    #expect(document.tokens.span.count == 12)
  }
}
