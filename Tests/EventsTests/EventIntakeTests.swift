import Bytes
import Events
import JSONText
import Testing

func bytes(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }

let stamp = GatewayStamp(
  authtype: bytes("user"), authid: bytes("alice"), authissuer: bytes("corp"),
  service: bytes("shop"), requestid: bytes("r-1"))

func request(
  _ fields: [(String, String)], stamp: GatewayStamp = .none
) throws(EventFault) -> EventRequest {
  try EventRequest(
    fields: fields.map { (name: bytes($0.0), value: bytes($0.1)) }, stamp: stamp)
}

func texts(_ attributes: Attributes) -> [String] {
  attributes.map { "\($0.name.text)=\($0.value)" }
}

let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

@Suite struct `Binary mode` {
  private let shelf = AttributeShelf()

  private func draft(
    _ fields: [(String, String)], body: String = "{}", stamp: GatewayStamp = .none
  ) throws(EventFault) -> EventDraft {
    let request = try request(fields, stamp: stamp)
    let draft = try EventIntake.binary(request, body: bytes(body), on: shelf)
    #expect(try EventIntake.binary(request, body: bytes(body)) == draft)
    try checkModel(fields, body, stamp)
    return draft
  }

  /// The model of a request in another trace makes the same event, in the trace of this one.
  private func checkModel(
    _ fields: [(String, String)], _ body: String, _ stamp: GatewayStamp
  ) throws(EventFault) {
    func value(_ name: String) -> ByteSlice? {
      fields.last { $0.0.lowercased() == name }.map { bytes($0.1) }
    }
    let digits = GatewayStamp.RequestName { 0x30 + UInt8($0) % 10 }
    func named(_ fields: [(String, String)]) throws(EventFault) -> EventRequest {
      try EventRequest(
        fields: fields.map { (name: bytes($0.0), value: bytes($0.1)) }, stamp: stamp, name: digits)
    }
    let others = fields.filter { !["traceparent", "tracestate"].contains($0.0.lowercased()) }
    let model = try EventModel(
      try named(others + [("traceparent", parent.replacing("01", with: "00"))]))
    let trace = TraceContext(parent: value("traceparent"), state: value("tracestate"))
    let draft = try EventIntake.binary(try named(fields), body: bytes(body), on: shelf)
    #expect(model.event(bytes(body), in: trace, name: digits, on: shelf) == draft)
  }

  @Test func `events made on one shelf stay as they were made`() throws {
    var drafts: [EventDraft] = []
    for number in 0..<2000 {
      drafts.append(
        try draft(
          [("ce-specversion", "1.0"), ("ce-subject", "s\(number)")],
          stamp: shelf.stamp(source: nil) { $0.set(.requestid, bytes("\(number)")) }))
    }
    for (number, draft) in drafts.enumerated() {
      #expect(texts(draft.attributes) == ["subject=s\(number)", "requestid=\(number)"])
    }
  }

  @Test(arguments: [
    "Content-Type", "event-key", "Event-Time", "traceparent", "TraceState", "ce-id", "CE-x",
  ])
  func `no field that an event is read from is left out`(_ name: String) {
    let letters = ByteSlice(utf8: name.lowercased())
    #expect(EventRequest.mayTake(initial: letters[0], third: letters[2], length: letters.count))
    #expect(!EventRequest.mayTake(initial: 0x68, third: 0x73, length: 4))
  }

  @Test func `the request is named behind what the stamp says of the publisher`()
    throws
  {
    let name = ByteSlice(utf8: "0123456789abcdef0123")
    let digits = GatewayStamp.RequestName { name[$0] }
    let publisher = GatewayStamp(authid: bytes("alice"), source: bytes("urn:mapped"))
    for stamp in [publisher, publisher.detached] {
      let request = try EventRequest(fields: [], stamp: stamp, name: digits)
      #expect(
        texts(try EventIntake.binary(request, body: bytes("{}"), on: shelf).attributes)
          == ["source=urn:mapped", "authid=alice", "requestid=\(name)"])
    }
  }

  @Test func `a bare JSON body is an event without attributes`() throws {
    let draft = try draft(
      [("Content-Type", "application/json"), ("Host", "x")], body: " {\"a\":1}\n")
    #expect(draft.payload.equals(" {\"a\":1}\n"))
    #expect(draft.payloadKind == .json)
    #expect(draft.attributes == .none)
    #expect(draft.key == nil)
    #expect(draft.strippedAttributes == 0)
  }

  @Test func `the example of the binding is read, names in any case`() throws {
    let draft = try draft([
      ("CE-SpecVersion", "1.0"), ("ce-type", "com.example.someevent"),
      ("Ce-Time", "2018-04-05T03:56:24Z"), ("ce-ID", "1234-1234-1234"),
      ("ce-source", "/mycontext/subcontext"), ("ce-MyExt1", "v"), ("ce-partitionkey", "k1"),
      ("Content-Type", "application/json; charset=utf-8"),
    ])
    #expect(
      texts(draft.attributes) == [
        "type=com.example.someevent", "time=2018-04-05T03:56:24Z", "id=1234-1234-1234",
        "source=/mycontext/subcontext", "myext1=v",
        "datacontenttype=application/json; charset=utf-8",
      ])
    #expect(draft.key?.equals("k1") == true)
    #expect(draft.payloadKind == .json)
  }

  @Test(arguments: [
    ("application/json", PayloadKind.json), ("Application/JSON;v=1", .json),
    ("application/vnd.x+json", .json), ("text/json", .json), ("text/plain", .binary),
    ("application/jsonp", .binary), ("application/xml", .binary), ("application/x+jsonx", .binary),
    ("image/png", .binary), ("application/x-www-form-urlencoded", .binary),
  ])
  func `the media type says what the payload is`(type: String, kind: PayloadKind) throws {
    #expect(try draft([("content-type", type)]).payloadKind == kind)
    #expect(try draft([]).payloadKind == .binary)
  }

  @Test(arguments: [
    ("plain", "plain"), ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"), ("a%2fb%2Fc", "a/b/c"),
    ("100%25", "100%"), ("%2541", "%41"), ("\"quoted value\"", "quoted value"),
    ("\"a\\\"b\\\\c\"", "a\"b\\c"), ("\"50%25\"", "50%"), ("a \"b\" c", "a b c"),
    ("ümlaut", "ümlaut"),
    ("back\\slash", "back\\slash"),
  ])
  func `values are unquoted and percent-decoded once`(field: String, value: String) throws {
    let draft = try draft([("ce-specversion", "1.0"), ("ce-subject", field)])
    #expect(draft.attributes[.subject]?.text == value)
  }

  @Test(arguments: [
    ("ce-subject", "50%", EventFault.badAttributeValue(bytes("subject"), .badEscape)),
    ("ce-subject", "%4", .badAttributeValue(bytes("subject"), .badEscape)),
    ("ce-subject", "%GG", .badAttributeValue(bytes("subject"), .badEscape)),
    ("ce-subject", "\"open", .badAttributeValue(bytes("subject"), .badEscape)),
    ("ce-subject", "%C0%A0", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "%FF", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "a%00b", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "a%0D%0Ab", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "%C2%85", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "%EF%BF%BF", .badAttributeValue(bytes("subject"), .badCharacter)),
    ("ce-subject", "", .badAttributeValue(bytes("subject"), .empty)),
    ("ce-id", "", .badAttributeValue(bytes("id"), .empty)),
    ("ce-source", "", .badAttributeValue(bytes("source"), .empty)),
    ("ce-type", "", .badAttributeValue(bytes("type"), .empty)),
    ("ce-type", "jodrell.", .badAttributeValue(bytes("type"), .reserved)),
    ("ce-type", "jodrell.end", .badAttributeValue(bytes("type"), .reserved)),
    ("ce-type", "\"jodrell%2Eend\"", .badAttributeValue(bytes("type"), .reserved)),
    ("ce-time", "yesterday", .badAttributeValue(bytes("time"), .badTime)),
    ("ce-datacontenttype", "a/b", .badAttributeValue(bytes("datacontenttype"), .notAHeader)),
    ("ce-my-ext", "x", .badAttributeName(bytes("my-ext"))),
    ("ce-my_ext", "x", .badAttributeName(bytes("my_ext"))),
    ("ce-data", "x", .badAttributeName(bytes("data"))),
    ("ce-abcdefghijklmnopqrstu", "x", .badAttributeName(bytes("abcdefghijklmnopqrstu"))),
    ("ce-partitionkey", "", .badKey),
    ("ce-specversion", "1.0", .duplicateAttribute(bytes("specversion"))),
    ("Event-Key", "", .badKey), ("Event-Key", "%00", .badKey),
    ("Event-Key", String(repeating: "k", count: 1_025), .badKey),
    ("Event-Time", "noon", .badTime), ("Content-Type", "json", .badMediaType),
    ("Content-Type", "a/b/c", .badMediaType), ("Content-Type", "", .badMediaType),
    ("Content-Type", "application/cloudevents+avro", .unsupportedFormat),
    ("Content-Type", "application/cloudevents", .unsupportedFormat),
  ])
  func `refuses`(name: String, value: String, expected: EventFault) {
    #expect(throws: expected) { try draft([("ce-specversion", "1.0"), (name, value)]) }
  }

  @Test func `attributes need specversion 1.0`() {
    #expect(throws: EventFault.specVersionMissing) { try draft([("ce-id", "1")]) }
    for version in ["", "0.3", "1.0.2", "1", "2.0"] {
      #expect(throws: EventFault.specVersionUnknown) { try draft([("ce-specversion", version)]) }
    }
  }

  @Test func `what only the gateway writes is dropped, counted, and its own stamp stands`() throws {
    let draft = try draft(
      [
        ("ce-specversion", "1.0"), ("ce-authid", "mallory"), ("ce-authtype", "system"),
        ("ce-authissuer", "evil"), ("ce-service", "root"), ("ce-requestid", "0"),
        ("ce-messageid", "1:1"), ("ce-publishtime", "then"), ("Ce-SchemaVersion", "9"),
        ("ce-id", "own"),
      ], stamp: stamp)
    #expect(draft.strippedAttributes == 8)
    #expect(
      texts(draft.attributes) == [
        "id=own", "authtype=user", "authid=alice", "authissuer=corp", "service=shop",
        "requestid=r-1",
      ])
  }

  @Test func `keys, times and traces come from their own fields, once`() throws {
    let fields = [
      ("event-key", "a%20b"), ("event-time", "2026-01-01T00:00:00Z"), ("traceparent", parent),
      ("tracestate", "vendor=1"),
    ]
    let draft = try draft(fields)
    #expect(draft.key?.equals("a b") == true)
    #expect(
      texts(draft.attributes) == [
        "time=2026-01-01T00:00:00Z", "traceparent=\(parent)", "tracestate=vendor=1",
      ])
    let version = ("ce-specversion", "1.0")
    #expect(throws: EventFault.keyConflict) {
      try self.draft(fields + [version, ("ce-partitionkey", "other")])
    }
    #expect(try self.draft(fields + [version, ("ce-partitionkey", "a b")]).key == draft.key)
    #expect(throws: EventFault.badTime) {
      try self.draft(fields + [version, ("ce-time", "2026-01-01T00:00:01Z")])
    }
    #expect(throws: EventFault.badKey) { try self.draft(fields + [("Event-Key", "a b")]) }
    let own = try self.draft(fields + [version, ("ce-traceparent", "mine")])
    #expect(own.attributes[.traceparent]?.equals("mine") == true)
    #expect(own.attributes[.tracestate] == nil)
  }

  @Test(arguments: [
    "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ])
  func `an unusable trace is left out with its state`(value: String) throws {
    let draft = try draft([("traceparent", value), ("tracestate", "a=1")])
    #expect(draft.attributes == .none)
  }

  @Test func `attributes have a limit in number and size`() throws {
    func fields(_ count: Int, _ length: Int) -> [(String, String)] {
      [("ce-specversion", "1.0")]
        + (0..<count).map { ("ce-x\($0)", String(repeating: "v", count: length)) }
    }
    #expect(try draft(fields(64, 1)).attributes.reduce(0) { sum, _ in sum + 1 } == 64)
    #expect(throws: EventFault.tooManyAttributes) { try draft(fields(65, 1)) }
    #expect(throws: EventFault.tooManyAttributes) { try draft(fields(5, 8_000)) }
    #expect(throws: EventFault.badAttributeValue(bytes("x0"), .tooLong)) {
      try draft(fields(1, 8_193))
    }
  }

  @Test func `the mapping's source stands in for a missing one only`() throws {
    let mapped = GatewayStamp(source: bytes("urn:mapped"))
    #expect(try draft([], stamp: mapped).attributes[.source]?.equals("urn:mapped") == true)
    let own = try draft([("ce-specversion", "1.0"), ("ce-source", "/own")], stamp: mapped)
    #expect(texts(own.attributes) == ["source=/own"])
  }

  @Test(arguments: ["jodrell", "jodrells.end", "Jodrell.end", "com.example.jodrell.end", "jodrel."])
  func `types that merely look like the gateway's are a publisher's`(type: String) throws {
    let draft = try draft([("ce-specversion", "1.0"), ("ce-type", type)])
    #expect(texts(draft.attributes) == ["type=\(type)"])
  }

  @Test func `an event of the gateway's own has the type that the gateway says`() throws {
    let own = GatewayStamp(authid: bytes("gateway"), type: bytes("jodrell.audit.decision"))
    #expect(
      texts(try draft([], stamp: own).attributes) == [
        "type=jodrell.audit.decision", "authid=gateway",
      ])
  }
}

@Suite struct `Structured and batch mode` {
  private func structured(
    _ text: String, _ fields: [(String, String)] = [], stamp: GatewayStamp = .none
  ) throws -> EventDraft {
    let request = try request(
      [("content-type", "application/cloudevents+json")] + fields, stamp: stamp)
    #expect(request.mode == .structured)
    return try EventIntake.structured(JSONDocument(parsing: bytes(text)).root, request)
  }

  @Test func `the data keeps its bytes`() throws {
    let draft = try structured(
      #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data": {"a" : [1.0, "\u0041"]} }"#)
    #expect(draft.payload.equals(#"{"a" : [1.0, "\u0041"]}"#))
    #expect(draft.payloadKind == .json)
    #expect(texts(draft.attributes) == ["id=1", "source=/s", "type=t"])
  }

  @Test(arguments: [
    (#""data":"x""#, "\"x\"", PayloadKind.json), (#""data":null"#, "null", .json),
    (#""data":"x","datacontenttype":"application/vnd.a+json""#, "\"x\"", .json),
    (#""data":"<x\u003e","datacontenttype":"text/xml""#, "<x>", .binary),
    (#""data_base64":"eyJhIjoxfQ==","datacontenttype":"application/json""#, "{\"a\":1}", .json),
    (#""data_base64":"aGk=""#, "hi", .binary),
    (#""data":null,"data_base64":"aGk=""#, "hi", .binary),
    (#""data_base64":null,"data":1"#, "1", .json), (#""subject":"no data""#, "", .binary),
  ])
  func `data is read by its type`(members: String, payload: String, kind: PayloadKind) throws {
    let draft = try structured("{\"specversion\":\"1.0\",\(members)}")
    #expect(draft.payload.text == payload)
    #expect(draft.payloadKind == kind)
  }

  @Test(arguments: [
    (#"[]"#, EventFault.notAnObject), (#"1"#, .notAnObject), (#"{}"#, .specVersionMissing),
    (#"{"specversion":1.0}"#, .specVersionUnknown),
    (#"{"specversion":1}"#, .specVersionUnknown), (#"{"specversion":"0.3"}"#, .specVersionUnknown),
    (#"{"specversion":"1.0","id":1}"#, .badAttributeValue(bytes("id"), .wrongType)),
    (#"{"specversion":"1.0","id":""}"#, .badAttributeValue(bytes("id"), .empty)),
    (
      #"{"specversion":"1.0","type":"\u006aodrell.x"}"#,
      .badAttributeValue(bytes("type"), .reserved)
    ),
    (#"{"specversion":"1.0","ext":{}}"#, .badAttributeValue(bytes("ext"), .wrongType)),
    (#"{"specversion":"1.0","ext":1.5}"#, .badAttributeValue(bytes("ext"), .wrongType)),
    (#"{"specversion":"1.0","ext":2147483648}"#, .badAttributeValue(bytes("ext"), .wrongType)),
    (#"{"specversion":"1.0","Ext":1}"#, .badAttributeName(bytes("Ext"))),
    (#"{"specversion":"1.0","":1}"#, .badAttributeName(bytes(""))),
    (#"{"specversion":"1.0","time":"now"}"#, .badAttributeValue(bytes("time"), .badTime)),
    (
      #"{"specversion":"1.0","subject":"a\u0000"}"#,
      .badAttributeValue(bytes("subject"), .badCharacter)
    ),
    (
      #"{"specversion":"1.0","partitionkey":7}"#,
      .badAttributeValue(bytes("partitionkey"), .wrongType)
    ),
    (#"{"specversion":"1.0","datacontenttype":"json"}"#, .badMediaType),
    (#"{"specversion":"1.0","data":1,"data_base64":"aGk="}"#, .dataTwice),
    (#"{"specversion":"1.0","data_base64":"aGk"}"#, .badBase64),
    (#"{"specversion":"1.0","data_base64":7}"#, .badBase64),
    (#"{"specversion":"1.0","data":{},"datacontenttype":"text/plain"}"#, .dataNotText),
  ])
  func `refuses`(text: String, expected: EventFault) {
    #expect(throws: expected) { try structured(text) }
  }

  @Test func `extensions keep their type, null is absence, the gateway's are dropped`() throws {
    let draft = try structured(
      #"{"specversion":"1.0","n":-5,"b":true,"s":"","z":null,"subject":null,"authid":"mallory","#
        + #""schemaversion":7,"partitionkey":"k"}"#, stamp: stamp)
    #expect(draft.strippedAttributes == 2)
    #expect(draft.key?.equals("k") == true)
    #expect(
      texts(draft.attributes) == [
        "n=-5", "b=true", "s=", "authtype=user", "authid=alice", "authissuer=corp",
        "service=shop", "requestid=r-1",
      ])
    #expect(draft.attributes.map(\.kind).prefix(3) == [.integer, .boolean, .text])
  }

  @Test func `repeated header fields are not read, key and trace are`() throws {
    let draft = try structured(
      #"{"specversion":"1.0","id":"body"}"#,
      [("ce-id", "header"), ("ce-specversion", "9"), ("event-key", "k"), ("traceparent", parent)])
    #expect(texts(draft.attributes) == ["id=body", "traceparent=\(parent)"])
    #expect(draft.key?.equals("k") == true)
  }

  @Test func `each event of a batch is judged for itself`() throws {
    let request = try request([("content-type", "application/cloudevents-batch+json")])
    #expect(request.mode == .batch)
    let text = #"[{"specversion":"1.0","data":1},{"id":"x"},7,{"specversion":"1.0","data":2}]"#
    let root = try JSONDocument(parsing: bytes(text)).root
    let events = try EventIntake.batch(root, request)
    #expect(events.count == 4)
    #expect(try events[0].get().payload.equals("1"))
    #expect(events[1] == .failure(.specVersionMissing))
    #expect(events[2] == .failure(.notAnObject))
    #expect(try events[3].get().payload.equals("2"))
    #expect(try EventIntake.batch(JSONDocument(parsing: bytes("[]")).root, request).isEmpty)
    #expect(throws: EventFault.tooManyEvents(limit: 3)) {
      try EventIntake.batch(root, request, limit: 3)
    }
    #expect(throws: EventFault.notAnArray) {
      try EventIntake.batch(JSONDocument(parsing: bytes("{}")).root, request)
    }
  }

  @Test func `a line is a JSON payload with the request's key`() throws {
    let lines = try request(
      [("content-type", "application/x-ndjson"), ("event-key", "k")], stamp: stamp)
    #expect(lines.mode == .lines)
    let draft = try EventIntake.lines(lines).event(bytes("{\"a\":1}"))
    #expect(draft.payloadKind == .json)
    #expect(draft.key?.equals("k") == true)
    #expect(draft.attributes[.authid]?.equals("alice") == true)
    #expect(throws: EventFault.attributesOnLines) {
      try request([("content-type", "application/x-ndjson"), ("ce-id", "1")])
    }
  }
}
