import Authentication
import Bytes
import Events
import Foundation
import JSONText
import Settings
import Tenancy
import TestSupport
import Testing

@testable import Schemas

@Suite struct GateTests {
  private let scratch = SchemaScratch()

  /// A real address: a signed token, verified, scoped and granted.
  private func address() throws -> TopicAddress {
    let issuer = TestIssuer(
      id: "\(DevelopmentIssuer.id)", iss: "\(DevelopmentIssuer.issuer)",
      audience: "\(DevelopmentIssuer.audience)")
    let settings = try GatewaySettings(
      compiling: try SettingsDocument(parsing: EmbeddedPolicy.text(), named: "embedded"))
    let token = try issuer.verified(["tenant": "public", "allow": ["publish"]])
    let scope = try TenancyPolicy.compile(settings, generation: 1).scope(
      of: token, at: TestIssuer.now)
    let topic = try #require(Name(ByteSlice(utf8: "orders")))
    return try scope.address(
      of: TopicReference(ownTopic: topic), for: .publish)
  }

  private func draft(_ payload: String, _ kind: PayloadKind = .json) -> EventDraft {
    var attributes = AttributesBuilder()
    if kind == .binary { attributes.set(.datacontenttype, ByteSlice(utf8: "image/png")) }
    return EventDraft(
      attributes: attributes.attributes, key: nil, payload: ByteSlice(utf8: payload),
      payloadKind: kind)
  }

  private func check(
    _ draft: EventDraft, binding: SchemaBinding? = nil, requireSchema: Bool = false
  ) throws -> ConformingEvent {
    try SchemaGate.check(
      draft, against: try address(), binding: binding, requireSchema: requireSchema,
      scratch: scratch)
  }

  @Test func `without a schema anything goes, but JSON must be JSON`() throws {
    #expect(try check(draft("{}")).schemaVersion == 0)
    #expect(try check(draft("\u{1}\u{2}", .binary)).draft.payload.count == 2)
    #expect { try check(draft(#"{"a":1,"a":2}"#)) } throws: { error in
      guard case SchemaRefusal.malformedJSON(let fault) = error else { return false }
      return fault.code == .duplicateMember
    }
    #expect(throws: SchemaRefusal.schemaRequired) {
      try check(draft("{}"), requireSchema: true)
    }
  }

  @Test func `with a schema the payload keeps it and is stored as sent`() throws {
    let binding = SchemaBinding(
      version: 3, program: try Sample.schema(#"{"required":["a"]}"#))
    let event = try check(draft(#" {"a" : 1.0} "#), binding: binding, requireSchema: true)
    #expect(event.schemaVersion == 3)
    #expect(event.draft.payload.text == #" {"a" : 1.0} "#)
    #expect(event.address.topic.bytes.text == "orders")
    #expect { try check(draft("{}"), binding: binding) } throws: { error in
      guard case SchemaRefusal.violations(let found, truncated: false) = error else {
        return false
      }
      return found.map(\.pointer) == ["/a"]
    }
    #expect(throws: SchemaRefusal.mediaType(ByteSlice(utf8: "image/png"))) {
      try check(draft("x", .binary), binding: binding)
    }
  }

  @Test(arguments: ["orders", "payments", "telemetry", "customers"])
  func `the examples are what they say`(topic: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("schemas")
    func file(_ path: String) throws -> ByteSlice {
      ByteSlice(try Data(contentsOf: folder.appendingPathComponent(path)))
    }
    let schema = try CompiledSchema.compile(
      try file("public/default/\(topic).schema.json"), formats: .assert)
    #expect(schema.warnings == [])
    #expect(schema.validate(try file("examples/\(topic).valid.json"), scratch) == nil)
    guard
      case .violations(let found, truncated: false) = schema.validate(
        try file("examples/\(topic).bad.json"), scratch)
    else {
      Issue.record("the bad example is not refused")
      return
    }
    let expected = [
      "orders": ["/items/0/quantity", "/totals", "/total"],
      "payments": ["/amount", "/last4", "/iban"],
      "customers": ["/customerId", "/since", "/email", "/card"],
      "telemetry": ["/device/firmware", "/location/1", "/readings/Wind", "/sequence"],
    ]
    #expect(found.map(\.pointer) == expected[topic])
  }
}
