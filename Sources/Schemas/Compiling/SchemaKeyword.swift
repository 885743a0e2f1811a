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
    /// Would change verdicts and is not built yet.
    case notSupported
  }

  static func role(of keyword: String, in dialect: SchemaDialect) -> Role? {
    shared[keyword] ?? (dialect == .draft07 ? draft07[keyword] : draft202012[keyword])
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
    "$dynamicRef": .notSupported, "$dynamicAnchor": .notSupported,
    "$recursiveRef": .notSupported, "$recursiveAnchor": .notSupported,
    "unevaluatedProperties": .notSupported, "unevaluatedItems": .notSupported,
    "$vocabulary": .notSupported, "id": .foreign,
  ]

  private static let draft07: [String: Role] = [
    "items": .schemaOrList, "additionalItems": .schema,
    "$defs": .foreign, "$anchor": .foreign, "prefixItems": .foreign, "minContains": .foreign,
    "maxContains": .foreign, "dependentRequired": .foreign, "dependentSchemas": .foreign,
    "contentSchema": .foreign,
  ]

  private static let draft202012: [String: Role] = [
    "items": .schema, "prefixItems": .list, "$defs": .map, "$anchor": .plain,
    "minContains": .plain, "maxContains": .plain, "dependentRequired": .plain,
    "dependentSchemas": .map, "contentSchema": .schema, "additionalItems": .foreign,
  ]
}
