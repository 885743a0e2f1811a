import Bytes
import JSONText

/// Something that is allowed in a schema and probably not meant.
public struct SchemaFinding: Equatable, Sendable {
  /// Where in the document, as `#/properties/id/minLength`.
  public let pointer: String
  /// Stable across releases, as `bounds.impossible`.
  public let code: String
  /// A sentence for the one who registers.
  public let message: String

  public init(pointer: String, code: String, message: String) {
    self.pointer = pointer
    self.code = code
    self.message = message
  }
}

/// Reads a JSON Schema for likely mistakes; of other languages it tells what compiling found. Cold:
/// registration only; one walk over the document, which is at most `SchemaLimits.sourceBytes` long
/// and as deep as `JSONLimits` allow.
public struct SchemaLint {
  private let dialect: SchemaDialect
  private let formats: FormatMode
  private var findings: [SchemaFinding] = []
  /// Whether there are as many as are told: looking for others is of no use then.
  var isFull: Bool { findings.count >= SchemaLimits.warnings }
  private var hasToldOfFormats = false
  var trial = PatternTrial()

  /// What a compiled schema's text draws, at most `SchemaLimits.warnings`, in the order of the
  /// text. What compiling it already warned about is among them.
  public static func findings(in schema: CompiledSchema) -> [SchemaFinding] {
    guard let document = try? JSONDocument(parsing: schema.source) else { return [] }
    var lint = SchemaLint(dialect: schema.dialect, formats: schema.formats)
    if schema.type == .json { lint.visit(document.root, .root, Surroundings()) }
    var known = Set(lint.findings.map(\.pointer))
    for warning in schema.warnings where known.insert(warning.pointer).inserted {
      lint.findings.append(
        SchemaFinding(
          pointer: warning.pointer, code: "keyword.ignored", message: warning.message))
    }
    return Array(lint.findings.prefix(SchemaLimits.warnings))
  }

  private init(dialect: SchemaDialect, formats: FormatMode) {
    self.dialect = dialect
    self.formats = formats
  }

  /// What the schema around one says of the same value.
  struct Surroundings {
    /// A schema around it or beside it may say the type.
    var isRefinement = false
  }

  mutating func tell(
    _ pointer: @autoclosure () -> String, _ code: String, _ message: @autoclosure () -> String
  ) {
    guard !isFull else { return }
    findings.append(SchemaFinding(pointer: pointer(), code: code, message: message()))
  }

  private mutating func visit(_ node: JSONNode, _ place: LintedPlace, _ around: Surroundings) {
    guard node.kind == .object, !isFull else { return }
    let schema = LintedSchema(node, at: place)
    if dialect == .draft07, schema["$ref"] != nil {
      for (name, _) in node.members where LintKeywords.isAssertion(name.text) {
        tell(
          schema.pointer(name.text), "ref.siblings",
          "does nothing: draft-07 ignores what stands beside $ref")
      }
      return
    }
    keywords(schema)
    types(schema, around)
    bounds(schema)
    objects(schema)
    strings(schema)
    conditions(schema)
    enumerations(schema)
    descend(schema, around)
  }

  /// Unknown keywords, with the one that was probably meant.
  private mutating func keywords(_ schema: LintedSchema) {
    for (key, _) in schema.node.members {
      let name = key.text
      guard !isFull else { return }
      guard !name.hasPrefix("x-"), !LintKeywords.isKnown(name) else { continue }
      let meant = Suggestion.closest(to: key.array, among: LintKeywords.spellings)
      tell(
        schema.pointer(name), "keyword.unknown",
        "does nothing: '\(SchemaText.cut(name, to: 64))' is no keyword"
          + (meant.map { ", '\($0)' is" } ?? "; names of one's own begin with x-"))
    }
  }

  /// Keywords of kinds of value that the type rules out, and types that nothing says.
  private mutating func types(_ schema: LintedSchema, _ around: Surroundings) {
    let types = schema.types
    for (kind, names) in LintKeywords.kinds {
      let present = names.filter { schema[$0] != nil }
      guard let first = present.first else { continue }
      if let types {
        let fits = types.contains(kind) || (kind == "number" && types.contains("integer"))
        if fits { continue }
        for name in present {
          tell(
            schema.pointer(name), "keyword.inapplicable",
            "does nothing: it is about \(kind)s, and the type is "
              + types.sorted().joined(separator: " or "))
        }
      } else if !around.isRefinement, !schema.hasCombinator, schema["const"] == nil,
        schema["enum"] == nil
      {
        tell(
          schema.pointer(first), "type.missing",
          "lets every value pass that is no \(kind): there is no 'type' beside it")
      }
    }
  }

  private mutating func descend(_ schema: LintedSchema, _ around: Surroundings) {
    for (key, value) in schema.node.members {
      let name = key.text
      guard let children = LintKeywords.children[name] else { continue }
      let place = LintedPlace.member(of: schema.place, name)
      switch children {
      case .inside: each(value, place, Surroundings())
      case .beside: each(value, place, Surroundings(isRefinement: true))
      case .map:
        guard value.kind == .object else { continue }
        let inside = Surroundings(
          isRefinement: name == "dependentSchemas" || name == "dependencies")
        for (member, child) in value.members {
          visit(child, .member(of: place, member.text), inside)
        }
      }
    }
  }

  /// A schema, or each of a list of them.
  private mutating func each(_ value: JSONNode, _ place: LintedPlace, _ around: Surroundings) {
    guard value.kind == .array else { return visit(value, place, around) }
    for (index, child) in value.elements.enumerated() {
      visit(child, .element(of: place, index), around)
    }
  }

  // MARK: - Formats

  /// Whether `format` is told for the first time: one word about it says all.
  mutating func annotatesFormat() -> Bool {
    guard formats == .annotate, !hasToldOfFormats else { return false }
    hasToldOfFormats = true
    return true
  }
}

/// Where something stands in the text that is linted. The pointer is written out for what is told
/// alone: it holds all names on the way, and thousands of schemas may lie inside a long one.
indirect enum LintedPlace {
  case root
  case member(of: LintedPlace, String)
  case element(of: LintedPlace, Int)

  /// As `#/properties/id`.
  var pointer: String {
    switch self {
    case .root: "#"
    case .member(let outer, let name): outer.pointer + "/" + LintedSchema.escaped(name)
    case .element(let outer, let index): "\(outer.pointer)/\(index)"
    }
  }
}

/// One schema of the text that is linted.
struct LintedSchema {
  let node: JSONNode
  let place: LintedPlace

  init(_ node: JSONNode, at place: LintedPlace) {
    self.node = node
    self.place = place
  }

  subscript(_ keyword: String) -> JSONNode? { node[keyword] }

  func pointer(_ keyword: String) -> String { LintedPlace.member(of: place, keyword).pointer }

  static func escaped(_ step: String) -> String {
    var writer = ByteWriter()
    JSONPointer.escape(ByteSlice(utf8: step), into: &writer)
    return writer.slice.text
  }

  /// The types that `type` allows; nil without it.
  var types: Set<String>? {
    guard let type = node["type"] else { return nil }
    if let name = type.text { return [name] }
    guard type.kind == .array else { return nil }
    return Set(type.elements.compactMap(\.text))
  }

  /// Whether other schemas speak of the same value.
  var hasCombinator: Bool {
    ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if"].contains { node[$0] != nil }
  }

  /// The names in `properties`.
  var declared: Set<String> {
    guard let properties = node["properties"], properties.kind == .object else { return [] }
    return Set(properties.members.map(\.key.text))
  }
}
