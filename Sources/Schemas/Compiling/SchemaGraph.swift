import Bytes
import JSONText

/// The kinds of JSON values, as bits. A number is one of two: an integer or not.
struct TypeSet: OptionSet, BitwiseCopyable, Sendable {
  let rawValue: UInt8

  static var null: TypeSet { TypeSet(rawValue: 1) }
  static var boolean: TypeSet { TypeSet(rawValue: 2) }
  static var integer: TypeSet { TypeSet(rawValue: 4) }
  static var fractional: TypeSet { TypeSet(rawValue: 8) }
  static var string: TypeSet { TypeSet(rawValue: 16) }
  static var array: TypeSet { TypeSet(rawValue: 32) }
  static var object: TypeSet { TypeSet(rawValue: 64) }
  static var number: TypeSet { TypeSet(rawValue: 12) }
  static var all: TypeSet { TypeSet(rawValue: 127) }

  /// The kinds that a value of `type` names.
  init?(named name: String) {
    switch name {
    case "null": self = .null
    case "boolean": self = .boolean
    case "integer": self = .integer
    case "number": self = .number
    case "string": self = .string
    case "array": self = .array
    case "object": self = .object
    default: return nil
    }
  }

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// One schema, free of its edition: what both drafts are lowered to. Other schemas are indices.
struct GraphNode {
  /// As `#/properties/id`.
  let pointer: String
  var types: TypeSet = .all
  var string: StringConstraint?
  var number: NumberConstraint?
  var array: ArrayConstraint?
  var object: ObjectConstraint?
  /// What holds whatever the value's kind, in the order in which it is tried.
  var branches: [GraphBranch] = []
  var authorTexts: AuthorTexts?
  /// Of what class its values are.
  var mark: ClassMark?
  /// What a text holds, in words that nobody checks; its classes are the text's.
  var contentSchema: Int?

  /// Whether the node says nothing but `$ref`.
  var alias: Int? {
    guard types == .all, string == nil, number == nil, array == nil, object == nil,
      branches.count == 1, case .reference(let target) = branches[0]
    else { return nil }
    return target
  }

  /// Schemas that apply to the same value as this one.
  var inPlace: [Int] {
    var targets: [Int] = []
    for branch in branches {
      switch branch {
      case .constant, .enumeration, .content, .unevaluatedProperties, .unevaluatedItems: break
      case .reference(let target), .negation(let target): targets.append(target)
      case .all(let schemas), .any(let schemas), .one(let schemas): targets += schemas
      case .condition(let test, let then, let otherwise):
        targets += [test, then, otherwise].compactMap { $0 }
      }
    }
    targets += object?.dependentSchemas.map(\.schema) ?? []
    return targets
  }
}

/// A constraint that does not depend on the value's kind.
enum GraphBranch {
  case constant(JSONNode)
  /// The array of allowed values.
  case enumeration(JSONNode)
  /// What texts hold; other kinds pass.
  case content(StringContent)
  case reference(Int)
  case all([Int])
  case any([Int])
  case one([Int])
  case negation(Int)
  /// With neither `then` nor `otherwise` it matters only for what the test evaluates.
  case condition(test: Int, then: Int?, otherwise: Int?)
  /// The schema of the members, or items, that no other keyword of this node or of one that applies
  /// to the same value has taken. Last of the branches.
  case unevaluatedProperties(Int)
  case unevaluatedItems(Int)
}

struct StringConstraint {
  var minimum = 0
  var maximum: Int?
  var pattern: Pattern?
  var format: StringFormat?
}

struct NumberConstraint {
  var minimum: JSONNode?
  var exclusiveMinimum: JSONNode?
  var maximum: JSONNode?
  var exclusiveMaximum: JSONNode?
  var multipleOf: JSONNode?
}

struct ArrayConstraint {
  var minimum = 0
  var maximum: Int?
  var unique = false
  /// Schemas of the first items, by position.
  var prefix: [Int] = []
  /// Whether the prefix is draft-07's `items`, for pointers.
  var prefixKeyword = "prefixItems"
  /// Schema of the items behind the prefix.
  var rest: Int?
  var contains: Int?
  /// Whether items that `contains` takes count as evaluated: not in draft-07.
  var containsEvaluates = true
  var minimumContains = 1
  var maximumContains: Int?
}

struct ObjectConstraint {
  var minimum = 0
  var maximum: Int?
  var properties: [(name: ByteSlice, schema: Int)] = []
  var required: [ByteSlice] = []
  var patterns: [(pattern: Pattern, schema: Int)] = []
  var additional: Int?
  var names: Int?
  var dependentRequired: [(name: ByteSlice, required: [ByteSlice])] = []
  var dependentSchemas: [(name: ByteSlice, schema: Int)] = []
  /// Of `dependentRequired`, the names that `dependencies` has.
  var plainDependencies: Set<ByteSlice> = []
}
