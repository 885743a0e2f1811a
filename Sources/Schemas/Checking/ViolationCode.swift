/// What kind of rule a payload breaks. Names are stable across releases: clients decide by them.
/// `docs/problems.md` lists all.
public enum ViolationCode: Hashable, Sendable, CustomStringConvertible {
  case type, forbidden, constant, enumeration
  case missing, unknownProperty, propertyName, tooFewProperties, tooManyProperties
  case tooShort, tooLong, pattern, patternLimit, content, format(StringFormat)
  case tooSmall, tooLarge, multiple
  case tooFewItems, tooManyItems, contains, duplicate, unexpectedItem
  case unionNone, unionMany, unionUnknown, negation
  case schema

  /// All of them, `format` once for each format.
  public static var all: [ViolationCode] {
    [
      .type, .forbidden, .constant, .enumeration, .missing, .unknownProperty, .propertyName,
      .tooFewProperties, .tooManyProperties, .tooShort, .tooLong, .pattern, .patternLimit,
      .content,
    ] + StringFormat.allCases.map { .format($0) } + [
      .tooSmall, .tooLarge, .multiple, .tooFewItems, .tooManyItems, .contains, .duplicate,
      .unexpectedItem, .unionNone, .unionMany, .unionUnknown, .negation, .schema,
    ]
  }

  public var name: String {
    switch self {
    case .type: "type"
    case .forbidden: "forbidden"
    case .constant: "const"
    case .enumeration: "enum"
    case .missing: "property.missing"
    case .unknownProperty: "property.unknown"
    case .propertyName: "property.name"
    case .tooFewProperties: "object.too_small"
    case .tooManyProperties: "object.too_large"
    case .tooShort: "string.too_short"
    case .tooLong: "string.too_long"
    case .pattern: "string.pattern"
    case .patternLimit: "string.pattern_limit"
    case .content: "string.content"
    case .format(let format): "format." + format.name
    case .tooSmall: "number.too_small"
    case .tooLarge: "number.too_large"
    case .multiple: "number.multiple"
    case .tooFewItems: "array.too_short"
    case .tooManyItems: "array.too_long"
    case .contains: "array.contains"
    case .duplicate: "array.duplicate"
    case .unexpectedItem: "array.unexpected"
    case .unionNone: "union.none"
    case .unionMany: "union.many"
    case .unionUnknown: "union.unknown"
    case .negation: "not"
    case .schema: "schema"
    }
  }

  public var description: String { name }

  /// The keywords that are broken with this code.
  public var keywords: [String] {
    switch self {
    case .type: ["type", "anyOf", "oneOf"]
    case .forbidden: ["false"]
    case .constant: ["const"]
    case .enumeration: ["enum"]
    case .missing: ["required", "dependentRequired", "dependencies", "anyOf", "oneOf"]
    case .unknownProperty: ["additionalProperties", "unevaluatedProperties"]
    case .propertyName: ["propertyNames"]
    case .tooFewProperties: ["minProperties"]
    case .tooManyProperties: ["maxProperties"]
    case .tooShort: ["minLength"]
    case .tooLong: ["maxLength"]
    case .pattern, .patternLimit: ["pattern", "patternProperties"]
    case .content: ["contentEncoding", "contentMediaType"]
    case .format: ["format"]
    case .tooSmall: ["minimum", "exclusiveMinimum"]
    case .tooLarge: ["maximum", "exclusiveMaximum"]
    case .multiple: ["multipleOf"]
    case .tooFewItems: ["minItems"]
    case .tooManyItems: ["maxItems"]
    case .contains: ["contains", "minContains", "maxContains"]
    case .duplicate: ["uniqueItems"]
    case .unexpectedItem: ["unevaluatedItems"]
    case .unionNone, .unionUnknown: ["anyOf", "oneOf"]
    case .unionMany: ["oneOf"]
    case .negation: ["not"]
    case .schema: []
    }
  }

  /// What it tells, for `docs/problems.md`.
  public var meaning: String {
    switch self {
    case .type: "The value is of another JSON type; `expected` names those allowed."
    case .forbidden: "The schema is `false`: nothing may stand here."
    case .constant: "The value is not the one allowed; `expected` has it."
    case .enumeration: "The value is not among the allowed ones, listed in `expected`."
    case .missing:
      "The member that `pointer` names is not there. Of one that tells alternatives apart "
        + "`expected` lists the values."
    case .unknownProperty: "The schema is closed and does not know the member."
    case .propertyName:
      "The member's name breaks the rule for names: `schemaPointer` leads to it, and `expected` "
        + "and `actual` are about the name."
    case .tooFewProperties: "The object has too few members."
    case .tooManyProperties: "The object has too many members."
    case .tooShort: "The string has too few characters (code points)."
    case .tooLong: "The string has too many characters (code points)."
    case .pattern: "The string does not match the pattern in `expected`."
    case .patternLimit: "The pattern met its limit on this string; see `pattern_limit_exceeded`."
    case .content: "The string does not hold what its encoding or media type says."
    case .format(let format): "The string is not \(format.phrase)."
    case .tooSmall: "The number is below its bound, `expected`."
    case .tooLarge: "The number is above its bound, `expected`."
    case .multiple: "The number is no multiple of `expected`."
    case .tooFewItems: "The array has too few items."
    case .tooManyItems: "The array has too many items."
    case .contains:
      "Too few or too many items are of the kind that the schema counts; the message names the "
        + "item that comes nearest."
    case .duplicate: "Two items are equal; the message has their positions."
    case .unexpectedItem: "The array has one item more than the schema knows."
    case .unionNone:
      "No alternative fits, and none fits clearly better than the others; of those that are "
        + "values `expected` lists them."
    case .unionMany: "More than one alternative fits; the message has their positions, at most 16."
    case .unionUnknown: "The member that tells the alternatives apart names none of them."
    case .negation: "The value matches the schema that is excluded."
    case .schema: "The value does not match, and the budget ended before the cause was found."
    }
  }
}
