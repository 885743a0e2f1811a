public import JSONText

/// Why a schema is not taken, and where: registration answers 422 with it.
public struct SchemaFault: Error, Equatable, Sendable {
  /// Where in the document, as `#/properties/id/minLength`.
  public let pointer: String
  public let reason: SchemaFaultReason
  /// What else is wrong with the same text, as far as it was looked at: together with this one at
  /// most `SchemaLimits.violations`.
  public private(set) var others: [SchemaFault] = []
  /// Whether there are more.
  public private(set) var isTruncated = false

  init(at pointer: String, _ reason: SchemaFaultReason) {
    self.pointer = pointer
    self.reason = reason
  }

  /// The first of `faults`, which has one, with the others behind it.
  init(_ faults: [SchemaFault], atMost limit: Int) {
    self = faults[0]
    others = Array(faults.prefix(limit).dropFirst())
    isTruncated = faults.count > limit
  }
}

/// What is wrong with a schema.
public enum SchemaFaultReason: Equatable, Sendable {
  case malformedJSON(JSONFault)
  /// Neither an object nor a boolean.
  case notASchema
  /// The keyword's value is not of the kind that its edition asks for.
  case wrongValue(expected: String)
  case unknownDialect(String)
  /// The metaschema of a dialect asks for a vocabulary that is not known.
  case unknownVocabulary(String, dialect: String)
  /// The schema breaks the metaschema of its dialect; what is broken, in its words.
  case breaksMetaschema(String, dialect: String)
  /// All references that lead nowhere, in the order of the text; nothing is ever fetched.
  case unresolvedReferences([SchemaReference])
  /// Schemas that refer to one another without ever reaching into the value.
  case referenceLoop
  case duplicateIdentifier(String)
  /// A reference that means one document here and another one there, or two versions of one.
  case ambiguousReference(String)
  case badPattern(PatternFault)
  case limitExceeded(what: String, limit: Int)

  /// A stable code for problem documents.
  public var code: String { kind.rawValue }

  var kind: SchemaFaultCode {
    switch self {
    case .malformedJSON: .malformed
    case .notASchema, .wrongValue, .breaksMetaschema: .invalid
    case .unknownDialect, .unknownVocabulary: .unknownDialect
    case .unresolvedReferences: .unresolvedReference
    case .referenceLoop: .referenceLoop
    case .duplicateIdentifier: .duplicateIdentifier
    case .ambiguousReference: .ambiguousReference
    case .badPattern: .badPattern
    case .limitExceeded: .limitExceeded
    }
  }

  /// A sentence for the one who registers.
  public var message: String {
    switch self {
    case .malformedJSON(let fault):
      "is not JSON: \(fault.code.text) in line \(fault.line), column \(fault.column)"
    case .notASchema: "must be a schema: an object or a boolean"
    case .wrongValue(let expected): "must be \(expected)"
    case .unknownDialect(let uri):
      "names the dialect \(uri); known are "
        + SchemaDialect.allCases.map(\.uri).joined(separator: " and ")
    case .unknownVocabulary(let uri, let dialect):
      "names the dialect \(dialect), which needs the vocabulary \(uri); that one is not known"
    case .breaksMetaschema(let message, let dialect):
      "\(message), says the metaschema of the dialect \(dialect)"
    case .unresolvedReferences(let references):
      "refers to " + references.prefix(8).map(\.uri).joined(separator: ", ")
        + (references.count > 8 ? " and \(references.count - 8) more" : "")
        + (references.count == 1 ? ", which is not there" : ", which are not there")
    case .referenceLoop: "refers to itself without reaching into the value"
    case .ambiguousReference(let uri):
      "refers to \(uri), which comes to mean two documents, or two versions of one"
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
