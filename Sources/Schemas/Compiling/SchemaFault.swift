public import JSONText

/// Why a schema is not taken, and where: registration answers 422 with it.
public struct SchemaFault: Error, Equatable, Sendable {
  /// Where in the document, as `#/properties/id/minLength`.
  public let pointer: String
  public let reason: SchemaFaultReason

  init(at pointer: String, _ reason: SchemaFaultReason) {
    self.pointer = pointer
    self.reason = reason
  }
}

/// What is wrong with a schema.
public enum SchemaFaultReason: Equatable, Sendable {
  case malformedJSON(JSONFault)
  /// Neither an object nor a boolean.
  case notASchema
  /// The keyword's value is not of the kind that its edition asks for.
  case wrongValue(expected: String)
  /// Known, but not built yet: refused, because ignoring it would check half a schema.
  case notSupported(keyword: String)
  case unknownDialect(String)
  /// A reference to a document that is not this one; nothing is ever fetched.
  case remoteReference(String)
  case unresolvedReference(String)
  /// Schemas that refer to one another without ever reaching into the value.
  case referenceLoop
  case duplicateIdentifier(String)
  case badPattern(PatternFault)
  case limitExceeded(what: String, limit: Int)

  /// A stable code for problem documents.
  public var code: String {
    switch self {
    case .malformedJSON: "schema_malformed"
    case .notASchema, .wrongValue: "schema_invalid"
    case .notSupported: "schema_keyword_not_supported"
    case .unknownDialect: "schema_dialect_unknown"
    case .remoteReference, .unresolvedReference: "schema_reference_unresolved"
    case .referenceLoop: "schema_reference_loop"
    case .duplicateIdentifier: "schema_identifier_duplicate"
    case .badPattern: "schema_pattern_invalid"
    case .limitExceeded: "schema_limit_exceeded"
    }
  }

  /// A sentence for the one who registers.
  public var message: String {
    switch self {
    case .malformedJSON(let fault):
      "is not JSON: \(fault.code.text) in line \(fault.line), column \(fault.column)"
    case .notASchema: "must be a schema: an object or a boolean"
    case .wrongValue(let expected): "must be \(expected)"
    case .notSupported(let keyword): "uses \(keyword), which is not supported yet"
    case .unknownDialect(let uri):
      "names the dialect \(uri); known are "
        + SchemaDialect.allCases.map(\.uri).joined(separator: " and ")
    case .remoteReference(let uri): "refers to \(uri), which is not in this document"
    case .unresolvedReference(let reference): "refers to \(reference), which is not there"
    case .referenceLoop: "refers to itself without reaching into the value"
    case .duplicateIdentifier(let uri): "names \(uri) a second time"
    case .badPattern(let fault): fault.message
    case .limitExceeded(let what, let limit): "has more than \(limit) \(what)"
    }
  }
}

/// What was registered but does nothing, or probably not what was meant.
public struct SchemaWarning: Equatable, Sendable {
  /// Where in the document, as `#/properties/id/format`.
  public let pointer: String
  public let message: String
}
