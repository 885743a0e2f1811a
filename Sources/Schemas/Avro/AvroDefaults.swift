import Bytes
import JSONText

/// Whether the defaults of a definition's fields are values of their types: as the specification
/// says, bytes as text, and of a union any branch. Goes down with the values; unions inside one
/// another could make it try for ever, so it has a budget.
struct AvroDefaults {
  private let definition: AvroDefinition
  private var fuel = SchemaLimits.inclusionFuel
  /// The symbols of enums that a default was held against, by number.
  private var symbols: [Int: Set<ByteSlice>] = [:]

  /// Refuses the first default that does not fit, at its place.
  static func check(_ definition: AvroDefinition) throws(SchemaFault) {
    var defaults = AvroDefaults(definition: definition)
    for type in definition.types {
      guard case .record(_, let fields) = type.kind else { continue }
      for field in fields {
        guard let value = field.fallback else { continue }
        let place = field.pointer + "/default"
        guard defaults.takes(value, as: field.type) else {
          throw SchemaFault(
            at: place,
            defaults.fuel > 0
              ? .wrongValue(expected: "a value of the field's type, \(definition[field.type].word)")
              : .limitExceeded(
                what: "steps to check its defaults", limit: SchemaLimits.inclusionFuel))
        }
      }
    }
  }

  private init(definition: AvroDefinition) { self.definition = definition }

  private mutating func takes(_ value: JSONNode, as number: Int) -> Bool {
    // Texts and numbers are read from end to end.
    let isScalar = value.kind != .array && value.kind != .object
    fuel -= isScalar ? 1 + value.raw.count / 8 : 1
    guard fuel > 0 else { return false }
    switch definition[number].kind {
    case .null: return value.isNull
    case .boolean: return value.bool != nil
    case .int: return value.integer.map { Int32(exactly: $0) != nil } ?? false
    case .long: return value.integer != nil
    case .float, .double: return value.kind == .number
    case .string: return value.kind == .string
    case .bytes: return Self.isOctets(value)
    case .fixed(_, let size):
      return Self.isOctets(value) && value.text?.unicodeScalars.count == size
    case .enumeration(_, let list, _):
      guard let symbol = value.string else { return false }
      if symbols[number] == nil { symbols[number] = Set(list.elements.compactMap(\.string)) }
      return symbols[number]?.contains(symbol) ?? false
    case .array(let items):
      guard value.kind == .array else { return false }
      for element in value.elements where !takes(element, as: items) { return false }
      return true
    case .map(let values):
      guard value.kind == .object else { return false }
      for (_, element) in value.members where !takes(element, as: values) { return false }
      return true
    case .union(let branches):
      for branch in branches where takes(value, as: branch) { return true }
      return false
    case .record(_, let fields):
      return value.kind == .object && takes(value, with: fields)
    }
  }

  /// Whether an object has the fields of a record. Its members are looked up: passing over them for
  /// each field would take the product of both.
  private mutating func takes(_ value: JSONNode, with fields: [AvroField]) -> Bool {
    var members: [ByteSlice: JSONNode] = [:]
    for (name, element) in value.members {
      fuel -= 1 + name.count / 8
      members[name] = element
    }
    for field in fields {
      fuel -= 1 + field.name.count / 8
      guard fuel > 0 else { return false }
      guard let element = members[field.name] else {
        if field.fallback == nil { return false }
        continue
      }
      if !takes(element, as: field.type) { return false }
    }
    return true
  }

  /// Text whose characters stand for bytes.
  private static func isOctets(_ value: JSONNode) -> Bool {
    value.text?.unicodeScalars.allSatisfy { $0.value < 256 } ?? false
  }
}
