/// What kind of fault a schema has. Raw values are stable across releases: clients decide by them.
/// `docs/problems.md` lists all.
public enum SchemaFaultCode: String, CaseIterable, Sendable {
  case malformed = "schema_malformed"
  case invalid = "schema_invalid"
  case unknownDialect = "schema_dialect_unknown"
  case unresolvedReference = "schema_reference_unresolved"
  case referenceLoop = "schema_reference_loop"
  case duplicateIdentifier = "schema_identifier_duplicate"
  case ambiguousReference = "schema_reference_ambiguous"
  case badPattern = "schema_pattern_invalid"
  case limitExceeded = "schema_limit_exceeded"

  /// What it tells, for `docs/problems.md`.
  public var meaning: String {
    switch self {
    case .malformed: "The text is not JSON; `line`, `column` and `offset` say where."
    case .invalid:
      "A keyword's value is not what its edition, or the metaschema of its dialect, asks for."
    case .unknownDialect: "`$schema` names neither edition nor a dialect that is known here."
    case .unresolvedReference: "A reference leads nowhere; each has an element of its own."
    case .referenceLoop: "Schemas refer to one another without reaching into the value."
    case .duplicateIdentifier: "Two parts have the same `$id` or anchor."
    case .ambiguousReference: "Two versions of one document would be part of one schema."
    case .badPattern: "A pattern is none of ECMA-262, or needs more than patterns may."
    case .limitExceeded: "The schema is larger or deeper than docs/limits.md allows."
    }
  }
}
