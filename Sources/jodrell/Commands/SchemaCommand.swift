import Bytes
import Gateway
import JSONText
import Schemas

/// `jodrell schema`: what the gateway would say of schemas and payloads, without one.
enum SchemaCommand {
  private enum Verb: String, CaseIterable {
    case check
    case validate
    case diff
  }

  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let dialect = try named("--dialect", SchemaDialect.allCases, \.name, &arguments)
    let formats = try named("--formats", FormatMode.allCases, \.name, &arguments)
    let references = try arguments.list("--ref") ?? []
    let level = try level(&arguments)
    let policy = try named("--policy", EvolutionPolicy.allCases, \.name, &arguments)
    let style = SchemaStyle(
      isJSON: arguments.flag("--json"), isQuiet: arguments.flag("--quiet"))
    let isStrict = arguments.flag("--strict")
    let isLines = arguments.flag("--lines")
    let words = try arguments.rest(1...100_000, called: "what to do")
    guard let verb = Verb(rawValue: words[0]) else {
      let known = Verb.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage("no 'schema \(words[0])'; there are \(known)")
    }
    let operands = Array(words.dropFirst())
    if isStrict, verb != .check { throw .usage("--strict is for schema check") }
    if isLines, verb != .validate { throw .usage("--lines is for schema validate") }
    if level != nil || policy != nil, verb != .diff {
      throw .usage("--level and --policy are for schema diff")
    }
    guard operands.count > (verb == .diff ? 1 : 0) else {
      throw .usage(verb == .diff ? "diff takes an old and a new schema" : "the schema is missing")
    }
    let source = SchemaSource(
      dialect: dialect, formats: formats,
      library: try SchemaReferences.library(references, dialect: dialect))
    switch verb {
    case .check:
      return try SchemaChecking(source: source, style: style, isStrict: isStrict).run(operands)
    case .validate:
      let payloads = Array(operands.dropFirst())
      return try SchemaValidation(
        schema: try source.compile(operands[0]), style: style, isLines: isLines
      ).run(payloads.isEmpty ? ["-"] : payloads)
    case .diff:
      let terms = SchemaRegistration.Terms(
        level: level ?? .backwardTransitive, policy: policy ?? .evolution)
      return try SchemaComparison(source: source, style: style, terms: terms).run(operands)
    }
  }

  private static func level(_ arguments: inout Arguments) throws(CommandFault) -> Compatibility? {
    guard let text = try arguments.text("--level") else { return nil }
    guard let level = Compatibility(word: text) else {
      let words = Compatibility.allCases.map { "\($0.word)" }.joined(separator: ", ")
      throw .usage("--level takes one of \(words)")
    }
    return level
  }

  private static func named<Value>(
    _ option: String, _ values: [Value], _ name: (Value) -> String, _ arguments: inout Arguments
  ) throws(CommandFault) -> Value? {
    guard let text = try arguments.text(option) else { return nil }
    guard let value = values.first(where: { name($0) == text }) else {
      throw .usage("\(option) takes \(values.map(name).joined(separator: " or "))")
    }
    return value
  }
}

/// How schemas are read: what registration's media type says, as options, and the documents that
/// they may refer to.
struct SchemaSource {
  let dialect: SchemaDialect?
  let formats: FormatMode?
  let library: SchemaLibrary

  /// The schema in a file; `-` is standard input. A name that ends in `.avsc` is that of an Avro
  /// record definition.
  func program(_ text: ByteSlice, of path: String) throws(SchemaFault) -> CompiledSchema {
    try CompiledSchema.compile(
      text, as: path.hasSuffix(".avsc") ? .pulsarJSON : .json, dialect: dialect, formats: formats,
      base: SchemaReferences.uri(of: path), library: library, isNew: true)
  }

  /// The schema in a file; a fault in it ends the command.
  func compile(_ path: String) throws(CommandFault) -> CompiledSchema {
    let text = try SchemaInput.whole(path)
    do throws(SchemaFault) {
      return try program(text, of: path)
    } catch {
      throw CommandFault(.failed, "\(path): \(error.pointer) \(error.reason.message)")
    }
  }
}

/// How findings are told.
struct SchemaStyle {
  /// One JSON object a line on standard output, for programs.
  let isJSON: Bool
  /// Nothing about what is good.
  let isQuiet: Bool

  /// A line about something good.
  func good(_ text: String) {
    if !isQuiet, !isJSON { Terminal.output.line(text.printable) }
  }

  /// A line about something wrong, on standard error.
  func bad(_ text: String) {
    if !isJSON { Terminal.errors.line(text.printable) }
  }

  /// An object of the JSON form.
  ///
  /// - Parameter isGood: whether it tells of nothing but what is good.
  func object(isGood: Bool, _ write: (inout JSONWriter) -> Void) {
    guard isJSON, !(isGood && isQuiet) else { return }
    var json = JSONWriter()
    json.beginObject()
    write(&json)
    json.endObject()
    json.bytes.append(ASCII.lineFeed)
    Terminal.output.write(bytes: json.slice.array)
  }
}

/// What a file operand means; `-` is standard input.
enum SchemaInput {
  static func whole(_ path: String) throws(CommandFault) -> ByteSlice {
    try CommandFault.wrap(.failed) { () throws(FileFault) in
      path == "-"
        ? try FileAccess.readAll(0, "standard input", limit: 256 << 20)
        : try FileAccess.read(path)
    }
  }

  static func name(_ path: String) -> String { path == "-" ? "standard input" : path }
}
