import Bytes
import JSONText
import Tenancy
import Testing

@testable import Schemas

/// What redacting one payload may cost, and what becomes of one that would cost more.
@Suite struct RedactionCostTests {
  private func view(_ text: String) throws -> ClassifiedView {
    ClassifiedView(try #require(try Sample.schema(text).classification), for: .none)
  }

  /// A payload of about so many bytes.
  private func object(_ bytes: Int, _ name: (Int) -> String) -> ByteSlice {
    var members: [String] = []
    var count = 2
    while count < bytes {
      let member = #""\#(name(members.count))":1"#
      count += member.utf8.count + 1
      members.append(member)
    }
    return ByteSlice(utf8: "{" + members.joined(separator: ",") + "}")
  }

  /// Tokenising, and the last thing that was paid for, come to what it may cost.
  private func bound(of payload: ByteSlice, aside: Bool = false) -> Int {
    SchemaLimits.redactionFuel(bytes: payload.count, aside: aside) + payload.count + 25_000
  }

  /// Many schemas apply to each value: each name is looked for in each of them.
  private static let wide =
    #"{"allOf":["# + (0..<200).map { #"{"properties":{"p\#($0)":{}}}"# }.joined(separator: ",")
    + #"],"properties":{"secret":{"x-classification":"x"}}}"#
  /// Each value has four hundred schemas.
  private static let deep =
    #"{"properties":{"s":{"x-classification":"x"}},"additionalProperties":{"anyOf":["#
    + (0..<400).map { #"{"type":"integer","minimum":\#($0)}"# }.joined(separator: ",") + "]}}"
  private static let patterns =
    #"{"patternProperties":{"#
    + (0..<100).map { #""^(k|q\#($0))+[a-z]*x\#($0)$":{}"# }
    .joined(separator: ",") + #","^secret$":{"x-classification":"x"}}}"#

  @Test(
    "no payload costs a loop more than checking one of its size may",
    arguments: [wide, deep, patterns])
  func bounded(_ schema: String) throws {
    let view = try view(schema)
    let redactor = Redactor()
    for bytes in [100, 1_024, 8_192, 65_536] {
      for length in [4, 40, 400] {
        let payload = object(bytes) { "k\($0)" + String(repeating: "k", count: length) }
        let outcome = redactor.redact(payload, view)
        let bound = bound(of: payload)
        #expect(redactor.spent <= bound)
        if bytes > 8_000, case .replaced = outcome {
          Issue.record("a payload of \(bytes) bytes with names of \(length) was redacted")
        }
        _ = redactor.redact(payload, view, aside: true)
        let most = self.bound(of: payload, aside: true)
        #expect(redactor.spent <= most)
      }
    }
  }

  @Test("each name that is looked up costs, and the longer the more")
  func names() throws {
    let view = try view(Self.wide)
    let redactor = Redactor()
    let payload = object(1_000) { "\(10 + $0)" + String(repeating: "k", count: 80) }
    _ = redactor.redact(payload, view, aside: true)
    // Some 11 members, 201 lists of names, 1 and a unit for eight bytes each.
    #expect(redactor.spent > 11 * 201 * (1 + 80 / 8))
  }

  @Test("what a loop has no time for a worker does, and what is too much for that shows nothing")
  func aside() throws {
    let redactor = Redactor()
    let secret = #"{"secret":"s3cret","id":1}"#
    let view = try view(Self.wide)
    let many = object(200_000) { "k\($0)" }
    guard case .tooCostly = redactor.redact(many, view) else {
      Issue.record("a loop did it")
      return
    }
    guard case .withheld(let labels) = redactor.redact(many, view, aside: true) else {
      Issue.record("it was not too much")
      return
    }
    #expect(labels.map(\.description) == ["x"])
    // Others are not hindered by it.
    guard case .replaced(let bytes, _) = redactor.redact(ByteSlice(utf8: secret), view) else {
      Issue.record("a small one is redacted on the loop")
      return
    }
    #expect(!bytes.text.contains("s3cret"))
  }

  @Test("usual events are redacted, all but dense ones on their loop")
  func usual() throws {
    let view = try view(
      #"{"type":"object","properties":{"secret":{"x-classification":"x"},"items":{"type":"array","#
        + #""items":{"type":"object","properties":{"sku":{"type":"string"},"#
        + #""count":{"type":"integer"},"price":{"type":"object","properties":{"#
        + #""amount":{"type":"string"},"currency":{"type":"string"}}},"#
        + #""buyer":{"x-classification":"x"}}}}}}"#)
    let item =
      #"{"sku":"A-1234567","count":12,"price":{"amount":"12.50","currency":"EUR"},"buyer":"ann"}"#
    for (bytes, isForLoop) in [(512, true), (3_000, true), (8_192, false), (65_000, true)] {
      let items = Array(repeating: item, count: bytes / (item.utf8.count + 1))
      let payload = ByteSlice(utf8: #"{"secret":1,"items":[\#(items.joined(separator: ","))]}"#)
      if isForLoop { #expect(!(try left(payload, view, aside: false).contains("ann"))) }
      #expect(!(try left(payload, view, aside: true).contains("ann")))
    }
    let items = Array(repeating: item, count: (1 << 20) / (item.utf8.count + 1))
    let large = ByteSlice(utf8: #"{"secret":1,"items":[\#(items.joined(separator: ","))]}"#)
    #expect(!(try left(large, view, aside: true).contains("ann")))
  }

  private func left(_ payload: ByteSlice, _ view: ClassifiedView, aside: Bool) throws -> String {
    guard case .replaced(let left, _) = Redactor().redact(payload, view, aside: aside) else {
      Issue.record("\(payload.count) bytes are too costly")
      return ""
    }
    return left.text
  }
}
