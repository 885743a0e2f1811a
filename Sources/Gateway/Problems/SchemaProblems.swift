public import Bytes
import Events
import JSONText
public import Schemas
import Tenancy

/// What refusals say about payloads and schemas: where, which rule, and what to do. Never a value.
extension Refusal {
  /// The table's entry for a text that is not JSON.
  ///
  /// - Parameter origin: where that text begins in the body.
  init(_ fault: JSONFault, from origin: TextPlace) {
    let expected = fault.expected.map { "; expected \($0.text)" } ?? ""
    let (line, column) = origin.place(line: fault.line, column: fault.column)
    let offset = origin.offset + fault.offset
    self.init(
      .malformedJSON,
      "\(fault.code.text) in line \(line), column \(column) (byte \(offset))" + expected)
    var json = JSONWriter()
    json.beginObject()
    json.key("pointer")
    json.string(fault.pointer?.text(atMost: SchemaLimits.pointerBytes) ?? "")
    json.key("line")
    json.integer(line)
    json.key("column")
    json.integer(column)
    json.key("offset")
    json.integer(offset)
    json.key("code")
    json.string("json.\(fault.code.name)")
    json.key("message")
    json.string(fault.code.text)
    if let expected = fault.expected {
      json.key("expected")
      json.string("\(expected.text)")
    }
    json.endObject()
    faults = [json.slice]
  }

  /// The table's entry for a schema that is not taken.
  init(_ fault: SchemaFault) {
    let elements = ([fault] + fault.others).flatMap(Self.elements)
    let count = elements.count
    let isCut = fault.isTruncated || count > SchemaLimits.violations
    self.init(
      .schemaInvalid,
      (count == 1 ? "" : "\(count)\(isCut ? " or more" : "") problems; first: ")
        + "\(fault.pointer) \(fault.reason.message)")
    faults = Array(elements.prefix(SchemaLimits.violations))
    faultsTruncated = isCut
  }

  private static func elements(of fault: SchemaFault) -> [ByteSlice] {
    guard case .unresolvedReferences(let references) = fault.reason else {
      return [element(of: fault, at: fault.pointer, fault.reason.message)]
    }
    return references.map { element(of: fault, at: $0.pointer, "refers to \($0.uri)") }
  }

  private static func element(
    of fault: SchemaFault, at pointer: String, _ message: String
  ) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("pointer")
    json.string(JSONPointer.cut(ByteSlice(utf8: pointer), to: SchemaLimits.pointerBytes))
    if case .malformedJSON(let place) = fault.reason {
      json.key("line")
      json.integer(place.line)
      json.key("column")
      json.integer(place.column)
      json.key("offset")
      json.integer(place.offset)
    }
    json.key("code")
    json.string(fault.reason.code)
    json.key("message")
    json.string(JSONPointer.cut(ByteSlice(utf8: message), to: GatewayLimits.detailBytes))
    json.endObject()
    return json.slice
  }

  /// The table's entry for a payload that its topic does not take.
  ///
  /// - Parameter origin: where the payload begins in the body.
  init(_ refusal: SchemaRefusal, from origin: TextPlace) {
    switch refusal {
    case .malformedJSON(let fault): self.init(fault, from: origin)
    case .violations(let violations, let truncated):
      self.init(violations, truncated: truncated, from: origin)
    case .schemaRequired: self.init(ProblemCode.schemaRequired)
    case .unknownType(let types):
      self.init(.unknownEventType, "no rule of the topic's binding fits the event's type")
      self = with("types", elements: types.map { type in JSONWriter.text { $0.string(type) } })
      faults = [EventErrorCode.unknownType.element(about: .type)]
    case .schemaMismatch(let mismatch):
      self.init(
        .dataschemaMismatch,
        "'dataschema' names no version of '\(mismatch.subject)' that is accepted")
      let versions = mismatch.accepted.map { version in
        JSONWriter.text { $0.integer(Int(version)) }
      }
      self = with("accepted", elements: versions)
      faults = [EventErrorCode.schemaMismatch.element(about: .dataschema)]
    case .mediaType(let sent):
      self.init(
        .mediaType,
        "the topic's schema is of JSON; "
          + (sent == nil ? "no media type was sent" : "another media type was sent"))
      faults = [EventErrorCode.mediaType.element(about: .datacontenttype)]
    case .notCompiled: self.init(ProblemCode.internalError)
    case .budgetExceeded:
      self.init(
        .validationBudget,
        "checking the payload takes more steps than its size warrants: unions inside one another "
          + "and uniqueItems over many items cost most")
    case .patternLimit(let violation):
      self.init(
        .patternLimit,
        violation.map { "\($0.subject) \($0.message)" }
          ?? "a pattern cannot be matched within the limits of patterns")
      if let violation { faults = [violation.rendered(from: origin)] }
    }
  }

  /// The table's entry for a payload that breaks its schema.
  init(_ violations: [Violation], truncated: Bool, from origin: TextPlace = TextPlace()) {
    if let first = violations.first {
      let count = violations.count
      self.init(
        .schemaViolation,
        (count == 1 ? "" : "\(count)\(truncated ? " or more" : "") problems; first: ")
          + "\(first.subject) \(first.message)")
    } else {
      self.init(.schemaViolation, "the payload breaks its schema; see the events before it")
    }
    faults = violations.map { $0.rendered(from: origin) }
    faultsTruncated = truncated
  }

  /// The table's entry for a payload that breaks the schema of its topic, with that schema's name.
  init(_ refused: RefusedPayload, from origin: TextPlace) {
    self.init(refused.refusal, from: refused.origin ?? origin)
    guard refused.version > 0 else { return }
    let topic = "\(refused.address)"
    self = with("topic", topic)
      .with("schema", "\(topic)/\(refused.version)")
      .with("schemaUrl", refused.address.schemas().name(of: refused.version).text)
      .with("schemaVersion", json: ByteSlice(utf8: "\(refused.version)"))
  }

  /// What publishing a JSON payload to a topic of this schema would be answered with; nil where it
  /// would be taken. For checks without a gateway.
  public static func ofPayload(
    _ payload: ByteSlice, against schema: CompiledSchema, _ scratch: SchemaScratch,
    at place: EventPlace? = nil
  ) -> Refusal? {
    guard payload.count <= GatewayLimits.event else {
      let refusal = Refusal(.tooLarge, "an event has at most \(GatewayLimits.event) bytes")
      return place.map(refusal.at) ?? refusal
    }
    return schema.validate(payload, scratch).map { Refusal($0 as any Error, at: place) }
  }

  /// The same refusal as one of an event among others.
  func at(_ place: EventPlace) -> Refusal {
    guard event == nil else { return self }
    var copy = self
    copy.event = place.index
    let line = place.line.map { ", line \($0)" } ?? ""
    copy.detail = "event \(place.index)\(line): \(detail ?? code.row.advice)"
    return copy
  }

  /// The same refusal without the lists of what is wrong and what would be right.
  func withoutFaults() -> Refusal {
    guard faults != nil || !lists.isEmpty else { return self }
    var copy = self
    if faults != nil { copy.faults = [] }
    copy.lists = lists.map { ($0.name, []) }
    copy.faultsTruncated = true
    return copy
  }

  /// Bytes of those lists.
  var faultBytes: Int {
    lists.reduce(faults?.reduce(0) { $0 + $1.count } ?? 0) { sum, list in
      sum + list.elements.reduce(0) { $0 + $1.count }
    }
  }
}

/// Where an event stands in a body that holds several.
public struct EventPlace: Sendable {
  /// From 0; lines without an event are not counted.
  public let index: Int
  /// The body's line, from 1, where each event has one of its own.
  public let line: Int?
  /// Where its payload begins in the body; the body's beginning where that cannot be said.
  let origin: TextPlace

  public init(index: Int) { self.init(index: index, line: nil, from: nil) }

  /// An event on a line of its own, from 1, with so many bytes of the body before it.
  public init(index: Int, line: Int, offset: Int) {
    self.init(index: index, line: line, from: TextPlace(line: line, offset: offset))
  }

  init(index: Int, from origin: TextPlace?) { self.init(index: index, line: nil, from: origin) }

  private init(index: Int, line: Int?, from origin: TextPlace?) {
    self.index = index
    self.line = line
    self.origin = origin ?? TextPlace()
  }

  /// The event of a batch in which its JSON array is malformed; nil outside of any.
  init?(of fault: JSONFault) {
    guard let step = fault.pointer?.tokens.first, let index = JSONPointer.index(step) else {
      return nil
    }
    self.init(index: index)
  }
}

/// A payload that the schema of its topic does not let pass.
struct RefusedPayload: Error {
  let refusal: SchemaRefusal
  let address: TopicAddress
  /// Of the schema that was in force; 0 where there was none.
  let version: UInt32
  /// Where the payload begins in the body; nil where that is the body's beginning, or is told with
  /// the event's place.
  var origin: TextPlace?

  /// The same of a payload that is a part of the body.
  func within(_ body: ByteSlice, _ payload: ByteSlice) -> RefusedPayload {
    var walk = PayloadWalk(body)
    var copy = self
    copy.origin = walk.origin(of: payload)
    return copy
  }
}

/// Finds where payloads begin in the body that they are parts of, in the body's order.
struct PayloadWalk {
  private let body: ByteSlice
  private var place = TextPlace()

  init(_ body: ByteSlice) { self.body = body }

  /// Nil for a payload that is no part of the body: one that was encoded there.
  mutating func origin(of payload: ByteSlice) -> TextPlace? {
    guard let offset = payload.offset(in: body), offset >= place.offset else { return nil }
    let body = body
    place.move(to: offset, in: body.span)
    return place
  }
}

extension Violation {
  /// What a sentence about it begins with.
  public var subject: String { pointer.isEmpty ? "the payload" : pointer }

  fileprivate func rendered(from origin: TextPlace) -> ByteSlice {
    JSONWriter.text { write(into: &$0, from: origin) }
  }
}
