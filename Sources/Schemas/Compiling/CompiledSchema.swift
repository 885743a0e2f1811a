public import Bytes
public import JSONText

/// What the boolean pass found.
public enum CheckResult: Equatable, Sendable {
  case valid
  case invalid
  /// The payload asks for more work than `SchemaLimits.fuel`: refused without a verdict.
  case fuelExhausted
  /// A pattern met its step limit or its subject limit: refused without a verdict.
  case patternLimit
}

/// A schema, compiled: an immutable program that any number of loops run at the same time.
public final class CompiledSchema: Sendable {
  /// The language that the schema is written in.
  public var type: SchemaType { avro == nil ? .json : .pulsarJSON }
  /// The edition of JSON Schema; 2020-12 for other languages, where it says nothing.
  public let dialect: SchemaDialect
  public let formats: FormatMode
  /// What was registered but does nothing; at most `SchemaLimits.warnings`.
  public let warnings: [SchemaWarning]
  /// The text as it was registered.
  public let source: ByteSlice
  /// The library's documents that it refers to, directly or through others, in the order in which
  /// they were met. The metaschemas that every library has are left out.
  public let documents: [LibraryDocument]
  let program: SchemaProgram
  /// The draft-neutral graph that the program was laid out from: what comparisons read.
  let graph: [GraphNode]
  /// The definition of a schema in Avro's language; nil for others.
  let avro: AvroDefinition?
  /// Which values are of a class; nil where the schema labels none.
  public let classification: SchemaClassification?
  /// The `$id` of the text as it stands there; nil without one.
  public let identifier: ByteSlice?
  /// Whether it means the same wherever it is read.
  public let identifierIsAbsolute: Bool
  /// Bytes of memory that it takes, an estimate from above: the texts it was compiled from, their
  /// tokens, the graph, the program's tables, the code of its patterns and what it labels.
  public let memory: Int

  private init(
    dialect: SchemaDialect, formats: FormatMode, warnings: [SchemaWarning], source: ByteSlice,
    identifier: ByteSlice? = nil, tokens: Int, documents: [LibraryDocument] = [],
    program: SchemaProgram, graph: [GraphNode], avro: AvroDefinition? = nil,
    classification: SchemaClassification? = nil
  ) {
    self.identifier = identifier
    identifierIsAbsolute = identifier.map { URIReference($0.text).scheme != nil } ?? false
    memory =
      source.count + tokens * MemoryLayout<JSONToken>.stride + program.memory
      + documents.reduce(0) { $0 + $1.memory } + graph.reduce(0) { $0 + $1.memory }
      + (classification?.tables ?? 0)
    self.dialect = dialect
    self.formats = formats
    self.warnings = warnings
    self.source = source
    self.documents = documents
    self.program = program
    self.graph = graph
    self.avro = avro
    self.classification = classification
  }

  /// A document of the library as it was when the schema was compiled.
  public struct LibraryDocument: Equatable, Sendable {
    /// The URI it was added under first.
    public let uri: String
    public let text: ByteSlice

    /// Its text, and a token for each four bytes of it.
    fileprivate var memory: Int { text.count + text.count / 4 * MemoryLayout<JSONToken>.stride }
  }

  /// Compiles the text of a schema. May take milliseconds: call it off the event loops. Throws one
  /// fault with all others behind it.
  ///
  /// - Parameters:
  ///   - source: at most `SchemaLimits.sourceBytes` bytes.
  ///   - dialect: the edition where the text has no `$schema`; 2020-12 if nil.
  ///   - formats: what `format` does; the dialect's own default if nil.
  ///   - base: the absolute URI of the text, which relative references are resolved against where
  ///     it has no `$id`; empty if it has none.
  ///   - library: where references to other documents, and metaschemas, are looked for.
  ///   - isNew: whether the text is about to be registered: then it must also keep the metaschemas
  ///     of the dialects that it names, and narrower bounds. What is registered stays readable
  ///     whatever they say later.
  public static func compile(
    _ source: ByteSlice, dialect: SchemaDialect? = nil, formats: FormatMode? = nil,
    base: String = "", library: SchemaLibrary = SchemaLibrary(), isNew: Bool = false
  ) throws(SchemaFault) -> CompiledSchema {
    let root = try SchemaIndex.parse(source, pointer: "#")
    let index = try SchemaIndex(
      root, rules: DialectRules(dialect ?? .draft202012), base: URIReference(base),
      library: library, noting: FaultList(), isNew: isNew)
    if isNew { try index.checkDialects() }
    let rules = index.places[0].rules
    let graph = try GraphBuilder.build(index, formats: formats, isNew: isNew)
    let isLabelled = graph.nodes.contains { $0.mark != nil }
    let classification =
      isLabelled
      ? try SchemaClassification(
        graph.nodes, passesUndeclared: graph.passesUndeclared, isNew: isNew) : nil
    let documents = graph.documents.filter { !$0.isBuiltIn }
      .map { LibraryDocument(uri: $0.uris.first ?? "", text: $0.text) }
    let schema = CompiledSchema(
      dialect: rules.edition, formats: formats ?? rules.formats, warnings: graph.warnings,
      source: source, identifier: root["$id"]?.string, tokens: root.document.tokens.count,
      documents: documents, program: try ProgramLayout.program(graph.nodes), graph: graph.nodes,
      classification: classification)
    return try isNew ? schema.bounded() : schema
  }

  /// The classification, or that of a schema which labels nothing: what it describes is all that it
  /// tells then.
  public var describedValues: SchemaClassification? {
    if let classification { return classification }
    return try? SchemaClassification(graph, passesUndeclared: true, isNew: false)
  }

  /// The same, where it takes no more memory than what is registered may.
  private func bounded() throws(SchemaFault) -> CompiledSchema {
    guard memory <= SchemaLimits.programBytes else {
      throw .limitExceeded("bytes when it is compiled", SchemaLimits.programBytes)
    }
    return self
  }

  /// Bytes of text that it was compiled from, documents of the library included.
  public var bytes: Int { documents.reduce(source.count) { $0 + $1.text.count } }

  /// Compiles a text of any language that can be registered. May take milliseconds: call it off the
  /// event loops. All but `type` are of JSON Schema.
  public static func compile(
    _ source: ByteSlice, as type: SchemaType, dialect: SchemaDialect? = nil,
    formats: FormatMode? = nil, base: String = "", library: SchemaLibrary = SchemaLibrary(),
    isNew: Bool = false
  ) throws(SchemaFault) -> CompiledSchema {
    switch type {
    case .json:
      return try compile(
        source, dialect: dialect, formats: formats, base: base, library: library, isNew: isNew)
    case .pulsarJSON:
      let (definition, warnings) = try AvroParser.parse(source, isNew: isNew)
      let graph = try AvroLowering.graph(of: definition)
      let schema = CompiledSchema(
        dialect: .draft202012, formats: .assert, warnings: warnings, source: source,
        tokens: source.count / 4, program: try ProgramLayout.program(graph), graph: graph,
        avro: definition)
      return try isNew ? schema.bounded() : schema
    case .avro, .protobuf:
      throw SchemaFault(at: "#", .wrongValue(expected: "in a language that can be registered"))
    }
  }

  /// What two registrations share exactly when they mean the same: language, edition, format mode,
  /// the canonical text, and the documents it refers to. Its digest is the fingerprint.
  public var identity: ByteSlice {
    var writer = ByteWriter()
    if let avro {
      writer.append(text: type.name + "\n")
      writer.append(AvroNormalForm.text(of: avro))
      return writer.slice
    }
    writer.append(text: dialect.name + "\n" + formats.name + "\n")
    if let root = try? SchemaIndex.parse(source, pointer: "#") {
      writer.append(CanonicalJSON.text(of: root))
    }
    for document in documents {
      writer.append(text: "\n" + document.uri + "\n")
      writer.append(document.text)
    }
    return writer.slice
  }

  /// `sha256:` and the hexadecimal digest of `identity`; `digest` is SHA-256.
  public func fingerprint(_ digest: (ByteSlice) -> ByteSlice) -> ByteSlice {
    var text = ByteWriter()
    text.append("sha256:")
    for byte in digest(identity).array {
      text.append(ASCII.hexDigit(byte >> 4))
      text.append(ASCII.hexDigit(byte & 15))
    }
    return text.slice
  }

  /// Whether the payload that `parser` has tokenised keeps the schema. About 1 µs for 1 KB.
  public func accepts(_ parser: JSONParser, _ scratch: SchemaScratch) -> CheckResult {
    accepts(
      parser, scratch,
      fuel: SchemaLimits.fuel(bytes: parser.source.count, tokens: parser.tokens.count))
  }

  func accepts(_ parser: JSONParser, _ scratch: SchemaScratch, fuel: Int) -> CheckResult {
    program.check(tokens: parser.tokens, source: parser.source, scratch: scratch, fuel: fuel)
  }
}

extension CompiledSchema {
  /// What is wrong with a payload that `accepts` has refused. Cold: allocates. Ends, without having
  /// said all, after about a millisecond.
  public func explain(_ parser: JSONParser, _ scratch: SchemaScratch) -> Explanation {
    explain(
      parser, scratch,
      fuel: SchemaLimits.explanationFuel(
        bytes: parser.source.count, tokens: parser.tokens.count))
  }

  func explain(_ parser: JSONParser, _ scratch: SchemaScratch, fuel: Int) -> Explanation {
    var explanation = program.explain(
      tokens: parser.tokens, source: parser.source, scratch: scratch, fuel: fuel)
    // An Avro definition has no keywords to point at, only types.
    if avro != nil { explanation.point(at: program.pointers) }
    return explanation
  }
}

extension Explanation {
  fileprivate mutating func point(at pointers: [String]) {
    for index in violations.indices {
      violations[index].schemaPointer = pointers[Int(violations[index].node)]
    }
  }
}

extension SchemaProgram {
  /// Runs the boolean pass from the root.
  func check(
    tokens: JSONTape, source: ByteSlice, scratch: SchemaScratch, fuel: Int
  ) -> CheckResult {
    let value = TapeView(tokens, source)
    let constants = TapeView(self.constants.tokens, self.constants.source)
    var evaluator = Evaluator(
      self, value: value, constants: constants, scratch: scratch, fuel: fuel)
    scratch.limitedMatch = nil
    let accepted = evaluator.accepts(root, 0)
    scratch.fuelUsed = fuel - max(evaluator.fuel, 0)
    return evaluator.halt ?? (accepted ? .valid : .invalid)
  }

  /// Runs the explaining pass from the root. Never empty.
  func explain(
    tokens: JSONTape, source: ByteSlice, scratch: SchemaScratch, fuel: Int
  ) -> Explanation {
    let value = TapeView(tokens, source)
    let constants = TapeView(self.constants.tokens, self.constants.source)
    let evaluator = Evaluator(
      self, value: value, constants: constants, scratch: scratch, fuel: fuel)
    var explainer = Explainer(evaluator, program: self, limited: scratch.limitedMatch)
    explainer.explain(root, 0)
    if explainer.violations.isEmpty {
      // The budget went before the cause was found.
      explainer.report(root, 0, keyword: "", code: .schema, "does not match the schema")
    }
    var violations = explainer.violations
    violations.place(in: source.span)
    for index in violations.indices {
      let violation = violations[index]
      if let text = authorTexts[violation.node]?[violation.keyword] {
        violations[index].message = text
      }
    }
    return Explanation(
      violations: violations, truncated: explainer.truncated || explainer.evaluator.halt != nil)
  }
}
