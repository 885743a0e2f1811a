import JSONText

/// One schema in the flat program: what kinds it takes, and where its rules by kind stand.
struct ProgramNode: BitwiseCopyable, Sendable {
  /// Marks an absent index.
  static let none = UInt32.max
  /// The node that takes everything, in every program.
  static let anything: UInt32 = 0

  var types: TypeSet
  /// Kinds of tokens that are taken without another look, a bit for each (`JSONToken.kindNumber`).
  private(set) var settled: UInt8 = 0
  /// Kinds of tokens that may be taken.
  private(set) var possible: UInt8 = 0
  /// Branches of this node; a schema has at most a few.
  var branchCount: UInt16 = 0
  var firstBranch: UInt32 = 0
  var string = ProgramNode.none
  var number = ProgramNode.none
  var array = ProgramNode.none
  var object = ProgramNode.none
  /// Makes a node 32 bytes long, so that finding one takes a shift.
  private var padding: UInt32 = 0

  init(types: TypeSet) { self.types = types }

  /// Works out which kinds of tokens the node's types and rules decide about by themselves.
  mutating func settle() {
    possible = 0
    if types.contains(.null) { possible |= JSONToken.bit(of: .null) }
    if types.contains(.boolean) {
      possible |= JSONToken.bit(of: .true) | JSONToken.bit(of: .false)
    }
    if types.contains(.integer) { possible |= JSONToken.bit(of: .number) }
    // Whether a fraction is whole takes another look.
    if !types.isDisjoint(with: .number) { possible |= JSONToken.fractionBit }
    if types.contains(.string) { possible |= JSONToken.bit(of: .string) }
    if types.contains(.array) { possible |= JSONToken.bit(of: .array) }
    if types.contains(.object) { possible |= JSONToken.bit(of: .object) }
    settled = branchCount == 0 ? possible : 0
    if string != Self.none { settled &= ~JSONToken.bit(of: .string) }
    if number != Self.none { settled &= ~JSONToken.bit(of: .number) }
    if number != Self.none || !types.isSuperset(of: .number) { settled &= ~JSONToken.fractionBit }
    if array != Self.none { settled &= ~JSONToken.bit(of: .array) }
    if object != Self.none { settled &= ~JSONToken.bit(of: .object) }
  }
}

/// `minLength`, `maxLength` (code points), `pattern` and `format`.
struct StringRule: Sendable {
  var minimum: UInt32
  var maximum: UInt32
  /// An index into the program's patterns.
  var pattern = ProgramNode.none
  var format: StringFormat?

  /// Whether nothing but the length matters.
  @inline(__always) var isLengthAlone: Bool { pattern == ProgramNode.none && format == nil }
}

/// Bounds on numbers. Values of up to 18 digits without fraction are decided by the interval.
struct NumberRule: BitwiseCopyable, Sendable {
  /// Whether every bound is an integer of 64 bits, so that the interval says all.
  var isInterval = true
  /// The least and the greatest integer taken.
  var lowest = Int64.min
  var highest = Int64.max
  /// Whether the interval is right for fractions too: no bound is exclusive, no divisor is set.
  var holdsForFractions = true
  /// What integers must divide by; 1 where nothing is said.
  var divisor: Int64 = 1
  /// Tokens of the program's constants.
  var minimum = ProgramNode.none
  var exclusiveMinimum = ProgramNode.none
  var maximum = ProgramNode.none
  var exclusiveMaximum = ProgramNode.none
  var multipleOf = ProgramNode.none
}

/// What arrays must keep. List positions are indices into the program's lists.
struct ArrayRule: BitwiseCopyable, Sendable {
  var minimum: UInt32
  var maximum: UInt32
  var unique: Bool
  /// Whether the prefix is draft-07's `items`.
  var prefixIsItems: Bool
  var firstPrefix: UInt32
  var prefixCount: UInt32
  /// The schema behind the prefix.
  var rest: UInt32
  var contains = ProgramNode.none
  /// Whether items that `contains` takes count as evaluated.
  var containsEvaluates: Bool
  /// Whether every item counts as evaluated.
  var evaluatesAll: Bool
  var minimumContains: UInt32
  var maximumContains: UInt32
}

/// What objects must keep.
struct ObjectRule: BitwiseCopyable, Sendable {
  var table: NameTable
  var requiredCount: UInt32
  var minimum: UInt32
  var maximum: UInt32
  var additional: UInt32
  /// Whether `additional` is the schema `false`.
  var isClosed: Bool
  /// Whether every member counts as evaluated.
  var evaluatesAll: Bool
  var names: UInt32
  var firstPattern: UInt32
  var patternCount: UInt32
  var firstDependency: UInt32
  var dependencyCount: UInt32
}

/// A pattern of names and the schema of the members that have them.
struct PatternRule: BitwiseCopyable, Sendable {
  var pattern: UInt32
  var schema: UInt32
}

/// What a member's presence demands. Names are slots of one-name tables.
struct DependencyRule: BitwiseCopyable, Sendable {
  /// The table whose one name triggers the rule.
  var trigger: NameTable
  /// The schema that the object must then keep, or `none`.
  var schema: UInt32
  /// The names that must then be there: a table whose names are all required, or `none`.
  var required: NameTable
  var requiredCount: UInt32
  /// Whether the keyword is `dependencies`; read by explanations only.
  var isPlain = false
}

/// A constraint whatever the value's kind.
struct ProgramBranch: BitwiseCopyable, Sendable {
  enum Operation: UInt8, Sendable {
    /// `first` is a token of the program's constants.
    case constant
    /// `first` is the token of the array of allowed values.
    case enumeration
    /// The same by the hashes of the values: `second` is the first slot of the program's index,
    /// `third` the number of slots less one.
    case indexed
    /// Strings in the table `first`, and the literals in `second`; `third` is the values' token.
    case words
    /// `first` is the raw value of a `StringContent`.
    case content
    /// `first` is a node.
    case reference
    /// `first` is a position in the lists, `second` the number of nodes there.
    case all, any, one
    /// As `any` and `one`, with the discriminator `third`.
    case chosenAny, chosenOne
    /// `first` is a node.
    case negation
    /// Nodes of `if`, `then`, `else`.
    case condition
    /// `first` is the schema of what is left, `second` the node itself; `third` is 1 where the
    /// schema is `false`.
    case unevaluatedProperties, unevaluatedItems
  }

  var operation: Operation
  var first: UInt32
  var second: UInt32 = ProgramNode.none
  var third: UInt32 = ProgramNode.none

  /// Bits of `second` of `words`.
  static let null: UInt32 = 1
  static let `false`: UInt32 = 2
  static let `true`: UInt32 = 4
  /// Set where the keyword was `const`.
  static let isConstant: UInt32 = 8
}

/// A member whose value says which branch of a union applies: every branch requires it, and no two
/// branches take the same value.
struct Discriminator: BitwiseCopyable, Sendable {
  /// A table of the member's one name.
  var member: NameTable
  /// The values; the schema of a slot is the branch.
  var values: NameTable
}

/// A schema as flat tables of fixed-size nodes: immutable, shared by all loops.
struct SchemaProgram: Sendable {
  var nodes: [ProgramNode] = []
  var branches: [ProgramBranch] = []
  var strings: [StringRule] = []
  var numbers: [NumberRule] = []
  var arrays: [ArrayRule] = []
  var objects: [ObjectRule] = []
  var patternRules: [PatternRule] = []
  var dependencies: [DependencyRule] = []
  var discriminators: [Discriminator] = []
  var tables: [NameTable] = []
  var slots: [NameTable.Slot] = []
  var names: [UInt8] = []
  /// Tokens of the constants by the hashes of their values, 0 where a slot is free.
  var index: [UInt32] = []
  /// Nodes of lists of schemas.
  var lists: [UInt32] = []
  var patterns: [Pattern] = []
  /// Of each pattern, whether it is a chain and of which links.
  var chains: [PatternShape.Place] = []
  var links: [PatternShape.Link] = []
  /// Where each node stands in the document; read by explanations only.
  var pointers: [String] = []
  /// What the author says of broken keywords, by node; read by explanations only.
  var authorTexts: [UInt32: AuthorTexts] = [:]
  /// Whether each node has `type`; read by explanations only.
  var declaresType: [Bool] = []
  var root = ProgramNode.anything
  /// Constants and bounds, as the elements of one array.
  var constants: JSONDocument

  init(constants: JSONDocument) { self.constants = constants }
}
