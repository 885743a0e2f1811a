import Bytes
import Crypto
import Schemas
import Tenancy
import Topics

/// The text of a schema, before it is compiled.
struct SchemaDraft: Sendable {
  /// In storage of its own.
  let text: ByteSlice
  let terms: SchemaTerms
  /// The line that it is for.
  let subject: SchemaSubject
  var properties: [SchemaProperty] = []
}

/// What a worker does with a topic's schemas for one answer, all of it at once. Texts go there, and
/// what the answer says comes back: what is compiled on the way lives as long as the piece of work,
/// so that nobody holds programs while others have their turn.
struct SchemaWork<Engine: EventEngine>: Sendable {
  let engine: Engine
  /// In storage of its own.
  let address: TopicAddress
  let book: SchemaBook
  /// Versions that kept events may name, as far as the work asks for them.
  var retained: Set<UInt32> = []

  /// The same with the topic's schemas as they are when its turn has come: others may have
  /// registered while it waited.
  ///
  /// - Throws: `schemaBookChanged` where what has become of a line has to be asked anew.
  func renewed(for subject: SchemaSubject) throws(CatalogueFailure) -> SchemaWork {
    let current = engine.schemaBook(of: address)
    guard current.revision == book.revision || !current.hasDeleted(subject) else {
      throw .schemaBookChanged(revision: current.revision)
    }
    return SchemaWork(engine: engine, address: address, book: current, retained: retained)
  }

  // MARK: - Compiling

  /// Compiles a text: milliseconds, up to a second for the largest.
  func candidate(of draft: SchemaDraft) throws(SchemaFault) -> SchemaCandidate {
    let (program, references) = try engine.compileSchema(
      draft.text, as: draft.terms.type, dialect: draft.terms.dialect,
      formats: draft.terms.formats, for: address)
    return SchemaCandidate(
      subject: draft.subject, text: draft.text, dialect: program.dialect,
      formats: program.formats, fingerprint: program.fingerprint { Digest.sha256($0).bytes },
      references: references, properties: draft.properties, program: program)
  }

  /// The program of a registered version; compiled unless it is in memory.
  ///
  /// - Parameter keeping: whether it is kept there.
  func program(
    of stored: StoredSchema, keeping: Bool = false
  ) throws(SchemaFault) -> CompiledSchema {
    // Others may have waited for it in the same line.
    if let program = book.program(of: stored.version) { return program }
    let program = try engine.recompileSchema(stored, of: address)
    if keeping { book.keep(program, of: stored.version) }
    return program
  }

  // MARK: - Comparing

  /// What a candidate of a line is held against (`SchemaBook.judged`), compiled as far as the terms
  /// look at it: the version in force first, then the newest, up to `SchemaLimits.comparedBytes` of
  /// text and `memory` bytes of programs.
  ///
  /// - Parameter mayGoOn: asked ahead of each of them; where it says no, all is given up.
  func versions(
    of subject: SchemaSubject, _ terms: SchemaRegistration.Terms,
    memory: Int = GatewayLimits.judgedBytes, while mayGoOn: () -> Bool = { true }
  ) throws(Refusal) -> [SchemaRegistration.Version] {
    var versions: [SchemaRegistration.Version] = []
    var (text, memory) = (SchemaLimits.comparedBytes, memory)
    for stored in book.judged(subject, retained: retained).reversed() {
      var reading = SchemaRegistration.Version.Reading.notAsked
      if versions.isEmpty || terms.looksBehindNewest {
        guard mayGoOn() else { throw Refusal.cutShort }
        if text > 0, memory > 0 {
          reading = self.reading(of: stored)
          if case .program(let program) = reading {
            text -= program.bytes
            memory -= program.memory
          }
        } else {
          reading = .tooMuch
        }
      }
      versions.append(
        SchemaRegistration.Version(
          number: stored.version, fingerprint: stored.fingerprint,
          references: stored.references, isLive: stored.state.isLive, reading: reading))
    }
    return versions.reversed()
  }

  private func reading(of stored: StoredSchema) -> SchemaRegistration.Version.Reading {
    do throws(SchemaFault) {
      return .program(try program(of: stored))
    } catch {
      return .doesNotCompile
    }
  }

  /// How a text stands to the versions of its line.
  func judgement(of draft: SchemaDraft) throws -> SchemaJudgement {
    let candidate = try candidate(of: draft)
    let rules = SchemaRegistration.Terms(of: address, in: engine)
    let versions = try versions(of: draft.subject, rules)
    // Registering it would change nothing, which no level forbids.
    let known = book.identical(
      to: candidate.fingerprint, references: candidate.references, in: draft.subject)
    let report = CompatibilityReport(
      candidate.program, against: known == nil ? versions : [], terms: rules)
    // Without a version in force there are softly deleted ones at most, and nobody follows those.
    let inForce = book.defaultVersion(of: draft.subject) == nil ? nil : versions.last
    let publishers = inForce.map { inForce in
      (
        inForce.number,
        report.backward(to: inForce.number)
          ?? inForce.verdict(asReadBy: candidate.program, rules.policy)
      )
    }
    return SchemaJudgement(report: report, publishers: publishers, identical: known)
  }

  /// What becomes of a text that is to be registered, judged by the versions that are there. Throws
  /// whatever stands in its way.
  ///
  /// - Parameters:
  ///   - lint: the caller's wish; the topic's binding may be stricter, not laxer.
  ///   - mayOverride: whether the caller answers for what is not decided.
  func ruling(
    on draft: SchemaDraft, lint: SchemaLintMode, _ conditions: Conditions, mayOverride: Bool
  ) throws -> SchemaRuling {
    var candidate = try candidate(of: draft)
    let warnings = SchemaLint.findings(in: candidate.program)
    try engine.checkMaking(address)
    if !warnings.isEmpty, lint == .strict || book.terms?.lint == .strict {
      throw Refusal(refusing: warnings)
    }
    if let known = book.identical(
      to: candidate.fingerprint, references: candidate.references, in: draft.subject)
    {
      return SchemaRuling(book: book, warnings: warnings, verdict: .known(known))
    }
    // What the caller took for granted must hold for what its version is put upon.
    try conditions.check(book.defaultVersion(of: draft.subject).map { EntityTag($0) })
    try checkClassification(of: candidate.program, for: draft.subject)
    let rules = SchemaRegistration.Terms(of: address, in: engine)
    var overridden: CompatibilityReport?
    switch SchemaRegistration.decide(
      candidate.program, fingerprint: candidate.fingerprint, references: candidate.references,
      against: try versions(of: draft.subject, rules), terms: rules)
    {
    case .incompatible(let report): throw Refusal(.schemaIncompatible, report)
    case .undecided(let report):
      guard mayOverride else { throw Refusal(.schemaUndecided, report) }
      overridden = report
    // A live version that is the same was the answer above.
    case .register, .identical: break
    }
    candidate.isOverridden = overridden != nil
    return SchemaRuling(
      book: book, warnings: warnings, verdict: .taken(candidate, overridden: overridden))
  }
}

/// What there is to say of a candidate that is not registered.
struct SchemaJudgement: Sendable {
  let report: CompatibilityReport
  /// The version in force, and whether the candidate takes its events.
  let publishers: (UInt32, SchemaInclusion.Verdict)?
  /// The version that is the same already: registering the candidate would change nothing.
  let identical: StoredSchema?
}

/// What becomes of a text that is to be registered.
struct SchemaRuling: Sendable {
  enum Verdict: Sendable {
    /// A live version of the line means the same.
    case known(StoredSchema)
    /// It may be stored; with what somebody has to answer for.
    case taken(SchemaCandidate, overridden: CompatibilityReport?)
  }

  /// The topic's schemas that it was judged by.
  let book: SchemaBook
  let warnings: [SchemaFinding]
  let verdict: Verdict
}

extension SchemaRegistration.Terms {
  init(_ rules: TopicRules) {
    self.init(level: rules.compatibility, policy: rules.evolution)
  }

  /// What holds for a topic now.
  init(of address: TopicAddress, in catalogue: some Catalogue) {
    self.init(
      TopicRules(of: address.inNamespace, topic: catalogue.topic(address), in: catalogue))
  }
}
