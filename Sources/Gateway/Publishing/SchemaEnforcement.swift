import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// What becomes of events that name a schema, or break theirs, when the topic's binding has a say.
/// All of it cold: an event that keeps its topic's default schema comes here only while that is not
/// compiled.
extension GatewayResponder {
  // MARK: - dataschema

  /// The version that an event's `dataschema` chooses; nil for the default one, and where nothing
  /// is checked. Throws `UnacceptedSchema` where it chooses none, and `UncompiledSchema` for a
  /// version whose program is not at hand.
  func chosen(
    by draft: EventDraft, of binding: SchemaBinding?, at address: TopicAddress,
    _ held: HeldProgram?
  ) throws -> ChosenSchema? {
    guard let schema = binding?.schema(for: draft.attributes[.type]),
      let named = draft.attributes[.dataschema]
    else { return nil }
    let version = address.schemas(at: parts.operations.publicURL).version(in: named)
    if version == schema.version { return nil }
    if version == nil {
      let program = try held.program(of: schema.version, kept: schema.program)
      if let identifier = program.identifier, identifier == named { return nil }
    }
    guard let choice = schema.choices.first(where: { $0.version == version }) else {
      throw UnacceptedSchema(
        subject: schema.subject,
        accepted: ([schema.version] + schema.choices.map(\.version)).sorted())
    }
    return ChosenSchema(
      version: choice.version, program: try held.program(of: choice.version, kept: choice.program),
      deprecated: choice.deprecated)
  }

  /// The event as it is stored once `chosen` has verified its `dataschema`: of the topic's own URIs
  /// the one to deliver is written on delivery, in full; an absolute `$id` stays as it was sent.
  func named(
    _ draft: EventDraft, under binding: SchemaBinding?, _ choice: ChosenSchema?
  ) -> EventDraft {
    guard let schema = binding?.schema(for: draft.attributes[.type]),
      let sent = draft.attributes[.dataschema]
    else { return draft }
    if let program = choice?.program ?? schema.program, program.identifierIsAbsolute,
      program.identifier == sent
    {
      return draft
    }
    return draft.withoutSchemaName
  }

  // MARK: - Compiling when it is needed

  /// Judges with what has to be compiled for it; again where another version has come into force
  /// meanwhile.
  ///
  /// - Parameter missing: what has been found not to be compiled.
  func compiling(
    _ missing: UncompiledSchema?, _ judging: Judging, at address: TopicAddress,
    _ judge: (Judging) async throws -> ConformingEvent
  ) async throws -> ConformingEvent {
    var (missing, judging) = (missing, judging)
    for _ in 0..<GatewayLimits.judgingAttempts {
      if let missing { judging.held = try await compile(missing, at: address) }
      do {
        return try await judge(judging)
      } catch let schema as UncompiledSchema {
        missing = schema
      }
    }
    throw Refusal.schemasChange
  }

  /// Compiles a version on a worker, for the checks that follow to hold; it is kept for all loops
  /// as long as there is room for it. Nil where it was deleted meanwhile: then the binding has
  /// another one.
  func compile(
    _ missing: UncompiledSchema, at address: TopicAddress
  ) async throws -> HeldProgram? {
    let book = parts.engine.schemaBook(of: address)
    guard let stored = book.version(missing.version), stored.state.isLive else { return nil }
    do {
      return HeldProgram(
        version: missing.version,
        program: try await awaitedProgram(of: stored, in: book, at: address))
    } catch is SchemaFault {
      throw UnusableSchema(version: missing.version)
    }
  }

  /// The program of a version that events wait for: compiled ahead of what is asked for those who
  /// register schemas, in a turn of the publisher's tenant, once for all of its events here.
  private func awaitedProgram(
    of stored: StoredSchema, in book: SchemaBook, at address: TopicAddress
  ) async throws -> CompiledSchema {
    if let program = book.program(of: stored.version) { return program }
    let address = address.detached
    let work = SchemaWork(engine: parts.engine, address: address, book: book)
    let lane = parts.longWork.of(address.caller.tenant.bytes, isUrgent: true)
    return try await awaitedPrograms.answer(to: AwaitedProgram(stored, at: address)) {
      try await lane.run {
        Result<CompiledSchema, any Error> { try work.program(of: stored, keeping: true) }
      }.get()
    }
  }

  // MARK: - Enforcement

  /// The event all the same, where its schema only warns or quarantines; else the refusal again.
  ///
  /// - Parameters:
  ///   - choice: what it was checked against, if not the default version.
  ///   - quarantines: false for atomic batches, which go to one topic or nowhere: there quarantine
  ///     refuses.
  func tolerate(
    _ refusal: SchemaRefusal, of draft: EventDraft, under binding: SchemaBinding?,
    choice: ChosenSchema?, quarantines: Bool, at address: TopicAddress, _ held: HeldProgram?
  ) throws -> ConformingEvent {
    guard let binding, let schema = binding.schema(for: draft.attributes[.type]) else {
      throw refusal
    }
    // It may have gone since the check; without it nobody knows what the event is labelled with.
    let program =
      try choice?.program ?? held.program(of: schema.version, kept: schema.program)
    return try SchemaGate.tolerate(
      refusal, of: draft, against: address, under: schema,
      version: choice?.version ?? schema.version, program: program,
      quarantine: quarantines ? binding.terms.quarantine(of: address.topic) : nil,
      home: parts.operations.publicURL)
  }

  /// Stores an event that broke its schema in the quarantine topic, and says so: 202.
  func quarantine(
    _ event: ConformingEvent, sentTo address: TopicAddress, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let receipt = try await appender.append(event, to: try await openQuarantine(event.address))
    count(quarantined: [event], receipt.durableAt - request.received, sentTo: address)
    answer.start(202)
    answer.field("Location", text: "/v1/topics/\(event.address)/events/\(receipt.id.text)")
    return finish(&answer) { json in
      json.beginObject()
      json.key("quarantined")
      json.bool(true)
      json.key("topic")
      json.string("\(event.address)")
      json.key("messageId")
      json.string(receipt.id)
      json.key("publishTime")
      json.instant(receipt.publishTime)
      json.key("errors")
      json.raw(event.draft.attributes[.schemaErrors] ?? ByteSlice(utf8: "[]"))
      json.key("durability")
      json.string("sync" as StaticString)
      json.endObject()
    }
  }

  /// The quarantine topic, made first where it is not there: whether topics come into being on
  /// first use does not count for it, since the binding names it.
  func openQuarantine(_ address: TopicAddress) async throws -> Engine.Topic {
    if let topic = parts.engine.open(address) { return topic }
    _ = try await parts.engine.createTopic(address.detached, TopicConfiguration())
    guard let topic = parts.engine.open(address) else { throw AppendFailure.unknownTopic }
    return topic
  }

  /// Counts quarantined events with both topics.
  func count(
    quarantined events: [ConformingEvent], _ latency: TimeSpan, sentTo address: TopicAddress
  ) {
    guard let first = events.first else { return }
    topicMetrics.topic(TopicKey(address)).refused(
      .quarantined, events: events.count, taking: latency)
    topicMetrics.topic(TopicKey(first.address)).stored(
      events: events.count, bytes: events.reduce(0) { $0 + $1.draft.payload.count },
      latency: latency)
  }

  /// Tells a publisher that its schema's version is deprecated (RFC 9745), if that is known when it
  /// goes out of use (RFC 8594), and counts it.
  func tell(
    _ deprecation: SchemaDeprecation, _ address: TopicAddress, events: Int = 1,
    _ answer: inout AnswerWriter
  ) {
    topicMetrics.topic(TopicKey(address)).deprecated(events: events)
    answer.field("Deprecation", text: "@\(deprecation.since.nanoseconds / 1_000_000_000)")
    answer.field("Link", text: "</v1/topics/\(address)/schemas>; rel=\"deprecation\"")
    if let sunset = deprecation.sunset {
      answer.field("Sunset") { HTTPDate.append(sunset, to: &$0) }
    }
  }
}

extension Refusal {
  /// What an event has to wait for has changed again and again.
  static var schemasChange: Refusal {
    Refusal(.overloaded, "the topic's schemas change faster than its events are checked")
  }
}

/// An event's `dataschema` is none that its topic takes. Nobody has looked at its payload yet.
struct UnacceptedSchema: Error {
  let subject: SchemaSubject
  /// Versions that a publisher may name.
  let accepted: [UInt32]

  /// What there is to say of the event once its payload is read.
  func refusal(of draft: EventDraft, _ scratch: SchemaScratch) -> SchemaRefusal {
    do throws(SchemaRefusal) {
      return .schemaMismatch(
        try SchemaMismatch(subject, accepted: accepted, of: draft, scratch))
    } catch {
      return error
    }
  }
}

/// A version that an event is to be checked against and that no program is at hand for.
struct UncompiledSchema: Error, Hashable {
  let version: UInt32
}

/// A registered version that does not compile any more: a fault of the gateway's own.
struct UnusableSchema: Error {
  let version: UInt32
}

/// What events of one publisher's tenant wait for. A number names another version once a topic was
/// made anew.
struct AwaitedProgram: Hashable {
  let topic: TopicKey
  let version: UInt32
  let fingerprint: ByteSlice
  let references: [SchemaPin]
  let tenant: Name

  /// - Parameter address: in storage of its own.
  init(_ stored: StoredSchema, at address: TopicAddress) {
    topic = TopicKey(address)
    version = stored.version
    fingerprint = stored.fingerprint
    references = stored.references
    tenant = address.caller.tenant
  }
}

/// What has been compiled for events that waited for it. It is held so that their checks find it
/// even where the cache had to make room meanwhile.
struct HeldProgram: Sendable {
  let version: UInt32
  let program: CompiledSchema
}

extension HeldProgram? {
  /// The program of a version: the one that is kept for everybody, else the one that is held.
  func program(
    of version: UInt32, kept: CompiledSchema?
  ) throws(UncompiledSchema) -> CompiledSchema {
    if let kept { return kept }
    guard let self, self.version == version else { throw UncompiledSchema(version: version) }
    return self.program
  }
}
