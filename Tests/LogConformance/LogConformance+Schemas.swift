import Bytes
import Schemas
import Tenancy
import Testing
import Topics

extension LogConformance {
  /// Lines of versions and their default pointers, through every change.
  func schemasHaveLines(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    let log = bench.log
    let made = try subject("order.made")
    let pin = SchemaPin(
      uri: ByteSlice(utf8: "https://example.com/money"), document: ByteSlice(utf8: "shop/money"),
      version: 1)
    _ = try await bench.log.putDocument(
      proofs.document("money", "true"), in: proofs.namespace("shop", .manage), replacing: nil)
    _ = try await log.registerSchema(proofs.schema("true"), for: manage, at: 0)
    let second = try await log.registerSchema(
      proofs.schema("{}", subject: made, references: [pin]), for: manage, at: 1)
    #expect(second.version == 2 && second.subject == made && second.references == [pin])
    #expect(second.author.text == "acme" && second.state == .active)
    _ = try await log.registerSchema(
      proofs.schema("false", subject: made), for: manage, at: 2)
    var book = log.schemaBook(of: manage)
    #expect(book.subjects == [.topic, made])
    #expect(book.defaults == [.topic: 1, made: 3])
    #expect(book.newest(of: made)?.version == 3 && log.schemas(of: manage).map(\.version) == [1])
    #expect(
      book.identical(to: second.fingerprint, references: [pin], in: made)?.version == 2)
    #expect(book.identical(to: second.fingerprint, references: [], in: made) == nil)

    // Back to the version before, and a change that looked at an older state is refused.
    let back = SchemaEdit.setDefault(version: 2)
    await #expect(throws: CatalogueFailure.schemaBookChanged(revision: book.revision)) {
      try await log.editSchemas(of: manage, back, at: book.revision - 1)
    }
    book = try await log.editSchemas(of: manage, back, at: book.revision)
    #expect(book.defaults[made] == 2 && book.newest(of: made)?.version == 3)
    await #expect(throws: CatalogueFailure.schemaInUse(.isDefault(version: 2))) {
      try await log.editSchemas(of: manage, .setState(version: 2, .deleted), at: nil)
    }
    await #expect(throws: CatalogueFailure.unknownSchema(version: 9)) {
      try await log.editSchemas(of: manage, .setState(version: 9, .deprecated), at: nil)
    }
    bench.clock.step(.seconds(1))
    book = try await log.editSchemas(of: manage, .setState(version: 2, .deprecated), at: nil)
    #expect(book.version(2)?.changed == bench.clock.wall)
  }

  /// A line that is brought back counts as a new one does, and what was taken can be opened again.
  func schemaLinesAreBounded(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    let log = bench.log
    for line in 1...SchemaLimits.subjects {
      let candidate = try proofs.schema("true", subject: subject("line-\(line)"))
      _ = try await log.registerSchema(candidate, for: manage, at: UInt64(line - 1))
    }
    var book = try await log.editSchemas(of: manage, .deleteSubject(subject("line-1")), at: nil)
    let another = try proofs.schema("true", subject: subject("another"))
    _ = try await log.registerSchema(another, for: manage, at: book.revision)
    book = try await log.editSchemas(of: manage, .setState(version: 1, .active), at: nil)
    let tooMany = CatalogueFailure.tooMany(.schemaSubjects, limit: SchemaLimits.subjects)
    await #expect(throws: tooMany) {
      try await log.editSchemas(of: manage, .setDefault(version: 1), at: nil)
    }
    await #expect(throws: tooMany) {
      try await log.registerSchema(
        proofs.schema("true", subject: subject("line-1")), for: manage, at: book.revision)
    }
    let reopened = try await reopen(log, bench.clock.clocks)
    #expect(reopened.schemaBook(of: manage).defaults == book.defaults)
    #expect(reopened.schemaBook(of: manage).defaults.count == SchemaLimits.subjects)

    // Clearing takes the line without a default, too.
    try await reopened.deleteSchemas(of: manage)
    #expect(reopened.schemaBook(of: manage).versions.allSatisfy { $0.state == .deleted })
  }

  private func subject(_ text: String) throws -> SchemaSubject {
    try #require(SchemaSubject(ByteSlice(utf8: text)))
  }

  /// Terms and pointers are there after a reopening, and go with everything else.
  func schemaBindingsAreKept(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    let (log, made) = (bench.log, try subject("order.made"))
    _ = try await log.registerSchema(proofs.schema("true"), for: manage, at: 0)
    for (text, revision) in [("{}", 1), ("false", 2)] as [(String, UInt64)] {
      var candidate = try proofs.schema(text, subject: made)
      candidate.isOverridden = revision == 2
      let stored = try await log.registerSchema(candidate, for: manage, at: revision)
      #expect(stored.isOverridden == (revision == 2))
    }
    try await log.editSchemas(
      of: manage, .setDefault(version: 2), at: nil)
    bench.clock.step(.seconds(1))
    let notice = SchemaNotice(
      reason: ByteSlice(utf8: "use 3"), sunset: UnixTime(seconds: 1_900_000_000))
    var book = try await log.editSchemas(
      of: manage, .setState(version: 2, .deprecated, notice), at: nil)
    #expect(book.version(2)?.notice == notice)

    let terms = SchemaBindingTerms(
      rules: [
        SchemaBindingTerms.Rule(
          type: ByteSlice(utf8: "order.*"), subject: made,
          versions: SchemaVersionRange(first: 1, spelling: .bounds), enforcement: .warn)
      ], unmatched: .allow, quarantine: try proofs.name("dead"), lint: .strict)
    var unknown = terms
    unknown.rules[0].subject = try subject("absent")
    await #expect(throws: CatalogueFailure.schemaAbsent(.subject(unknown.rules[0].subject))) {
      try await log.editSchemas(of: manage, .bind(unknown), at: nil)
    }
    book = try await log.editSchemas(of: manage, .bind(terms), at: book.revision)
    await #expect(throws: CatalogueFailure.schemaInUse(.boundSubject(made))) {
      try await log.editSchemas(of: manage, .deleteSubject(made), at: nil)
    }

    let reopened = try await reopen(log, bench.clock.clocks)
    let found = reopened.schemaBook(of: manage)
    #expect(found.versions == book.versions && found.defaults == book.defaults)
    #expect(found.terms == terms && found.revision == book.revision)
    let binding = try #require(reopened.binding(of: manage))
    #expect(binding.sole == nil && binding.schema(for: ByteSlice(utf8: "other")) == nil)
    let bound = try #require(binding.schema(for: ByteSlice(utf8: "order.made")))
    #expect(bound.version == 2 && bound.choices.map(\.version) == [3] && bound.enforcement == .warn)
    #expect(bound.deprecated?.since == book.version(2)?.changed)
    #expect(bound.deprecated?.sunset == notice.sunset)

    try await reopened.deleteSchemas(of: manage)
    #expect(reopened.binding(of: manage) == nil)
    #expect(reopened.schemaBook(of: manage).subjects.isEmpty)
    #expect(
      reopened.schemaBook(of: manage).versions.map(\.state) == [.deleted, .deleted, .deleted])
    // Judged by what a deletion has changed since.
    await #expect(throws: CatalogueFailure.schemaBookChanged(revision: book.revision + 1)) {
      try await reopened.registerSchema(proofs.schema("{}"), for: manage, at: book.revision)
    }
    let next = try await reopened.registerSchema(
      proofs.schema("{}"), for: manage, at: book.revision + 1)
    #expect(next.version == 4)
  }

  /// Schemas of another language than JSON Schema, with their properties, and a deletion that takes
  /// a number.
  func recordDefinitionsAreKept(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    let text = ByteSlice(
      utf8: #"{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}"#)
    let program = try CompiledSchema.compile(text, as: .pulsarJSON)
    let property = SchemaProperty(key: ByteSlice(utf8: "k"), value: ByteSlice(utf8: "v"))
    let candidate = SchemaCandidate(
      text: text, dialect: program.dialect, formats: program.formats,
      fingerprint: ByteSlice(utf8: "sha256:r"), properties: [property], program: program)
    let stored = try await bench.log.registerSchema(candidate, for: manage, at: 0)
    #expect(stored.type == .pulsarJSON && stored.properties == [property])

    var log = try await reopen(bench.log, bench.clock.clocks)
    #expect(log.schemaBook(of: manage).versions == [stored])
    let bound = try #require(log.binding(of: manage)?.sole)
    // Whoever needs it first has it compiled and keeps it for the others.
    let again = try log.recompileSchema(stored, of: manage)
    log.schemaBook(of: manage).keep(again, of: 1)
    #expect(bound.version == 1 && bound.program?.type == .pulsarJSON)
    #expect(bound.program?.validate(ByteSlice(utf8: #"{"id":1}"#), SchemaScratch()) == nil)
    #expect(bound.program?.validate(ByteSlice(utf8: #"{"id":"1"}"#), SchemaScratch()) != nil)

    let book = try await log.editSchemas(of: manage, .retire(.topic), at: nil)
    #expect(book.subjects.isEmpty && book.lastVersion == 2)
    log = try await reopen(log, bench.clock.clocks)
    #expect(log.binding(of: manage) == nil && log.schemaBook(of: manage).lastVersion == 2)
    #expect(log.schemaBook(of: manage).version(1)?.properties == [property])
    #expect(
      try await log.registerSchema(candidate, for: manage, at: book.revision).version == 3)
  }

  /// A version goes for good only when nothing can name it, and its number with it.
  func schemasGoForGood(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    var log = bench.log
    let candidates = try ["true", "{}", #"{"type":"integer"}"#].map { try proofs.schema($0) }
    _ = try await log.registerSchema(candidates[0], for: manage, at: 0)
    let earlier = try #require(log.binding(of: manage))
    _ = try await bench.loop.append(proofs.checked("orders", "1", earlier))
    _ = try await log.registerSchema(candidates[1], for: manage, at: 1)
    _ = try await log.registerSchema(candidates[2], for: manage, at: 2)
    await #expect(throws: CatalogueFailure.schemaInUse(.isLive(version: 1))) {
      try await log.editSchemas(of: manage, .remove(version: 1), at: nil)
    }
    for version in [1, 2] as [UInt32] {
      try await log.editSchemas(of: manage, .setState(version: version, .deleted), at: nil)
    }
    #expect(log.schemas(of: manage).map(\.version) == [3])
    #expect(try await log.retainedSchemas(of: manage) == [1])
    let book = log.schemaBook(of: manage)
    #expect(book.judged(.topic, retained: [1]).map(\.version) == [1, 3])
    #expect(book.judged(.topic, retained: []).map(\.version) == [3])
    await #expect(throws: CatalogueFailure.schemaInUse(.retainedEvents(version: 1))) {
      try await log.editSchemas(of: manage, .remove(version: 1), at: nil)
    }
    // No event was ever checked against the second.
    try await log.editSchemas(of: manage, .remove(version: 2), at: nil)
    #expect(log.schemaBook(of: manage).versions.map(\.version) == [1, 3])

    // One that was checked before the deletion may arrive after it.
    log.schemaBook(of: manage).keep(candidates[0].program, of: 1)
    _ = try await bench.loop.append(proofs.checked("orders", "2", earlier))
    let records = try bench.contents("orders")
    #expect(records.map(\.schemaVersion) == [1, 1])
    try await log.trim(manage, before: 1)
    log = try await reopen(log, bench.clock.clocks)
    await #expect(throws: CatalogueFailure.schemaInUse(.retainedEvents(version: 1))) {
      try await log.editSchemas(of: manage, .remove(version: 1), at: nil)
    }
    try await log.trim(manage, before: 2)
    try await log.editSchemas(of: manage, .remove(version: 1), at: nil)
    log = try await reopen(log, bench.clock.clocks)
    #expect(log.schemaBook(of: manage).versions.map(\.version) == [3])
    #expect(log.binding(of: manage)?.sole?.version == 3)
    let revision = log.schemaBook(of: manage).revision
    #expect(
      try await log.registerSchema(candidates[0], for: manage, at: revision).version == 4)
  }

  /// A whole line goes for good, live versions too, where nothing that is kept can name one.
  func linesGoForGood(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    var log = bench.log
    let other = try subject("other")
    _ = try await log.registerSchema(proofs.schema("true"), for: manage, at: 0)
    _ = try await bench.loop.append(
      proofs.checked("orders", "1", try #require(log.binding(of: manage))))
    _ = try await log.registerSchema(proofs.schema("{}"), for: manage, at: 1)
    _ = try await log.registerSchema(proofs.schema("true", subject: other), for: manage, at: 2)
    try await log.editSchemas(of: manage, .setState(version: 1, .deleted), at: nil)
    let before = log.schemaBook(of: manage)
    await #expect(throws: CatalogueFailure.schemaInUse(.retainedEvents(version: 1))) {
      try await log.editSchemas(of: manage, .erase(.topic), at: nil)
    }
    #expect(log.schemaBook(of: manage).versions == before.versions)
    try await log.trim(manage, before: 1)
    let after = try await log.editSchemas(of: manage, .erase(.topic), at: before.revision)
    #expect(after.versions.map(\.version) == [3] && after.defaults == [other: 3])
    #expect(after.lastVersion == 3)
    log = try await reopen(log, bench.clock.clocks)
    let found = log.schemaBook(of: manage)
    #expect(found.versions == after.versions && found.defaults == after.defaults)
    #expect(log.binding(of: manage) == nil)
    #expect(
      try await log.registerSchema(proofs.schema("true"), for: manage, at: found.revision).version
        == 4)
  }
}
