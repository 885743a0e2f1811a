public import Bytes

/// What a topic's events must keep at the moment: the catalogue's snapshot holds one for each topic
/// that has a schema or a binding. Immutable; replaced whole when either changes.
public final class SchemaBinding: Sendable {
  /// What every event is checked against; nil where that depends on its type.
  public let sole: BoundSchema?
  /// What the rules check against, in their order; empty beside `sole`.
  public let bound: [BoundSchema]
  /// As the owner set it; its defaults where nothing is set.
  public let terms: SchemaBindingTerms
  private let table: EventTypeTable

  /// One schema for all events of a topic.
  public init(_ sole: BoundSchema, terms: SchemaBindingTerms = SchemaBindingTerms()) {
    self.sole = sole
    bound = []
    self.terms = terms
    table = EventTypeTable([], untyped: .empty)
  }

  /// A schema for each rule of `terms`.
  ///
  /// - Parameters:
  ///   - bound: one for each rule.
  ///   - untyped: the type that events without one have: `<namespace>.<topic>`.
  public init(rules bound: [BoundSchema], terms: SchemaBindingTerms, untyped: ByteSlice) {
    precondition(bound.count == terms.rules.count, "a schema for each rule")
    sole = nil
    self.bound = bound
    self.terms = terms
    table = EventTypeTable(terms.rules.map(\.type), untyped: untyped)
  }

  /// One schema, enforced.
  public convenience init(version: UInt32, program: CompiledSchema) {
    self.init(BoundSchema(version: version, in: ProgramCell(holding: program)))
  }

  /// What an event of this type is checked against; nil where no rule fits. Allocates nothing.
  ///
  /// - Parameter type: as the publisher sent it; nil where it sent none.
  public func schema(for type: ByteSlice?) -> BoundSchema? {
    if let sole { return sole }
    guard let rule = table.rule(for: type) else { return nil }
    return bound[rule]
  }

  /// All that it checks against.
  public var schemas: [BoundSchema] { sole.map { [$0] } ?? bound }

  /// Whether it lets events pass that no rule fits.
  public var takesUnchecked: Bool { sole == nil && terms.unmatched == .allow }

  /// The types of the rules, for those whose event fits none.
  public var types: [ByteSlice] { terms.rules.map(\.type) }
}

/// One version of one line, for payloads to be checked against.
public final class BoundSchema: Sendable {
  public let subject: SchemaSubject
  /// From 1, counted through all lines of the topic.
  public let version: UInt32
  private let cell: ProgramCell
  /// Nil where it is not deprecated.
  public let deprecated: SchemaDeprecation?
  public let enforcement: SchemaEnforcement
  /// Other live versions of the line that a publisher may choose.
  public let choices: [Choice]

  /// A version beside the default one.
  public struct Choice: Sendable {
    public let version: UInt32
    /// Nil where it is not deprecated.
    public let deprecated: SchemaDeprecation?
    private let cell: ProgramCell

    public init(version: UInt32, deprecated: SchemaDeprecation?, in cell: ProgramCell) {
      self.version = version
      self.deprecated = deprecated
      self.cell = cell
    }

    /// What checks payloads; nil while it is not compiled.
    public var program: CompiledSchema? { cell.program }
  }

  /// What checks payloads; nil while it is not compiled: whoever needs it has it compiled, off the
  /// event loops, and puts it into its cell.
  public var program: CompiledSchema? { cell.program }

  /// What it labels, as far as that is known without compiling it.
  public var labelling: Labelling { cell.labelling }

  public init(
    subject: SchemaSubject = .topic, version: UInt32, in cell: ProgramCell,
    deprecated: SchemaDeprecation? = nil, enforcement: SchemaEnforcement = .enforce,
    choices: [Choice] = []
  ) {
    self.subject = subject
    self.version = version
    self.cell = cell
    self.deprecated = deprecated
    self.enforcement = enforcement
    self.choices = choices
  }
}
