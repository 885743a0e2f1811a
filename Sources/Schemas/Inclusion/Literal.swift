import JSONText

/// A schema of one of the two graphs, kept or broken by a value: what the search puts together.
struct Literal: Hashable, Comparable {
  private let raw: UInt32

  init(_ side: Side, _ index: Int, isKept: Bool) {
    raw = UInt32(index) << 2 | (side == .reader ? 2 : 0) | (isKept ? 1 : 0)
  }

  enum Side { case writer, reader }

  var side: Side { raw & 2 == 0 ? .writer : .reader }
  var index: Int { Int(raw >> 2) }
  /// Whether the value keeps the schema or breaks it.
  var isKept: Bool { raw & 1 == 1 }

  /// The same schema, the other way round.
  var opposite: Literal { Literal(side, index, isKept: !isKept) }

  /// Another schema of the same graph.
  func other(_ index: Int, isKept: Bool) -> Literal { Literal(side, index, isKept: isKept) }

  static func < (left: Literal, right: Literal) -> Bool { left.raw < right.raw }
}

/// The two graphs that are compared.
struct SchemaPair {
  let writer: [GraphNode]
  let reader: [GraphNode]

  subscript(literal: Literal) -> GraphNode { graph(literal.side)[literal.index] }

  func graph(_ side: Literal.Side) -> [GraphNode] { side == .writer ? writer : reader }
}

/// One of the kinds of values that are looked for separately.
enum ValueKind: CaseIterable {
  case null, boolean, integer, fractional, string, array, object

  var types: TypeSet {
    switch self {
    case .null: .null
    case .boolean: .boolean
    case .integer: .integer
    case .fractional: .fractional
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }
}
