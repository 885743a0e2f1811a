/// What is known of the values that a registered schema labels.
public enum Labelling: Sendable {
  /// Its program is not in memory, and whether it labels anything is not known.
  case unknown
  case unlabelled
  case classified(SchemaClassification)
  /// Its text does not compile any more: nobody knows.
  case unreadable

  public init(_ program: CompiledSchema) {
    self = program.classification.map { .classified($0) } ?? .unlabelled
  }
}
