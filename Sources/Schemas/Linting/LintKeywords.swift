/// What the lint knows of keywords; of both editions together.
enum LintKeywords {
  enum Children {
    /// Schemas of values inside the value.
    case inside
    /// Schemas of the same value.
    case beside
    /// An object of schemas.
    case map
  }

  /// Where schemas are inside schemas.
  static let children: [String: Children] = [
    "properties": .map, "patternProperties": .map, "$defs": .map, "definitions": .map,
    "dependentSchemas": .map, "dependencies": .map,
    "additionalProperties": .inside, "unevaluatedProperties": .inside, "propertyNames": .inside,
    "items": .inside, "prefixItems": .inside, "additionalItems": .inside,
    "unevaluatedItems": .inside, "contains": .inside, "contentSchema": .inside,
    "allOf": .beside, "anyOf": .beside, "oneOf": .beside, "not": .beside, "if": .beside,
    "then": .beside, "else": .beside,
  ]

  /// Keywords that are about one kind of value only.
  static let kinds: [(kind: String, names: [String])] = [
    (
      "object",
      [
        "properties", "patternProperties", "additionalProperties", "unevaluatedProperties",
        "required", "minProperties", "maxProperties", "propertyNames", "dependencies",
        "dependentRequired", "dependentSchemas",
      ]
    ),
    (
      "array",
      [
        "items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "minItems",
        "maxItems", "uniqueItems", "minContains", "maxContains",
      ]
    ),
    (
      "string",
      ["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"]
    ),
    (
      "number",
      ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
    ),
  ]

  private static let others = [
    "$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
    "$recursiveAnchor", "$vocabulary", "$comment", "title", "description", "default", "examples",
    "readOnly", "writeOnly", "deprecated", "type", "enum", "const",
  ]

  /// In byte order.
  static let all: [String] = Set(others + kinds.flatMap(\.names) + children.keys).sorted()
  static let spellings = all.map { Array($0.utf8) }
  private static let known = Set(all)

  /// `id` is what `$id` was called before draft-06; the compiler says so.
  static func isKnown(_ name: String) -> Bool { known.contains(name) || name == "id" }

  private static let silent: Set = [
    "$schema", "$id", "$ref", "$comment", "title", "description", "default", "examples",
    "readOnly", "writeOnly", "deprecated", "definitions", "$defs", "$anchor",
  ]

  /// Whether leaving the keyword out changes verdicts.
  static func isAssertion(_ name: String) -> Bool {
    known.contains(name) && !silent.contains(name)
  }
}
