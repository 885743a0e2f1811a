/// Writes the reading of `evolution` into a schema, in the schema's own words: objects that declare
/// something and say nothing of other members get `unevaluatedProperties: false`.
enum ClosedReading {
  private static let inPlace = ["allOf", "anyOf", "oneOf", "if", "then", "else"]
  private static let positions = [
    "properties", "patternProperties", "prefixItems", "items", "contains",
    "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
  ]

  /// A branch that may hold or not says something explicit of other members.
  private struct Mixed: Error {}

  /// Nil where a reference would let a schema stand in two readings, or where it depends on the
  /// value whether other members are spoken of.
  static func of(_ schema: RandomJSON) -> RandomJSON? {
    guard case .object(let members) = schema else { return schema }
    let own = members.filter { $0.name != "$defs" }
    guard !RandomJSON.object(own).json.contains("$ref") else { return nil }
    return try? closed(.object(own), isPosition: true)
  }

  private static func closed(_ schema: RandomJSON, isPosition: Bool) throws -> RandomJSON {
    guard case .object(let members) = schema else { return schema }
    var closed = try members.map { name, value -> (name: String, value: RandomJSON) in
      if inPlace.contains(name) || name == "dependentSchemas" {
        return (name, try each(value, isMap: name == "dependentSchemas", isPosition: false))
      }
      guard positions.contains(name) else { return (name, value) }
      return (name, try each(value, isMap: isMap(name), isPosition: true))
    }
    var facts = Facts()
    facts.add(schema, isCertain: true)
    if isPosition, facts.isMixed { throw Mixed() }
    if isPosition, facts.declares, !facts.isExplicit {
      closed.append(("unevaluatedProperties", .text("false")))
    }
    return .object(closed)
  }

  private static func isMap(_ name: String) -> Bool {
    name == "properties" || name == "patternProperties"
  }

  /// A schema, or the schemas of a list or map.
  private static func each(
    _ value: RandomJSON, isMap: Bool, isPosition: Bool
  ) throws -> RandomJSON {
    switch value {
    case .array(let items): .array(try items.map { try closed($0, isPosition: isPosition) })
    case .object(let members) where isMap:
      .object(try members.map { ($0.name, try closed($0.value, isPosition: isPosition)) })
    default: try closed(value, isPosition: isPosition)
    }
  }

  /// What the schemas that apply to one value say of its members.
  private struct Facts {
    var declares = false
    var isExplicit = false
    var isMixed = false

    mutating func add(_ schema: RandomJSON, isCertain: Bool) {
      guard case .object(let members) = schema else { return }
      for (name, value) in members {
        switch name {
        case "properties", "patternProperties": declares = true
        case "additionalProperties", "unevaluatedProperties":
          isExplicit = true
          if !isCertain { isMixed = true }
        case "dependentSchemas":
          if case .object(let schemas) = value {
            for (_, schema) in schemas { add(schema, isCertain: false) }
          }
        case _ where inPlace.contains(name):
          let isSure = isCertain && name == "allOf"
          if case .array(let schemas) = value {
            for schema in schemas { add(schema, isCertain: isSure) }
          } else {
            add(value, isCertain: false)
          }
        default: break
        }
      }
    }
  }
}
