import Bytes
import JSONText

extension SchemaLint {
  /// Bounds that no value can keep.
  mutating func bounds(_ schema: LintedSchema) {
    for (least, most) in [
      ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"),
      ("minContains", "maxContains"), ("minimum", "maximum"),
    ] {
      guard let low = schema[least]?.number, let high = schema[most]?.number, high < low else {
        continue
      }
      tell(
        schema.pointer(most), "bounds.impossible", "lies below '\(least)': no value can keep both")
    }
    for (least, most) in [
      ("exclusiveMinimum", "maximum"), ("minimum", "exclusiveMaximum"),
      ("exclusiveMinimum", "exclusiveMaximum"),
    ] {
      guard let low = schema[least]?.number, let high = schema[most]?.number,
        high < low || high == low
      else { continue }
      tell(
        schema.pointer(most), "bounds.impossible",
        "does not lie above '\(least)': no value can keep both")
    }
    if let required = schema["required"], required.kind == .array,
      let most = schema["maxProperties"]?.integer, Int64(required.count) > most
    {
      tell(
        schema.pointer("maxProperties"), "bounds.impossible",
        "is less than the \(required.count) members that are required")
    }
  }

  /// Members that are required but not described, and closed objects that cannot see what stands
  /// beside them.
  mutating func objects(_ schema: LintedSchema) {
    let isClosed = schema["additionalProperties"]?.bool == false
    if isClosed,
      let combinator = ["allOf", "anyOf", "oneOf", "$ref"].first(where: {
        schema[$0] != nil
      })
    {
      tell(
        schema.pointer("additionalProperties"), "closed.besideCombinator",
        "refuses members that '\(combinator)' beside it describes; in 2020-12 "
          + "'unevaluatedProperties' sees them")
    }
    guard let required = schema["required"], required.kind == .array, schema["properties"] != nil
    else { return }
    let declared = schema.declared
    let isOpen =
      schema["patternProperties"] != nil || schema.hasCombinator
      || schema["additionalProperties"]?.kind == .object
    for (index, name) in required.elements.enumerated() {
      guard !isFull else { return }
      guard let name = name.text, !declared.contains(name), !isOpen else { continue }
      let shown = SchemaText.cut(name, to: 64)
      let meant = Suggestion.closest(
        to: Array(name.utf8), among: declared.sorted().map { Array($0.utf8) })
      tell(
        schema.pointer("required") + "/\(index)",
        isClosed ? "required.impossible" : "required.undeclared",
        "'\(shown)' is not in 'properties'"
          + (isClosed ? ", and no other member is allowed" : "")
          + (meant.map { "; '\($0)' is" } ?? ""))
    }
  }

  /// Formats that nothing checks, and patterns that fit anywhere in the text.
  mutating func strings(_ schema: LintedSchema) {
    if let name = schema["format"]?.text, StringFormat(named: name) == nil {
      let meant = Suggestion.closest(to: Array(name.utf8), among: StringFormat.spellings)
      tell(
        schema.pointer("format"), "format.unknown",
        "checks nothing: '\(SchemaText.cut(name, to: 64))' is no format that is known here"
          + (meant.map { "; '\($0)' is" } ?? ""))
    } else if schema["format"]?.kind == .string, annotatesFormat() {
      tell(
        schema.pointer("format"), "format.annotation",
        "is not checked in this edition: register with formats=assert to have it checked")
    }
    if let pattern = schema["pattern"]?.text {
      anchors(pattern, schema.pointer("pattern"))
      cost(of: pattern, schema)
    }
    guard let patterns = schema["patternProperties"], patterns.kind == .object else { return }
    for (key, _) in patterns.members {
      anchors(
        key.text, schema.pointer("patternProperties") + "/" + LintedSchema.escaped(key.text))
    }
  }

  private mutating func anchors(_ pattern: String, _ pointer: @autoclosure () -> String) {
    guard !pattern.hasPrefix("^"), !pattern.hasSuffix("$"), !pattern.hasPrefix("(?") else {
      return
    }
    tell(
      pointer(), "pattern.unanchored",
      "fits anywhere in the text: write ^ before and $ behind it if all of it is meant")
  }

  /// Patterns that events may be refused for, whatever their texts are.
  private mutating func cost(of pattern: String, _ schema: LintedSchema) {
    let longest = schema["maxLength"]?.integer
    guard trial.isCostly(pattern, longest: longest.map { max(0, $0) }) else { return }
    tell(
      schema.pointer("pattern"), "pattern.costly",
      "may end at its limit, and an event be refused, over "
        + (longest == nil ? "texts of \(PatternTrial.length) bytes" : "the longest texts")
        + ": it is not regular, or too large, and tried in many ways; a smaller 'maxLength' helps")
  }

  /// `then` and `else` without `if`, and the reverse.
  mutating func conditions(_ schema: LintedSchema) {
    if schema["if"] == nil {
      for name in ["then", "else"] where schema[name] != nil {
        tell(schema.pointer(name), "condition.unreachable", "does nothing: there is no 'if'")
      }
    } else if schema["then"] == nil, schema["else"] == nil {
      tell(
        schema.pointer("if"), "condition.unreachable",
        "does nothing: there is neither 'then' nor 'else'")
    }
    for (name, needed) in [
      ("minContains", "contains"), ("maxContains", "contains"), ("additionalItems", "items"),
    ] where schema[name] != nil && schema[needed] == nil {
      tell(schema.pointer(name), "keyword.unreachable", "does nothing: there is no '\(needed)'")
    }
  }

  /// Constants that the type rules out.
  mutating func enumerations(_ schema: LintedSchema) {
    guard let types = schema.types else { return }
    if let constant = schema["const"], !Self.fits(constant, types) {
      tell(
        schema.pointer("const"), "constant.type",
        "is no \(types.sorted().joined(separator: " or ")): no value can be both")
    }
    guard let words = schema["enum"], words.kind == .array else { return }
    for (index, word) in words.elements.enumerated() where !Self.fits(word, types) {
      tell(
        schema.pointer("enum") + "/\(index)", "constant.type",
        "is no \(types.sorted().joined(separator: " or ")), so that it can never be met")
    }
  }

  private static func fits(_ value: JSONNode, _ types: Set<String>) -> Bool {
    switch value.kind {
    case .null: types.contains("null")
    case .true, .false: types.contains("boolean")
    case .string: types.contains("string")
    case .array: types.contains("array")
    case .object: types.contains("object")
    case .number:
      types.contains("number") || (types.contains("integer") && value.number?.isInteger == true)
    }
  }
}
