import Bytes

/// The metaschemas of the two editions, as far as they constrain: what `$ref` to one of them means.
/// Descriptions, defaults and comments are left out, and so is what only says the same again.
enum Metaschemas {
  /// By URI.
  static let documents: [String: SchemaLibrary.Document] = {
    var all = [SchemaDialect.draft07.uri: document(draft07, SchemaDialect.draft07.uri, .draft07)]
    for (name, rules) in draft202012 {
      let uri = "https://json-schema.org/draft/2020-12/" + name
      let head =
        ##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"\##(uri)","##
        + ##""$dynamicAnchor":"meta","type":["object","boolean"],"##
      all[uri] = document(head + rules + "}", uri, .draft202012)
    }
    return all
  }()

  private static func document(
    _ text: String, _ uri: String, _ dialect: SchemaDialect
  ) -> SchemaLibrary.Document {
    SchemaLibrary.Document(
      text: ByteSlice(utf8: text), uris: [uri], dialect: dialect, isBuiltIn: true)
  }

  private static let draft07 = ##"""
    {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$id": "http://json-schema.org/draft-07/schema#",
    "type": ["object", "boolean"],
    "definitions": {
      "count": {"type": "integer", "minimum": 0},
      "kind": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
      "names": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
      "schemas": {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
      "members": {"type": "object", "additionalProperties": {"$ref": "#"}}
    },
    "properties": {
      "$id": {"type": "string", "format": "uri-reference"},
      "$schema": {"type": "string", "format": "uri"},
      "$ref": {"type": "string", "format": "uri-reference"},
      "$comment": {"type": "string"},
      "title": {"type": "string"},
      "description": {"type": "string"},
      "readOnly": {"type": "boolean"},
      "writeOnly": {"type": "boolean"},
      "examples": {"type": "array"},
      "multipleOf": {"type": "number", "exclusiveMinimum": 0},
      "maximum": {"type": "number"},
      "exclusiveMaximum": {"type": "number"},
      "minimum": {"type": "number"},
      "exclusiveMinimum": {"type": "number"},
      "maxLength": {"$ref": "#/definitions/count"},
      "minLength": {"$ref": "#/definitions/count"},
      "pattern": {"type": "string", "format": "regex"},
      "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/definitions/schemas"}]},
      "additionalItems": {"$ref": "#"},
      "maxItems": {"$ref": "#/definitions/count"},
      "minItems": {"$ref": "#/definitions/count"},
      "uniqueItems": {"type": "boolean"},
      "contains": {"$ref": "#"},
      "maxProperties": {"$ref": "#/definitions/count"},
      "minProperties": {"$ref": "#/definitions/count"},
      "required": {"$ref": "#/definitions/names"},
      "definitions": {"$ref": "#/definitions/members"},
      "properties": {"$ref": "#/definitions/members"},
      "patternProperties": {
        "allOf": [{"$ref": "#/definitions/members"}, {"propertyNames": {"format": "regex"}}]
      },
      "additionalProperties": {"$ref": "#"},
      "propertyNames": {"$ref": "#"},
      "dependencies": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#"}, {"$ref": "#/definitions/names"}]}
      },
      "enum": {"type": "array"},
      "type": {
        "anyOf": [
          {"$ref": "#/definitions/kind"},
          {
            "type": "array", "items": {"$ref": "#/definitions/kind"}, "minItems": 1,
            "uniqueItems": true
          }
        ]
      },
      "format": {"type": "string"},
      "contentMediaType": {"type": "string"},
      "contentEncoding": {"type": "string"},
      "if": {"$ref": "#"},
      "then": {"$ref": "#"},
      "else": {"$ref": "#"},
      "allOf": {"$ref": "#/definitions/schemas"},
      "anyOf": {"$ref": "#/definitions/schemas"},
      "oneOf": {"$ref": "#/definitions/schemas"},
      "not": {"$ref": "#"}
    }
    }
    """##

  /// By the end of the URI, without the opening that all have.
  private static let draft202012 = [
    "schema": ##"""
    "$vocabulary": {
      "https://json-schema.org/draft/2020-12/vocab/core": true,
      "https://json-schema.org/draft/2020-12/vocab/applicator": true,
      "https://json-schema.org/draft/2020-12/vocab/unevaluated": true,
      "https://json-schema.org/draft/2020-12/vocab/validation": true,
      "https://json-schema.org/draft/2020-12/vocab/meta-data": true,
      "https://json-schema.org/draft/2020-12/vocab/format-annotation": true,
      "https://json-schema.org/draft/2020-12/vocab/content": true
    },
    "allOf": [
      {"$ref": "meta/core"}, {"$ref": "meta/applicator"}, {"$ref": "meta/unevaluated"},
      {"$ref": "meta/validation"}, {"$ref": "meta/meta-data"},
      {"$ref": "meta/format-annotation"}, {"$ref": "meta/content"}
    ],
    "properties": {
      "definitions": {"type": "object", "additionalProperties": {"$dynamicRef": "#meta"}},
      "dependencies": {
        "type": "object",
        "additionalProperties": {
          "anyOf": [{"$dynamicRef": "#meta"}, {"$ref": "meta/validation#/$defs/stringArray"}]
        }
      },
      "$recursiveAnchor": {"$ref": "meta/core#/$defs/anchorString"},
      "$recursiveRef": {"$ref": "meta/core#/$defs/uriReferenceString"}
    }
    """##,
    "meta/core": ##"""
    "properties": {
      "$id": {"$ref": "#/$defs/uriReferenceString", "pattern": "^[^#]*#?$"},
      "$schema": {"$ref": "#/$defs/uriString"},
      "$ref": {"$ref": "#/$defs/uriReferenceString"},
      "$anchor": {"$ref": "#/$defs/anchorString"},
      "$dynamicRef": {"$ref": "#/$defs/uriReferenceString"},
      "$dynamicAnchor": {"$ref": "#/$defs/anchorString"},
      "$vocabulary": {
        "type": "object", "propertyNames": {"$ref": "#/$defs/uriString"},
        "additionalProperties": {"type": "boolean"}
      },
      "$comment": {"type": "string"},
      "$defs": {"type": "object", "additionalProperties": {"$dynamicRef": "#meta"}}
    },
    "$defs": {
      "anchorString": {"type": "string", "pattern": "^[A-Za-z_][-A-Za-z0-9._]*$"},
      "uriString": {"type": "string", "format": "uri"},
      "uriReferenceString": {"type": "string", "format": "uri-reference"}
    }
    """##,
    "meta/applicator": ##"""
    "properties": {
      "prefixItems": {"$ref": "#/$defs/schemaArray"},
      "items": {"$dynamicRef": "#meta"},
      "contains": {"$dynamicRef": "#meta"},
      "additionalProperties": {"$dynamicRef": "#meta"},
      "properties": {"$ref": "#/$defs/schemaMap"},
      "patternProperties": {
        "$ref": "#/$defs/schemaMap", "propertyNames": {"format": "regex"}
      },
      "dependentSchemas": {"$ref": "#/$defs/schemaMap"},
      "propertyNames": {"$dynamicRef": "#meta"},
      "if": {"$dynamicRef": "#meta"},
      "then": {"$dynamicRef": "#meta"},
      "else": {"$dynamicRef": "#meta"},
      "allOf": {"$ref": "#/$defs/schemaArray"},
      "anyOf": {"$ref": "#/$defs/schemaArray"},
      "oneOf": {"$ref": "#/$defs/schemaArray"},
      "not": {"$dynamicRef": "#meta"}
    },
    "$defs": {
      "schemaArray": {"type": "array", "minItems": 1, "items": {"$dynamicRef": "#meta"}},
      "schemaMap": {"type": "object", "additionalProperties": {"$dynamicRef": "#meta"}}
    }
    """##,
    "meta/unevaluated": ##"""
    "properties": {
      "unevaluatedItems": {"$dynamicRef": "#meta"},
      "unevaluatedProperties": {"$dynamicRef": "#meta"}
    }
    """##,
    "meta/validation": ##"""
    "properties": {
      "type": {
        "anyOf": [
          {"$ref": "#/$defs/simpleTypes"},
          {
            "type": "array", "items": {"$ref": "#/$defs/simpleTypes"}, "minItems": 1,
            "uniqueItems": true
          }
        ]
      },
      "enum": {"type": "array"},
      "multipleOf": {"type": "number", "exclusiveMinimum": 0},
      "maximum": {"type": "number"},
      "exclusiveMaximum": {"type": "number"},
      "minimum": {"type": "number"},
      "exclusiveMinimum": {"type": "number"},
      "maxLength": {"$ref": "#/$defs/nonNegativeInteger"},
      "minLength": {"$ref": "#/$defs/nonNegativeInteger"},
      "pattern": {"type": "string", "format": "regex"},
      "maxItems": {"$ref": "#/$defs/nonNegativeInteger"},
      "minItems": {"$ref": "#/$defs/nonNegativeInteger"},
      "uniqueItems": {"type": "boolean"},
      "maxContains": {"$ref": "#/$defs/nonNegativeInteger"},
      "minContains": {"$ref": "#/$defs/nonNegativeInteger"},
      "maxProperties": {"$ref": "#/$defs/nonNegativeInteger"},
      "minProperties": {"$ref": "#/$defs/nonNegativeInteger"},
      "required": {"$ref": "#/$defs/stringArray"},
      "dependentRequired": {
        "type": "object", "additionalProperties": {"$ref": "#/$defs/stringArray"}
      }
    },
    "$defs": {
      "nonNegativeInteger": {"type": "integer", "minimum": 0},
      "simpleTypes": {
        "enum": ["array", "boolean", "integer", "null", "number", "object", "string"]
      },
      "stringArray": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}
    }
    """##,
    "meta/meta-data": ##"""
    "properties": {
      "title": {"type": "string"}, "description": {"type": "string"},
      "deprecated": {"type": "boolean"}, "readOnly": {"type": "boolean"},
      "writeOnly": {"type": "boolean"}, "examples": {"type": "array"}
    }
    """##,
    "meta/format-annotation": ##""properties": {"format": {"type": "string"}}"##,
    "meta/format-assertion": ##""properties": {"format": {"type": "string"}}"##,
    "meta/content": ##"""
    "properties": {
      "contentEncoding": {"type": "string"}, "contentMediaType": {"type": "string"},
      "contentSchema": {"$dynamicRef": "#meta"}
    }
    """##,
  ]
}
