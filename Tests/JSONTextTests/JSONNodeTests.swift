import Bytes
import JSONText
import Testing

@Suite struct `Nodes and pointers` {
  /// The example of RFC 6901 §5.
  static let example = #"""
    {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}
    """#

  @Test(arguments: [
    ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/foo/1", #""baz""#), ("/", "0"),
    ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"), ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"),
    ("/ ", "7"), ("/m~0n", "8"),
  ])
  func `the examples of RFC 6901 lead to their values`(pointer: String, raw: String) throws {
    let root = try JSONDocument(parsing: ByteSlice(utf8: Self.example)).root
    let parsed = try #require(JSONPointer(parsing: ByteSlice(utf8: pointer)))
    #expect(root.at(parsed)?.raw.text == raw)
    #expect(parsed.text == pointer)
  }

  @Test(arguments: [
    "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/-1", "/foo/+1", "/foo/0/0", "/foo/1e0", "/foo/",
    "/fo", "/fooo", "/foo/99999999999999999999", "//", "/a/b",
  ])
  func `pointers to nowhere lead nowhere`(pointer: String) throws {
    let root = try JSONDocument(parsing: ByteSlice(utf8: Self.example)).root
    let parsed = try #require(JSONPointer(parsing: ByteSlice(utf8: pointer)))
    #expect(root.at(parsed) == nil)
  }

  @Test(arguments: ["foo", "#/foo", "/~", "/~2", "/a~", "/~01~", " /a"])
  func `what is no pointer is none`(text: String) {
    #expect(JSONPointer(parsing: ByteSlice(utf8: text)) == nil)
  }

  @Test func `~01 is ~1, not a slash`() throws {
    let pointer = try #require(JSONPointer(parsing: ByteSlice(utf8: "/~01")))
    #expect(pointer.tokens[0].equals("~1"))
    #expect(JSONPointer.root.text == "")
    #expect(JSONPointer.root.appending(ByteSlice(utf8: "a/b~")).appending(3).text == "/a~1b~0/3")
  }

  @Test func `values have their kinds and nothing else`() throws {
    let text = #"{"s":"a\tb","n":1.0,"f":1.5,"t":true,"x":null,"a":[1,2],"o":{}}"#
    let root = try JSONDocument(parsing: ByteSlice(utf8: text)).root
    #expect(root["s"]?.text == "a\tb")
    #expect(root["s"]?.raw.text == #""a\tb""#)
    #expect(root["s"]?.integer == nil)
    #expect(root["n"]?.integer == 1)
    #expect(root["f"]?.integer == nil)
    #expect(root["f"]?.number?.asDouble == 1.5)
    #expect(root["t"]?.bool == true)
    #expect(root["t"]?.number == nil)
    #expect(root["x"]?.isNull == true)
    #expect(root["x"]?.bool == nil)
    #expect(root["a"]?.count == 2)
    #expect(root["a"]?["s"] == nil)
    #expect(root["o"]?.count == 0)
    #expect(root["nothing"] == nil)
    #expect(root.count == 7)
    #expect(root.members.map(\.key.text) == ["s", "n", "f", "t", "x", "a", "o"])
    #expect(root["a"]?.elements.compactMap(\.integer) == [1, 2])
    #expect(root["s"]?.elements.map(\.index) == [])
    #expect(root["a"]?.offset == 50)
    #expect(root["s"]?.offset == 5)
  }

  @Test func `escaped names are found by their value`() throws {
    let root = try JSONDocument(parsing: ByteSlice(utf8: #"{"\u0061\/":1,"b":2}"#)).root
    #expect(root["a/"]?.integer == 1)
    #expect(root[ByteSlice(utf8: "a/")]?.integer == 1)
    #expect(root[String("b")]?.integer == 2)
    #expect(root[#"\u0061\/"#] == nil)
  }

  @Test func `every escape has its value`() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\ud83d\ude00 plain é€😀""#
    let root = try JSONDocument(parsing: ByteSlice(utf8: text)).root
    #expect(root.text == "\"\\/\u{8}\u{C}\n\r\t\u{0}é€😀 plain é€😀")
  }
}

@Suite struct `Writing` {
  @Test func `commas stand where they must`() throws {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("a")
    writer.beginArray()
    writer.integer(1)
    writer.integer(-2)
    writer.beginObject()
    writer.endObject()
    writer.beginArray()
    writer.endArray()
    writer.null()
    writer.bool(true)
    writer.bool(false)
    writer.endArray()
    writer.key(ByteSlice(utf8: "b\"\n"))
    writer.string(ByteSlice(utf8: "x\\"))
    writer.key(String("c"))
    writer.raw(ByteSlice(utf8: "{ }"))
    writer.key("d")
    writer.number(1.5)
    writer.key("e")
    writer.base64(ByteSlice(utf8: "hello"))
    writer.key("f")
    writer.instant(UnixTime(seconds: 0))
    writer.key("g")
    writer.integer(UInt64.max)
    writer.endObject()
    let expected =
      #"{"a":[1,-2,{},[],null,true,false],"b\"\n":"x\\","c":{ },"d":1.5,"e":"aGVsbG8=","#
      + #""f":"1970-01-01T00:00:00.000Z","g":18446744073709551615}"#
    #expect(writer.slice.text == expected)
    _ = try JSONDocument(parsing: writer.slice)
    writer.startOver()
    writer.string("next")
    #expect(writer.slice.text == "\"next\"")
  }

  @Test(arguments: [
    (0.0, "0"), (1, "1"), (-1, "-1"), (1.5, "1.5"), (0.001, "0.001"), (0.0004, "0"),
    (0.0005, "0.001"),
    (-0.25, "-0.25"), (1234.5678, "1234.568"), (0.1 + 0.2, "0.3"), (99.9999, "100"), (1.05, "1.05"),
    (1.005, "1.005"), (.nan, "null"), (.infinity, "null"), (1e300, "null"), (-0.0004, "0"),
  ])
  func `doubles have three decimals`(value: Double, text: String) {
    var writer = JSONWriter()
    writer.number(value)
    #expect(writer.slice.text == text)
  }

  @Test func `any bytes become a valid string, text comes back unchanged`() throws {
    var random = Random(seed: 5)
    for round in 0..<3_000 {
      let bytes = (0..<random.below(24)).map { _ in
        let choices: [UInt8] = [0x22, 0x5C, 0x0A, 0x00, 0x61, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xFF]
        return round % 2 == 0
          ? choices[random.below(choices.count)] : UInt8(truncatingIfNeeded: random.next())
      }
      var writer = JSONWriter()
      writer.string(ByteSlice(bytes))
      let value = try #require(try JSONDocument(parsing: writer.slice).root.string)
      if String(validating: bytes, as: UTF8.self) != nil {
        #expect(value.array == bytes)
      } else {
        #expect(value.text.unicodeScalars.contains("\u{FFFD}"))
      }
      #expect(ByteSlice(bytes).isUTF8 == (String(validating: bytes, as: UTF8.self) != nil))
    }
  }

  @Test func `canonical text sorts by bytes and drops space, however the value is written`() throws
  {
    let spellings = [
      #"{"b":[1,2.0,{"z":null,"a":"é"}],"a":true,"":1e2,"B":0.5}"#,
      " { \"\\u0062\" : [ 1.0 , 2 , { \"a\":\"\\u00e9\", \"z\":null } ] ,\n\"B\":5e-1, \"\":100, \"a\":true}",
    ]
    for spelling in spellings {
      let root = try JSONDocument(parsing: ByteSlice(utf8: spelling)).root
      #expect(
        CanonicalJSON.text(of: root).text
          == #"{"":100,"B":0.5,"a":true,"b":[1,2,{"a":"é","z":null}]}"#)
    }
  }
}
