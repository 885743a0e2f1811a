import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// What becomes of events that name a schema, or break theirs, when the topic's binding has a say.
/// All of it cold: an event that keeps its topic's default schema does not come here.
extension GatewayResponder {
  // MARK: - dataschema

  /// The version that an event's `dataschema` chooses; nil for the default one, and where nothing
  /// is checked. Throws `UncompiledChoice` for a version that this loop has no program of.
  func chosen(
    by draft: EventDraft, of binding: SchemaBinding?, in topic: Engine.Topic,
    at address: TopicAddress
  ) throws -> ChosenSchema? {
    guard let schema = binding?.schema(for: draft.attributes[.type]),
      let named = draft.attributes[.dataschema]
    else { return nil }
    if let identifier = schema.identifier, identifier == named { return nil }
    let version = SchemaURI(parts.operations.publicURL, address).version(in: named)
    if version == schema.version { return nil }
    guard let choice = schema.choices.first(where: { $0.version == version }) else {
      throw SchemaRefusal.schemaMismatch(
        schema.subject, accepted: ([schema.version] + schema.choices.map(\.version)).sorted())
    }
    let missing = UncompiledChoice(ledger: topic.info.ledger, version: choice.version)
    guard let program = chosenSchemas[missing, address] else { throw missing }
    return ChosenSchema(
      version: choice.version, program: program, deprecated: choice.deprecated)
  }

  /// The event as it is stored once `chosen` has verified its `dataschema`: of the topic's own URIs
  /// the one to deliver is written on delivery, in full; an absolute `$id` stays as it was sent.
  func named(_ draft: EventDraft, under binding: SchemaBinding?) -> EventDraft {
    guard let schema = binding?.schema(for: draft.attributes[.type]),
      let sent = draft.attributes[.dataschema]
    else { return draft }
    if schema.identifierIsAbsolute, schema.identifier == sent { return draft }
    return draft.withoutSchemaName
  }

  /// Compiles a version on a worker, for `check` to find it.
  func compile(_ choice: UncompiledChoice, at address: TopicAddress) async throws {
    guard let stored = parts.engine.schemaBook(of: address).version(choice.version),
      stored.state.isLive
    else { throw Refusal(.dataschemaMismatch, "version \(choice.version) was deleted meanwhile") }
    chosenSchemas[choice, address.detached] = try await compile(stored, of: address)
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
    choice: ChosenSchema?, quarantines: Bool, at address: TopicAddress
  ) throws -> ConformingEvent {
    guard let binding, let schema = binding.schema(for: draft.attributes[.type]) else {
      throw refusal
    }
    return try SchemaGate.tolerate(
      refusal, of: draft, against: address, under: schema,
      version: choice?.version ?? schema.version, program: choice?.program ?? schema.program,
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

/// A version that a publisher chose and that no program is at hand for.
struct UncompiledChoice: Error, Hashable {
  let ledger: UInt64
  let version: UInt32
}

/// Programs of versions that publishers chose: one loop's, at most
/// `GatewayLimits.chosenSchemas`; when it is full it starts over.
struct ChosenSchemas {
  private struct Key: Hashable {
    let topic: TopicAddress
    let choice: UncompiledChoice
  }

  private var known: [Key: CompiledSchema] = [:]

  subscript(_ choice: UncompiledChoice, _ topic: TopicAddress) -> CompiledSchema? {
    get { known[Key(topic: topic, choice: choice)] }
    set {
      if known.count >= GatewayLimits.chosenSchemas { known.removeAll(keepingCapacity: true) }
      known[Key(topic: topic, choice: choice)] = newValue
    }
  }
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
