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
  /// is checked. Throws `UncompiledSchema` for a version that this loop has no program of.
  func chosen(
    by draft: EventDraft, of binding: SchemaBinding?, in topic: Engine.Topic,
    at address: TopicAddress
  ) throws -> ChosenSchema? {
    guard let schema = binding?.schema(for: draft.attributes[.type]),
      let named = draft.attributes[.dataschema]
    else { return nil }
    let version = SchemaURI(parts.operations.publicURL, address).version(in: named)
    if version == schema.version { return nil }
    if version == nil {
      guard let program = schema.program ?? compiled(schema.version, of: topic, at: address) else {
        throw UncompiledSchema(ledger: topic.info.ledger, version: schema.version)
      }
      if let identifier = program.identifier, identifier == named { return nil }
    }
    guard let choice = schema.choices.first(where: { $0.version == version }) else {
      throw SchemaRefusal.schemaMismatch(
        schema.subject, accepted: ([schema.version] + schema.choices.map(\.version)).sorted())
    }
    guard let program = choice.program ?? compiled(choice.version, of: topic, at: address) else {
      throw UncompiledSchema(ledger: topic.info.ledger, version: choice.version)
    }
    return ChosenSchema(
      version: choice.version, program: program, deprecated: choice.deprecated)
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

  /// The default version as a choice, where nothing but this loop has its program.
  func compiledDefault(
    of binding: SchemaBinding?, for type: ByteSlice?, _ version: UInt32, in topic: Engine.Topic,
    at address: TopicAddress
  ) throws(UncompiledSchema) -> ChosenSchema {
    guard let program = compiled(version, of: topic, at: address) else {
      throw UncompiledSchema(ledger: topic.info.ledger, version: version)
    }
    return ChosenSchema(
      version: version, program: program, deprecated: binding?.schema(for: type)?.deprecated)
  }

  /// The program that this loop was given last, if it is the one.
  private func compiled(
    _ version: UInt32, of topic: Engine.Topic, at address: TopicAddress
  ) -> CompiledSchema? {
    guard let last = lastCompiled, last.schema.version == version, last.address == address,
      last.schema.ledger == topic.info.ledger
    else { return nil }
    return last.program
  }

  /// Compiles a version on a worker, for the check that follows at once to find it: it is this
  /// loop's last one, and kept for all loops as long as there is room for it.
  func compile(_ missing: UncompiledSchema, at address: TopicAddress) async throws {
    let book = parts.engine.schemaBook(of: address)
    guard let stored = book.version(missing.version), stored.state.isLive else {
      throw Refusal(.dataschemaMismatch, "version \(missing.version) was deleted meanwhile")
    }
    let address = address.detached
    do {
      let program = try await program(of: stored, in: book, at: address, keeping: true)
      lastCompiled = LastCompiled(schema: missing, address: address, program: program)
    } catch is SchemaFault {
      throw UnusableSchema(version: missing.version)
    }
  }

  /// Compiles what a batch will be checked against, so that not every event of it has to wait.
  func prepare(_ topic: Engine.Topic, at address: TopicAddress) async throws {
    guard let binding = topic.binding else { return }
    for schema in binding.schemas where schema.program == nil {
      try await compile(
        UncompiledSchema(ledger: topic.info.ledger, version: schema.version), at: address)
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
    choice: ChosenSchema?, quarantines: Bool, in topic: Engine.Topic, at address: TopicAddress
  ) throws -> ConformingEvent {
    guard let binding, let schema = binding.schema(for: draft.attributes[.type]) else {
      throw refusal
    }
    // It may have gone since the check; without it nobody knows what the event is labelled with.
    let program =
      try choice?.program ?? schema.program
      ?? compiledDefault(
        of: binding, for: draft.attributes[.type], schema.version, in: topic, at: address
      ).program
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
  func tellDeprecated(
    since instant: UnixTime, _ address: TopicAddress, events: Int = 1,
    _ answer: inout AnswerWriter
  ) {
    topicMetrics.topic(TopicKey(address)).deprecated(events: events)
    answer.field("Deprecation", text: "@\(instant.nanoseconds / 1_000_000_000)")
    answer.field("Link", text: "</v1/topics/\(address)/schemas>; rel=\"deprecation\"")
    let versions = parts.engine.schemaBook(of: address).versions
    if let sunset = versions.first(where: { $0.deprecated == instant })?.notice.sunset {
      answer.field("Sunset") { HTTPDate.append(sunset, to: &$0) }
    }
  }
}

/// A version that an event is to be checked against and that no program is at hand for.
struct UncompiledSchema: Error, Hashable {
  let ledger: UInt64
  let version: UInt32
}

/// A registered version that does not compile any more: a fault of the gateway's own.
struct UnusableSchema: Error {
  let version: UInt32
}

/// What a loop has had compiled last. It is held so that a check which waited for it finds it, even
/// where the cache had to make room meanwhile.
struct LastCompiled {
  let schema: UncompiledSchema
  let address: TopicAddress
  let program: CompiledSchema
}

/// How one topic's schema versions are named: `<publicURL>/v1/topics/…/schemas/<version>`, or the
/// same without the public URL.
struct SchemaURI {
  private let publicURL: ByteSlice
  private let path: ByteSlice

  init(_ publicURL: ByteSlice, _ topic: TopicAddress) {
    self.publicURL = publicURL
    path = ByteSlice(utf8: "/v1/topics/\(topic)/schemas/")
  }

  /// The version that `uri` names; nil where it names none of the topic.
  func version(in uri: ByteSlice) -> UInt32? {
    var rest = uri
    if rest.count > publicURL.count, rest.prefix(publicURL.count) == publicURL {
      rest = rest.dropFirst(publicURL.count)
    }
    guard rest.count > path.count, rest.prefix(path.count) == path else { return nil }
    return UInt32(decimal: rest.dropFirst(path.count))
  }
}
