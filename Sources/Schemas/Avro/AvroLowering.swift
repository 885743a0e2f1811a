import Bytes
import JSONText

/// Lowers an Avro definition to the draft-neutral graph: what plain JSON, as Pulsar's producers
/// write it, must look like. Each type is the node of its own number; nodes behind those are parts
/// of enums.
///
/// Producers leave out what is null, so a field that may be null or has a default need not be
/// there; they do not tag the branches of unions; the Python client writes the values of enums
/// instead of their symbols; consumers ignore members that they do not know.
struct AvroLowering {
  private let definition: AvroDefinition
  private let bounds: JSONNode
  private let notFinite: Pattern
  /// Nodes behind those of the types.
  private var parts: [GraphNode] = []
  /// Fields of records that unions say over again.
  private var copied = 0

  /// The graph of a definition; its first node is the root.
  static func graph(of definition: AvroDefinition) throws(SchemaFault) -> [GraphNode] {
    var lowering = try AvroLowering(definition)
    var nodes: [GraphNode] = []
    for type in definition.types {
      if case .enumeration(_, let symbols, _) = type.kind {
        nodes.append(try lowering.enumeration(symbols, at: type.pointer))
      } else {
        nodes.append(lowering.node(type))
      }
    }
    return nodes + lowering.parts
  }

  /// A symbol, or a number that stands for one: its position from 0, or from 1 as Python's
  /// enumerations count by themselves. The definition does not have the numbers.
  private mutating func enumeration(
    _ symbols: JSONNode, at pointer: String
  ) throws(SchemaFault) -> GraphNode {
    var test = GraphNode(pointer: pointer)
    test.types = .string
    var word = GraphNode(pointer: pointer)
    word.branches = [.enumeration(symbols)]
    let range = try SchemaIndex.parse(ByteSlice(utf8: "[0,\(symbols.count)]"), pointer: pointer)
    var value = GraphNode(pointer: pointer)
    value.number = NumberConstraint(
      minimum: range.elements.element(at: 0), maximum: range.elements.element(at: 1))
    var node = GraphNode(pointer: pointer)
    node.types = [.string, .integer]
    let next = definition.types.count + parts.count
    parts += [test, word, value]
    // No union: whoever sends the one does not mean the other.
    node.branches = [.condition(test: next, then: next + 1, otherwise: next + 2)]
    return node
  }

  private init(_ definition: AvroDefinition) throws(SchemaFault) {
    self.definition = definition
    bounds = try SchemaIndex.parse(
      ByteSlice(utf8: "[\(Int32.min),\(Int32.max),\(Int64.min),\(Int64.max)]"), pointer: "#")
    do throws(PatternFault) {
      // How Jackson writes what JSON has no numbers for.
      notFinite = try Pattern("^(NaN|Infinity|-Infinity)$")
    } catch {
      throw SchemaFault(at: "#", .badPattern(error))
    }
  }

  private mutating func node(_ type: AvroType) -> GraphNode {
    var node = GraphNode(pointer: type.pointer)
    switch type.kind {
    case .null: node.types = .null
    case .boolean: node.types = .boolean
    case .int: makeInteger(&node, bounds: 0...1)
    case .long where type.logical?.isTimestamp == true:
      // Jackson writes instants as seconds with a fraction.
      node.types = .number
    case .long: makeInteger(&node, bounds: 2...3)
    case .float, .double:
      node.types = [.integer, .fractional, .string]
      node.string = StringConstraint(pattern: notFinite)
    case .bytes, .fixed:
      // Jackson writes decimals as numbers.
      node.types = type.logical == .decimal ? [.integer, .fractional, .string] : .string
    case .string:
      node.types = .string
      if type.logical == .uuid { node.string = StringConstraint(format: .uuid) }
    case .record(_, let fields):
      node.types = .object
      node.object = constraint(fields)
    case .enumeration: node.types = [.string, .integer]
    case .array(let items):
      node.types = .array
      node.array = ArrayConstraint(rest: items)
    case .map(let values):
      node.types = .object
      node.object = ObjectConstraint(additional: values)
    case .union(let branches): makeUnion(branches, &node)
    }
    return node
  }

  private func makeInteger(_ node: inout GraphNode, bounds range: ClosedRange<Int>) {
    node.types = .integer
    node.number = NumberConstraint(
      minimum: bounds.elements.element(at: range.lowerBound),
      maximum: bounds.elements.element(at: range.upperBound))
  }

  private func constraint(_ fields: [AvroField]) -> ObjectConstraint {
    var constraint = ObjectConstraint()
    for field in fields {
      constraint.properties.append((field.name, field.type))
      if !definition.mayBeMissing(field) { constraint.required.append(field.name) }
    }
    return constraint
  }

  /// One node says it all where no kind of JSON value belongs to two branches, as in every nullable
  /// type; else the branches are tried one by one. So are records once those that unions say over
  /// again have come to more fields than there may be types: one can stand in thousands of unions.
  private mutating func makeUnion(_ branches: [Int], _ node: inout GraphNode) {
    var merged = GraphNode(pointer: node.pointer)
    merged.types = []
    for number in branches {
      if case .record(_, let fields) = definition[number].kind {
        copied += fields.count
        guard copied <= SchemaLimits.nodes else {
          node.branches = [.any(branches)]
          return
        }
      }
      let branch = self.node(definition[number])
      // What an enum asks of texts would be asked of the other kinds too.
      var isEnumeration = false
      if case .enumeration = definition[number].kind { isEnumeration = true }
      guard !isEnumeration, merged.types.isDisjoint(with: branch.types) else {
        node.branches = [.any(branches)]
        return
      }
      merged.types.formUnion(branch.types)
      merged.string = merged.string ?? branch.string
      merged.number = merged.number ?? branch.number
      merged.array = merged.array ?? branch.array
      merged.object = merged.object ?? branch.object
    }
    node = merged
  }
}
