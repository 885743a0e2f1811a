import Bytes
import JSONText
import Testing

@Test func `a small document is read, walked and written`() throws {
  let text = ByteSlice(utf8: #"{"a":[1,2.50,{"b\u0041":null}],"s":"x\n\ud83d\ude00é","t":true} "#)
  let document = try JSONDocument(parsing: text)
  #expect(document.root["a"]?.count == 3)
  #expect(document.root["s"]?.text == "x\n😀é")
  let pointer = try #require(JSONPointer(parsing: ByteSlice(utf8: "/a/2/bA")))
  #expect(document.root.at(pointer)?.kind == .null)
  #expect(
    CanonicalJSON.text(of: document.root).text
      == #"{"a":[1,2.5,{"bA":null}],"s":"x\n😀é","t":true}"#)
}
