public import Bytes
public import Events
public import JSONText

/// Why a payload is not taken.
public enum SchemaRefusal: Error, Equatable, Sendable {
  /// Not JSON, although its media type says so: 400.
  case malformedJSON(JSONFault)
  /// Breaks the schema: 422. Without violations where the scratch does not explain.
  case violations([Violation], truncated: Bool)
  /// The namespace or tenant asks for a schema and the topic has none: 409.
  case schemaRequired
  /// No rule of the topic's binding fits the event's type: 422 `unknown_event_type`. The types that
  /// the rules name.
  case unknownType([ByteSlice])
  /// The event's `dataschema` is none that the topic takes for its type: 422
  /// `dataschema_mismatch`.
  case schemaMismatch(SchemaMismatch)
  /// The topic's schema speaks of JSON and the payload is something else: 415. The media type as
  /// sent, nil if none was.
  case mediaType(ByteSlice?)
  /// Checking would cost more than `SchemaLimits.fuel`: 422 `validation_budget_exceeded`.
  case budgetExceeded
  /// No verdict yet: this version is not compiled at the moment. Compile it and ask again.
  case notCompiled(version: UInt32)
  /// A pattern met its limit on this payload: 422 `pattern_limit_exceeded`. Which one and where, if
  /// that can be told.
  case patternLimit(Violation?)
}

/// That an event's `dataschema` is none that its topic takes, and proof that its payload has been
/// read all the same: a binding that only warns takes such an event, and text that is no JSON is
/// never taken for JSON.
public struct SchemaMismatch: Equatable, Sendable {
  public let subject: SchemaSubject
  /// Versions of the line that a publisher may name.
  public let accepted: [UInt32]

  /// Throws `malformedJSON` where the payload is not what its media type says. `scratch` holds its
  /// tokens afterwards.
  public init(
    _ subject: SchemaSubject, accepted: [UInt32], of draft: EventDraft, _ scratch: SchemaScratch
  ) throws(SchemaRefusal) {
    if draft.payloadKind == .json { try scratch.tokenise(draft.payload) }
    self.subject = subject
    self.accepted = accepted
  }
}

extension SchemaScratch {
  /// Reads a payload into the parser's tape.
  func tokenise(_ payload: ByteSlice) throws(SchemaRefusal) {
    do throws(JSONFault) {
      try parser.parse(payload)
    } catch {
      throw .malformedJSON(error)
    }
  }
}

extension CompiledSchema {
  /// Tokenises and judges a payload: what publishing does, and what the validate endpoint and
  /// offline checks do without publishing.
  public func check(_ payload: ByteSlice, _ scratch: SchemaScratch) throws(SchemaRefusal) {
    try scratch.tokenise(payload)
    switch accepts(scratch.parser, scratch) {
    case .valid: return
    case .invalid:
      guard scratch.explains else { throw .violations([], truncated: true) }
      let explanation = explain(scratch.parser, scratch)
      throw .violations(explanation.violations, truncated: explanation.truncated)
    case .fuelExhausted: throw .budgetExceeded
    case .patternLimit:
      let explanation = explain(scratch.parser, scratch)
      throw .patternLimit(explanation.violations.first { $0.code == .patternLimit })
    }
  }

  /// As `check`, with the answer as a value: nil where the payload keeps the schema.
  public func validate(_ payload: ByteSlice, _ scratch: SchemaScratch) -> SchemaRefusal? {
    do throws(SchemaRefusal) {
      try check(payload, scratch)
      return nil
    } catch {
      return error
    }
  }
}
