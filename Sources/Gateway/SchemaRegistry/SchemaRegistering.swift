import Bytes
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

/// The one way from a text to a version.
extension GatewayResponder {
  /// Registers a text as its line's next version and default; the topic is made first where its
  /// namespace lets it come into being.
  ///
  /// A live version of the line that means the same is the answer as it is: registering twice
  /// changes nothing, and moves no default back that was moved on purpose.
  ///
  /// - Parameters:
  ///   - lint: the caller's wish; the topic's binding may be stricter, not laxer.
  ///   - tenure: of the caller, who must still have the right when the text has been judged.
  func register(
    _ draft: SchemaDraft, lint: SchemaLintMode, at address: TopicAddress, _ change: ChangeTerms,
    _ tenure: Tenure, at now: UnixTime, overriding request: HTTPRequest? = nil
  ) async throws -> SchemaOutcome {
    // Another change may come first: the text is judged again by what is there then, and so is what
    // its sender took for granted. Its program is not held while it waits for that.
    try await againWhenChanged {
      try await judgeAndStore(
        draft, lint: lint, at: address, change, tenure, at: now, overriding: request)
    }
  }

  /// Does what rests on a topic's schemas, and does it anew where they have changed meanwhile.
  func againWhenChanged<Answer>(_ attempt: () async throws -> Answer) async throws -> Answer {
    var attempts = GatewayLimits.registrationAttempts
    while true {
      attempts -= 1
      do {
        return try await attempt()
      } catch CatalogueFailure.schemaBookChanged where attempts > 0 {
        guard !Task.isCancelled else { throw Refusal.cutShort }
      }
    }
  }

  /// Judges a text by the versions that are there, and stores it if nothing changed since.
  private func judgeAndStore(
    _ draft: SchemaDraft, lint: SchemaLintMode, at address: TopicAddress, _ change: ChangeTerms,
    _ tenure: Tenure, at now: UnixTime, overriding request: HTTPRequest?
  ) async throws -> SchemaOutcome {
    let work = try await work(on: draft.subject, at: address)
    let (conditions, mayOverride) = (change.conditions, request != nil)
    let ruling = try await inOneTurn(of: address.caller) {
      try work.renewed(for: draft.subject)
        .ruling(on: draft, lint: lint, conditions, mayOverride: mayOverride)
    }
    try await confirm(tenure, judgedAs: address)
    let candidate: SchemaCandidate
    let overridden: CompatibilityReport?
    switch ruling.verdict {
    case .known(let known):
      return SchemaOutcome(
        schema: known, isNew: false,
        isDefault: ruling.book.defaults[known.subject] == known.version,
        warnings: ruling.warnings)
    case .taken(let judged, overridden: let report):
      candidate = judged
      overridden = report
    }
    // Only now: what is refused leaves no topic behind.
    let stored: StoredSchema
    if try await prepareTopic(address, change) {
      try check(tenure)
      stored = try await engine(change).registerSchema(
        candidate, for: address, at: ruling.book.revision)
    } else {
      stored = try firstSchema(candidate, of: address, at: now)
    }
    if let overridden, let request, !change.isTrial { noteOverride(overridden, address, request) }
    return SchemaOutcome(
      schema: stored, isNew: true, isDefault: true, warnings: ruling.warnings)
  }

  /// Whoever has waited until a change was judged must still have the right to it, and be an
  /// operator where it was judged as an operator's.
  func confirm(_ tenure: Tenure, judgedAs address: TopicAddress) async throws {
    let current = try await confirm(tenure)
    guard current.caller.isOperator || !address.caller.isOperator else {
      throw Refusal(.forbidden, "your admin grant, by which the change was judged, has ended")
    }
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

  /// Compiles a text on a worker: milliseconds, up to a second for the largest.
  func compile(_ draft: SchemaDraft, of address: TopicAddress) async throws -> SchemaCandidate {
    let work = SchemaWork(engine: parts.engine, address: address.detached, book: .empty)
    return try await inOneTurn(of: address.caller) { try work.candidate(of: draft) }
  }

  /// The program of a registered version; compiled on a worker unless it is in memory.
  ///
  /// - Parameter keeping: whether it is kept there.
  func program(
    of stored: StoredSchema, in book: SchemaBook, at address: TopicAddress, keeping: Bool = false
  ) async throws -> CompiledSchema {
    if let program = book.program(of: stored.version) { return program }
    let work = SchemaWork(engine: parts.engine, address: address.detached, book: book)
    return try await inOneTurn(of: address.caller) {
      try work.program(of: stored, keeping: keeping)
    }
  }

  /// Does on a worker what may take seconds, when the turn of its caller's tenant has come: all of
  /// it at once, so that nobody waits for others several times.
  func inOneTurn<Answer: Sendable>(
    of caller: TenantScope, _ work: @escaping @Sendable () throws -> Answer
  ) async throws -> Answer {
    try await parts.longWork.of(caller.tenant.bytes).run {
      Result<Answer, any Error> { try work() }
    }.get()
  }

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
