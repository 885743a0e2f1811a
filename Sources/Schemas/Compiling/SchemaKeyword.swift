/// What the keywords of each edition hold, as far as one must know it to find subschemas.
enum SchemaKeyword {
  /// Where a keyword's subschemas are.
  enum Role {
    /// The value is a schema.
    case schema
    /// The value is an array of schemas.
    case list
    /// The value is an object whose members are schemas.
    case map
    /// `items` of draft-07: a schema or an array of them.
    case schemaOrList
    /// `dependencies`: an object of schemas or arrays of names.
    case dependencies
    /// No schemas inside; understood or an annotation.
    case plain
    /// Of another edition: does nothing here, which is worth a warning.
    case foreign
  }

  /// What `keyword` is in a dialect; nil for one that no edition knows.
  static func role(of keyword: String, in rules: DialectRules) -> Role? {
    let role =
      shared[keyword]
      ?? (rules.edition == .draft07 ? draft07[keyword] : draft202012[keyword])
    guard let role, role != .foreign, rules.vocabularies != .standard else { return role }
    let home = vocabularies[keyword] ?? .validation
    return rules.vocabularies.isDisjoint(with: home) ? .foreign : role
  }

  private static let shared: [String: Role] = [
    "$schema": .plain, "$id": .plain, "$ref": .plain, "$comment": .plain, "title": .plain,
    "description": .plain, "default": .plain, "examples": .plain, "readOnly": .plain,
    "writeOnly": .plain, "deprecated": .plain, "type": .plain, "enum": .plain, "const": .plain,
    "multipleOf": .plain, "minimum": .plain, "maximum": .plain, "exclusiveMinimum": .plain,
    "exclusiveMaximum": .plain, "minLength": .plain, "maxLength": .plain, "pattern": .plain,
    "format": .plain, "contentEncoding": .plain, "contentMediaType": .plain, "minItems": .plain,
    "maxItems": .plain, "uniqueItems": .plain, "minProperties": .plain, "maxProperties": .plain,
    "required": .plain,
    "definitions": .map, "properties": .map, "patternProperties": .map,
    "additionalProperties": .schema, "propertyNames": .schema, "contains": .schema,
    "not": .schema, "if": .schema, "then": .schema, "else": .schema,
    "allOf": .list, "anyOf": .list, "oneOf": .list, "dependencies": .dependencies,
    "$recursiveRef": .foreign, "$recursiveAnchor": .foreign, "id": .foreign,
  ]

  private static let draft07: [String: Role] = [
    "items": .schemaOrList, "additionalItems": .schema,
    "$defs": .foreign, "$anchor": .foreign, "prefixItems": .foreign, "minContains": .foreign,
    "maxContains": .foreign, "dependentRequired": .foreign, "dependentSchemas": .foreign,
    "contentSchema": .foreign, "$dynamicRef": .foreign, "$dynamicAnchor": .foreign,
    "$vocabulary": .foreign, "unevaluatedProperties": .foreign, "unevaluatedItems": .foreign,
  ]

  private static let draft202012: [String: Role] = [
    "items": .schema, "prefixItems": .list, "$defs": .map, "$anchor": .plain,
    "minContains": .plain, "maxContains": .plain, "dependentRequired": .plain,
    "dependentSchemas": .map, "contentSchema": .schema, "additionalItems": .foreign,
    "$dynamicRef": .plain, "$dynamicAnchor": .plain, "$vocabulary": .plain,
    "unevaluatedProperties": .schema, "unevaluatedItems": .schema,
  ]

  /// Where 2020-12 defines its keywords; those left out are validation's.
  private static let vocabularies: [String: Vocabularies] = {
    let keywords: [(Vocabularies, [String])] = [
      (
        .core,
        [
          "$schema", "$id", "$ref", "$comment", "$anchor", "$defs", "definitions", "$dynamicRef",
          "$dynamicAnchor", "$vocabulary",
        ]
      ),
      (
        .applicator,
        [
          "properties", "patternProperties", "additionalProperties", "propertyNames", "items",
          "prefixItems", "contains", "not", "if", "then", "else", "allOf", "anyOf", "oneOf",
          "dependencies", "dependentSchemas",
        ]
      ),
      (.unevaluated, ["unevaluatedProperties", "unevaluatedItems"]),
      (
        .metaData,
        ["title", "description", "default", "examples", "readOnly", "writeOnly", "deprecated"]
      ),
      ([.formatAnnotation, .formatAssertion], ["format"]),
      (.content, ["contentEncoding", "contentMediaType", "contentSchema"]),
    ]
    var homes: [String: Vocabularies] = [:]
    for (vocabulary, names) in keywords {
      for name in names { homes[name] = vocabulary }
    }
    return homes
  }()
}
