import Bytes
import JSONText

// Constraints by the kind of value.
extension GraphBuilder {
  mutating func stringConstraint(_ reader: KeywordReader) throws(SchemaFault)
    -> StringConstraint?
  {
    var constraint = StringConstraint()
    constraint.minimum = try reader.count("minLength") ?? 0
    constraint.maximum = try reader.count("maxLength")
    if let text = try reader.text("pattern") {
      constraint.pattern = try pattern(text, at: reader.pointer("pattern"))
    }
    if let name = try reader.text("format") {
      if let format = StringFormat(named: name) {
        if formats ?? rules.formats == .assert { constraint.format = format }
      } else {
        warn(reader.pointer("format"), "is ignored: the format \(name) is not checked")
      }
    }
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && constraint.pattern == nil
      && constraint.format == nil
    return isEmpty ? nil : constraint
  }

  private mutating func pattern(
    _ text: String, at pointer: String
  ) throws(SchemaFault) -> Pattern? {
    let bytes = ByteSlice(utf8: text)
    if let known = patterns[bytes] { return known }
    guard patterns.count < SchemaLimits.patterns else {
      throw SchemaFault(
        at: pointer, .limitExceeded(what: "patterns", limit: SchemaLimits.patterns))
    }
    do throws(PatternFault) {
      let pattern = try Pattern(text, effort: &tableEffort)
      patterns[bytes] = pattern
      return pattern
    } catch {
      try faults.note(SchemaFault(at: pointer, .badPattern(error)))
      return nil
    }
  }

  func numberConstraint(_ reader: KeywordReader) throws(SchemaFault) -> NumberConstraint? {
    var constraint = NumberConstraint()
    constraint.minimum = try reader.number("minimum")
    constraint.exclusiveMinimum = try reader.number("exclusiveMinimum")
    constraint.maximum = try reader.number("maximum")
    constraint.exclusiveMaximum = try reader.number("exclusiveMaximum")
    constraint.multipleOf = try reader.number("multipleOf")
    if let divisor = constraint.multipleOf?.number, divisor.isNegative || divisor.isZero {
      try reader.note("multipleOf", expected: "a number greater than 0")
    }
    let all = [
      constraint.minimum, constraint.exclusiveMinimum, constraint.maximum,
      constraint.exclusiveMaximum, constraint.multipleOf,
    ]
    return all.contains { $0 != nil } ? constraint : nil
  }

  mutating func arrayConstraint(_ reader: KeywordReader) throws(SchemaFault) -> ArrayConstraint? {
    var constraint = ArrayConstraint()
    constraint.minimum = try reader.count("minItems") ?? 0
    constraint.maximum = try reader.count("maxItems")
    constraint.unique = try reader.bool("uniqueItems") ?? false
    if rules.edition == .draft07 {
      if reader["items"]?.kind == .array {
        constraint.prefix = try schemas("items", reader) ?? []
        constraint.prefixKeyword = "items"
        constraint.rest = try schema("additionalItems", reader)
      } else {
        constraint.rest = try schema("items", reader)
      }
      constraint.containsEvaluates = false
    } else {
      constraint.prefix = try schemas("prefixItems", reader) ?? []
      constraint.rest = try schema("items", reader)
      constraint.minimumContains = try reader.count("minContains") ?? 1
      constraint.maximumContains = try reader.count("maxContains")
    }
    constraint.contains = try schema("contains", reader)
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && !constraint.unique
      && constraint.prefix.isEmpty && constraint.rest == nil && constraint.contains == nil
    return isEmpty ? nil : constraint
  }

  mutating func objectConstraint(_ reader: KeywordReader) throws(SchemaFault)
    -> ObjectConstraint?
  {
    var constraint = ObjectConstraint()
    constraint.minimum = try reader.count("minProperties") ?? 0
    constraint.maximum = try reader.count("maxProperties")
    constraint.required = try reader.names("required") ?? []
    if let properties = try reader.object("properties") {
      for (name, node) in properties.members {
        constraint.properties.append(
          (name, try schema(node, at: reader.pointer("properties"))))
      }
    }
    if let patterns = try reader.object("patternProperties") {
      let pointer = reader.pointer("patternProperties")
      for (text, node) in patterns.members {
        let own = pointer + "/" + SchemaIndex.escaped(text.text)
        let schema = try schema(node, at: own)
        if let pattern = try pattern(text.text, at: own) {
          constraint.patterns.append((pattern, schema))
        }
      }
    }
    constraint.additional = try schema("additionalProperties", reader)
    constraint.names = try schema("propertyNames", reader)
    try lowerDependencies(reader, into: &constraint)
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && constraint.required.isEmpty
      && constraint.properties.isEmpty && constraint.patterns.isEmpty
      && constraint.additional == nil && constraint.names == nil
      && constraint.dependentRequired.isEmpty && constraint.dependentSchemas.isEmpty
    return isEmpty ? nil : constraint
  }

  private mutating func lowerDependencies(
    _ reader: KeywordReader, into constraint: inout ObjectConstraint
  ) throws(SchemaFault) {
    for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
      if rules.edition == .draft07, keyword != "dependencies" { continue }
      guard let dependencies = try reader.object(keyword) else { continue }
      for (name, node) in dependencies.members {
        // Made where something is wrong alone: there may be many, and long ones.
        func pointer() -> String {
          reader.pointer(keyword) + "/" + SchemaIndex.escaped(name.text)
        }
        if keyword == "dependentRequired" || (keyword == "dependencies" && node.kind == .array) {
          constraint.dependentRequired.append((name, try reader.names(node, at: pointer()) ?? []))
          if keyword == "dependencies" { constraint.plainDependencies.insert(name) }
        } else {
          constraint.dependentSchemas.append((name, try schema(node, at: pointer())))
        }
      }
    }
  }
}
