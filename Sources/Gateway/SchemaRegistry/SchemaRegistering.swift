import Bytes
import Crypto
import HTTPWire
public import JSONText
public import Schemas
import Tenancy
import Topics

/// What a registration came to.
struct SchemaOutcome {
  let schema: StoredSchema
  /// False where the same schema was there already.
  let isNew: Bool
  /// Whether events of its line are checked against it.
  let isDefault: Bool
  let warnings: [SchemaFinding]
}

/// The one way from a candidate to a version.
extension GatewayResponder {
  /// Registers a candidate that compiled as its line's next version and default; the topic is made
  /// first where its namespace lets it come into being.
  ///
  /// A live version of the line that means the same is the answer as it is: registering twice
  /// changes nothing, and moves no default back that was moved on purpose.
  ///
  /// - Parameter lint: the caller's wish; the topic's binding may be stricter, not laxer.
  func register(
    _ candidate: SchemaCandidate, lint: SchemaLintMode, at address: TopicAddress,
    _ change: ChangeTerms, at now: UnixTime, overriding request: HTTPRequest? = nil
  ) async throws -> SchemaOutcome {
    let warnings = try await findings(in: candidate, at: address)
    try checkMaking(address)
    var attempts = GatewayLimits.registrationAttempts
    while true {
      attempts -= 1
      do {
        return try await judgeAndStore(
          candidate, warnings, lint: lint, at: address, change, at: now, overriding: request)
      } catch CatalogueFailure.schemaBookChanged where attempts > 0 {
        // Another change came first: the candidate is judged again by what is there now, and so is
        // what its sender took for granted.
        continue
      }
    }
  }

  /// Judges a candidate by the versions that are there, and stores it if nothing changed since.
  private func judgeAndStore(
    _ candidate: SchemaCandidate, _ warnings: [SchemaFinding], lint: SchemaLintMode,
    at address: TopicAddress, _ change: ChangeTerms, at now: UnixTime,
    overriding request: HTTPRequest?
  ) async throws -> SchemaOutcome {
    let book = parts.engine.schemaBook(of: address)
    if !warnings.isEmpty, lint == .strict || book.terms?.lint == .strict {
      throw Refusal(refusing: warnings)
    }
    if let known = book.identical(
      to: candidate.fingerprint, references: candidate.references, in: candidate.subject)
    {
      return SchemaOutcome(
        schema: known, isNew: false, isDefault: book.defaults[known.subject] == known.version,
        warnings: warnings)
    }
    // What the caller took for granted must hold for what its version is put upon.
    try change.conditions.check(
      book.defaultVersion(of: candidate.subject).map { EntityTag($0) })
    try await checkClassification(
      of: candidate.program, for: candidate.subject, in: book, at: address)
    var overridden: CompatibilityReport?
    switch try await decide(candidate, in: book, at: address) {
    case .incompatible(let report): throw Refusal(.schemaIncompatible, report)
    case .undecided(let report):
      guard request != nil else { throw Refusal(.schemaUndecided, report) }
      overridden = report
    // A live version that is the same was the answer above.
    case .register, .identical: break
    }
    var candidate = candidate
    candidate.isOverridden = overridden != nil
    // Only now: what is refused leaves no topic behind.
    let stored =
      try await prepareTopic(address, change)
      ? try await engine(change).registerSchema(candidate, for: address, at: book.revision)
      : try firstSchema(candidate, of: address, at: now)
    if let overridden, let request, !change.isTrial { noteOverride(overridden, address, request) }
    return SchemaOutcome(schema: stored, isNew: true, isDefault: true, warnings: warnings)
  }

  /// The line that a candidate continues. Where none is named it is `default`, unless the topic's
  /// rules name others only: then no event would ever be checked against it.
  func line(_ wished: SchemaSubject?, of address: TopicAddress) throws(Refusal) -> SchemaSubject {
    if let wished { return wished }
    let rules = parts.engine.schemaBook(of: address).terms?.rules ?? []
    guard !rules.isEmpty, !rules.contains(where: { $0.subject == .topic }) else { return .topic }
    let lines = Set(rules.map(\.subject)).sorted().prefix(8).map { "'\($0)'" }
    throw Refusal(
      .badParameter,
      "'subject' is needed: the topic's rules check events against "
        + lines.joined(separator: ", ") + " and never against 'default'")
  }

  /// Compiles on a worker: milliseconds, up to a second for the largest.
  func compile(
    _ text: ByteSlice, _ terms: SchemaTerms, for subject: SchemaSubject, of address: TopicAddress,
    properties: [SchemaProperty] = []
  ) async throws -> SchemaCandidate {
    let engine = parts.engine
    let outcome = try await longWork(for: address.caller).run {
      () -> Result<SchemaCandidate, SchemaFault> in
      do throws(SchemaFault) {
        let (program, references) = try engine.compileSchema(
          text, as: terms.type, dialect: terms.dialect, formats: terms.formats, for: address)
        let fingerprint = program.fingerprint { Digest.sha256($0).bytes }
        return .success(
          SchemaCandidate(
            subject: subject, text: text, dialect: program.dialect, formats: program.formats,
            fingerprint: fingerprint, references: references, properties: properties,
            program: program))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  /// The program of a registered version; compiled on a worker unless it is in memory.
  ///
  /// - Parameters:
  ///   - keeping: whether it is kept there.
  ///   - isForEvents: whether events wait for it, which wait for no comparison.
  func program(
    of stored: StoredSchema, in book: SchemaBook, at address: TopicAddress, keeping: Bool = false,
    isForEvents: Bool = false
  ) async throws -> CompiledSchema {
    if let program = book.program(of: stored.version) { return program }
    let engine = parts.engine
    let address = address.detached
    let workers = isForEvents ? parts.workers : longWork(for: address.caller)
    let outcome = try await workers.run { () -> Result<CompiledSchema, SchemaFault> in
      // Others may have waited for it in the same line.
      if let program = book.program(of: stored.version) { return .success(program) }
      return Result { () throws(SchemaFault) in
        let program = try engine.recompileSchema(stored, of: address)
        if keeping { book.keep(program, of: stored.version) }
        return program
      }
    }
    return try outcome.get()
  }

  /// What the lint has to say, on a worker.
  private func findings(
    in candidate: SchemaCandidate, at address: TopicAddress
  ) async throws -> [SchemaFinding] {
    let program = candidate.program
    return try await longWork(for: address.caller).run { SchemaLint.findings(in: program) }
  }

  /// The workers for what may take a second on behalf of this caller.
  func longWork(for caller: TenantScope) -> Workers { parts.longWork.of(caller.tenant.bytes) }

  /// Writes what there is to say of a version besides its text.
  func write(
    _ stored: StoredSchema, isDefault: Bool, warnings: [SchemaFinding]?,
    into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("version")
    json.integer(Int(stored.version))
    json.key("subject")
    json.string(stored.subject.bytes)
    json.key("default")
    json.bool(isDefault)
    json.key("state")
    json.string(stored.state.name)
    json.key("fingerprint")
    json.string(stored.fingerprint)
    json.key("type")
    json.string(stored.type.name)
    if stored.type == .json {
      json.key("dialect")
      json.string(stored.dialect.name)
      json.key("formats")
      json.string(stored.formats.name)
    } else {
      json.key("properties")
      SchemaProperty.write(stored.properties, into: &json)
    }
    json.key("registered")
    json.instant(stored.registered)
    if !stored.author.isEmpty {
      json.key("author")
      json.string(stored.author)
    }
    if stored.state != .active {
      json.key("changed")
      json.instant(stored.changed)
    }
    stored.notice.write(into: &json)
    if stored.isOverridden {
      json.key("overridden")
      json.bool(true)
    }
    json.key("references")
    writeReferences(of: stored, into: &json)
    if let warnings {
      json.key("warnings")
      SchemaFinding.write(warnings, into: &json)
    }
    json.endObject()
  }
}

extension SchemaProperty {
  /// Writes an object with a member for each.
  static func write(_ properties: [SchemaProperty], into json: inout JSONWriter) {
    json.beginObject()
    for property in properties {
      json.key(property.key)
      json.string(property.value)
    }
    json.endObject()
  }
}

extension SchemaFinding {
  /// Writes the array of `warnings`.
  public static func write(_ findings: [SchemaFinding], into json: inout JSONWriter) {
    json.beginArray()
    for finding in findings { finding.write(into: &json) }
    json.endArray()
  }

  /// Its texts are cut: names of a schema may be long.
  func write(into json: inout JSONWriter) {
    json.beginObject()
    json.key("pointer")
    json.string(JSONPointer.cut(ByteSlice(utf8: pointer), to: SchemaLimits.pointerBytes))
    json.key("code")
    json.string(code)
    json.key("message")
    json.string(JSONPointer.cut(ByteSlice(utf8: message), to: GatewayLimits.detailBytes))
    json.endObject()
  }
}

extension Refusal {
  /// The table's entry for a schema that draws warnings where none is allowed.
  init(refusing warnings: [SchemaFinding]) {
    self.init(
      .schemaLint,
      "the schema draws \(warnings.count == 1 ? "a warning" : "\(warnings.count) warnings")")
    let texts = warnings.map { warning in JSONWriter.text { warning.write(into: &$0) } }
    self = with("warnings", elements: texts)
  }
}

extension QueryParameters {
  /// `subject`: a line of versions.
  mutating func takeSubject() throws(Refusal) -> SchemaSubject? {
    guard let name = take("subject") else { return nil }
    guard let subject = SchemaSubject(name) else {
      throw Refusal(.badParameter, "'subject' is \(Name.rule)")
    }
    return subject.detached
  }

  /// `lint=strict` or `lint=warn`.
  mutating func takeLint() throws(Refusal) -> SchemaLintMode {
    guard let word = take("lint") else { return .warn }
    guard let mode = SchemaLintMode(named: word.text) else {
      throw Refusal(.badParameter, "'lint' is strict or warn")
    }
    return mode
  }
}
