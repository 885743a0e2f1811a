import Bytes
import Events
import JSONText
import Testing

@Suite struct `Writing events` {
  private let context = EventContext(
    tenant: bytes("acme"), namespace: bytes("shop"), topic: bytes("orders"),
    publicURL: bytes("https://events.example"))

  private func text(
    _ attributes: Attributes = .none, key: String? = nil, payload: ByteSlice, isJSON: Bool,
    schemaVersion: UInt32 = 0, view: EventView = .event
  ) -> String {
    let facts = EventFacts(
      messageID: bytes("1:42"), publishTime: UnixTime(milliseconds: 1_777_863_721_500),
      schemaVersion: schemaVersion, attributes: attributes, key: key.map(bytes), payload: payload,
      isJSON: isJSON)
    var writer = JSONWriter()
    EventWriter.write(facts, in: context, view: view, into: &writer)
    return writer.slice.text
  }

  private func attributes(_ pairs: [(AttributeName, String)]) -> Attributes {
    var builder = AttributesBuilder()
    for (name, value) in pairs { builder.set(name, bytes(value)) }
    return builder.attributes
  }

  @Test func `what the publisher left out is filled in`() throws {
    let written = text(
      attributes([(.authtype, "user"), (.authid, "alice"), (.authissuer, "corp")]),
      payload: bytes("{ \"a\": 1 }"), isJSON: true, schemaVersion: 3)
    #expect(
      written == #"{"specversion":"1.0","id":"1:42","source":"urn:jodrell:acme:alice","#
        + #""type":"shop.orders","time":"2026-05-04T03:02:01.500Z","#
        + #""datacontenttype":"application/json","#
        + #""dataschema":"https://events.example/v1/topics/acme/shop/orders/schemas/3","#
        + #""authtype":"user","authid":"alice","#
        + #""authissuer":"corp","messageid":"1:42","publishtime":"2026-05-04T03:02:01.500Z","#
        + #""schemaversion":3,"data":{ "a": 1 }}"#)
  }

  @Test func `what the publisher sent stands`() throws {
    var builder = AttributesBuilder()
    for (name, value) in [
      (AttributeName.id, "i\"1"), (.source, "/s"), (.type, "t"), (.subject, "sü"),
      (.time, "2020-01-01T00:00:00+01:00"), (.dataschema, "urn:x"), (.traceparent, parent),
      (.custom(bytes("ext")), "v"), (.service, "shop"), (.requestid, "r"),
    ] { builder.set(name, bytes(value)) }
    builder.set(.custom(bytes("n")), bytes("-5"), kind: .integer)
    builder.set(.custom(bytes("b")), bytes("true"), kind: .boolean)
    let written = text(builder.attributes, key: "k", payload: bytes("null"), isJSON: true)
    #expect(
      written == #"{"specversion":"1.0","id":"i\"1","source":"/s","type":"t","subject":"sü","#
        + #""time":"2020-01-01T00:00:00+01:00","datacontenttype":"application/json","#
        + #""dataschema":"urn:x","partitionkey":"k","traceparent":"\#(parent)","ext":"v","n":-5,"#
        + #""b":true,"service":"shop","requestid":"r","messageid":"1:42","#
        + #""publishtime":"2026-05-04T03:02:01.500Z","data":null}"#)
  }

  @Test func `other payloads are text or base64`() throws {
    let plain = attributes([(.datacontenttype, "text/plain")])
    let png = attributes([(.datacontenttype, "image/png")])
    func data(_ attributes: Attributes, _ payload: ByteSlice) throws -> [String?] {
      let event = text(attributes, payload: payload, isJSON: false)
      let root = try JSONDocument(parsing: bytes(event)).root
      return [
        root["data"]?.text, root["data_base64"]?.text,
        text(attributes, payload: payload, isJSON: false, view: .data),
      ]
    }
    #expect(try data(plain, bytes("é\n")) == ["é\n", nil, #""é\n""#])
    #expect(try data(plain, ByteSlice([0xFF])) == [nil, "/w==", "\"/w==\""])
    #expect(try data(png, bytes("hi")) == [nil, "aGk=", "\"aGk=\""])
    #expect(try data(.none, bytes("hi")) == [nil, "aGk=", "\"aGk=\""])
    #expect(try data(.none, .empty) == [nil, nil, "\"\""])
    #expect(text(payload: bytes(" [1]"), isJSON: true, view: .data) == " [1]")
  }

  @Test func `a principal that no URN can carry is encoded`() throws {
    let written = text(
      attributes([(.authid, "a b\"é/x|y")]), payload: bytes("1"), isJSON: true)
    let source = try JSONDocument(parsing: bytes(written)).root["source"]
    #expect(source?.text == "urn:jodrell:acme:a%20b%22%C3%A9/x%7Cy")
  }

  @Test func `an event that is written and sent again has the same attributes, and its schema`()
    throws
  {
    let fields: [(name: ByteSlice, value: ByteSlice)] = [
      (bytes("content-type"), bytes("application/cloudevents+json"))
    ]
    let request = try EventRequest(fields: fields, stamp: stamp)
    let sent =
      #"{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2020-01-01T00:00:00Z","#
      + #""flag":false,"count":7,"partitionkey":"k","data":{"x":[1,2]}}"#
    let first = try EventIntake.structured(JSONDocument(parsing: bytes(sent)).root, request)
    let written = text(
      first.attributes, key: first.key?.text, payload: first.payload, isJSON: true,
      schemaVersion: 2)
    let again = try EventIntake.structured(JSONDocument(parsing: bytes(written)).root, request)
    // authtype, authid, authissuer, service, requestid, messageid, publishtime, schemaversion.
    #expect(again.strippedAttributes == 8)
    #expect(again.key == first.key)
    #expect(again.payload == first.payload)
    func own(_ draft: EventDraft) -> Set<String> {
      Set(texts(draft.attributes)).subtracting(["datacontenttype=application/json"])
    }
    let schema = "dataschema=https://events.example/v1/topics/acme/shop/orders/schemas/2"
    #expect(own(again) == own(first).union([schema]))
    #expect(again.namesSchema && !first.namesSchema)
  }
}

@Suite struct `Stored attributes` {
  @Test func `numbers and layout are what is on disk already`() {
    var builder = AttributesBuilder()
    let names: [AttributeName] = [
      .id, .source, .type, .subject, .time, .datacontenttype, .dataschema, .traceparent,
      .tracestate, .authtype, .authid, .authissuer, .service, .requestid,
    ]
    for name in names { builder.set(name, bytes("v")) }
    builder.set(.custom(bytes("ext")), bytes("7"), kind: .integer)
    var expected: [UInt8] = []
    for number in UInt8(1)...14 { expected += [number << 2, 1, 0x76] }
    expected += [1, 3]
    expected += Array("ext".utf8)
    expected += [1, 0x37]
    #expect(builder.attributes.encoded.array == expected)
    #expect(builder.count == 15)
    #expect(builder.attributes.map(\.name) == names + [.custom(bytes("ext"))])
    for name in names {
      #expect(builder.has(name))
      #expect(AttributeName(name.text) == name)
      #expect(builder.attributes[name]?.equals("v") == true)
    }
    #expect(builder.attributes[.custom(bytes("ext"))]?.equals("7") == true)
    #expect(builder.attributes[.custom(bytes("other"))] == nil)
  }

  @Test func `a block that breaks off gives what it has and nothing else`() {
    var builder = AttributesBuilder()
    builder.set(.id, bytes("abc"))
    builder.set(.custom(bytes("ext")), bytes("def"))
    let encoded = builder.attributes.encoded
    for cut in 0..<encoded.count {
      let found = texts(Attributes(encoded: encoded.prefix(cut)))
      #expect(found == (cut < 5 ? [] : ["id=abc"]), "cut at \(cut)")
    }
    // Numbers that only a later version knows are stepped over.
    let later = ByteSlice([60 << 2, 1, 0x78] + encoded.array)
    #expect(texts(Attributes(encoded: later)) == ["id=abc", "ext=def"])
  }
}
