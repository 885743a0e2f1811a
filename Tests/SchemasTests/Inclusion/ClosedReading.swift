/// Writes the reading of `evolution` into a schema, in the schema's own words: objects that declare
/// something and say nothing of other members get `unevaluatedProperties: false`.
enum ClosedReading {
  private static let inPlace = ["allOf", "anyOf", "oneOf", "if", "then", "else"]
  private static let positions = [
    "properties", "patternProperties", "prefixItems", "items", "contains",
    "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
  ]

  /// Nil where a reference would let a schema stand in two readings.
  static func of(_ schema: RandomJSON) -> RandomJSON? {
    guard case .object(let members) = schema else { return schema }
    let own = members.filter { $0.name != "$defs" }
    guard !RandomJSON.object(own).json.contains("$ref") else { return nil }
    return closed(.object(own), isPosition: true)
  }

  private static func closed(_ schema: RandomJSON, isPosition: Bool) -> RandomJSON {
    guard case .object(let members) = schema else { return schema }
    var closed = members.map { name, value -> (name: String, value: RandomJSON) in
      if inPlace.contains(name) || name == "dependentSchemas" {
        return (name, each(value, isMap: name == "dependentSchemas", isPosition: false))
      }
      guard positions.contains(name) else { return (name, value) }
      return (name, each(value, isMap: isMap(name), isPosition: true))
    }
    var facts = Facts()
    facts.add(schema)
    if isPosition, facts.declares, !facts.isExplicit {
      closed.append(("unevaluatedProperties", .text("false")))
    }
    return .object(closed)
  }

  private static func isMap(_ name: String) -> Bool {
    name == "properties" || name == "patternProperties"
  }

  /// A schema, or the schemas of a list or map.
  private static func each(_ value: RandomJSON, isMap: Bool, isPosition: Bool) -> RandomJSON {
    switch value {
    case .array(let items): .array(items.map { closed($0, isPosition: isPosition) })
    case .object(let members) where isMap:
      .object(members.map { ($0.name, closed($0.value, isPosition: isPosition)) })
    default: closed(value, isPosition: isPosition)
    }
  }

  /// What the schemas that apply to one value say of its members.
  private struct Facts {
    var declares = false
    var isExplicit = false

    mutating func add(_ schema: RandomJSON) {
      guard case .object(let members) = schema else { return }
      for (name, value) in members {
        switch name {
        case "properties", "patternProperties": declares = true
        case "additionalProperties", "unevaluatedProperties": isExplicit = true
        case "dependentSchemas":
          if case .object(let schemas) = value { for (_, schema) in schemas { add(schema) } }
        case _ where inPlace.contains(name):
          if case .array(let schemas) = value { schemas.forEach { add($0) } } else { add(value) }
        default: break
        }
      }
    }
  }
}
