import Bytes
import Delivery
import HTTPWire
import JSONText
import Metrics
import Schemas
import Subscriptions
import Tenancy
import Topics

/// Topics as things: make, describe, configure, delete, list.
extension GatewayResponder {
  /// `PUT …/{topic}`: makes the topic, or changes the configuration of the one that is there.
  func putTopic(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.topic).detached
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: address)
    let configuration = try TopicConfiguration(reading: body)
    let known = parts.engine.topic(address)
    try terms.conditions.check(known.map { EntityTag($0) })
    let engine = engine(terms)
    if known == nil {
      switch try await engine.createTopic(address, configuration) {
      case .created(let info):
        start(201, terms, tag: EntityTag(info), &answer)
        return try await describe(info, address, &answer)
      case .existing(let info): try terms.conditions.check(EntityTag(info))
      }
    }
    let before = compatibilityTerms(of: address)
    let info = try await engine.configureTopic(
      address, configuration,
      expecting: terms.conditions.isEmpty ? .anything : known.map { .exactly($0) } ?? .anything)
    let after = SchemaRegistration.Terms(
      TopicRules(of: address.inNamespace, topic: info, in: parts.engine))
    let unmet = after == before ? UnmetLevels() : await unmet(at: address, under: after)
    start(200, terms, tag: EntityTag(info), &answer)
    return try await describe(info, address, &answer, telling: unmet)
  }

  /// `GET …/{topic}`: configuration and statistics. Its tag is that of the configuration: what one
  /// changes, and not what changes by itself.
  func getTopic(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let address = try admit(request, to: reference, forAnyOf: [.subscribe, .publish, .manage])
      .detached
    guard let info = parts.engine.topic(address) else { throw Refusal(.notFound) }
    guard try !startTagged(EntityTag(info), request, &answer) else { return .complete }
    return try await describe(info, address, &answer)
  }

  /// Ends an answer with what there is to say of a topic; a backlog only for those who may read it,
  /// and for another tenant nothing but what a reader sees anyway and what is its own.
  private func describe(
    _ info: TopicInfo, _ address: TopicAddress, _ answer: inout AnswerWriter,
    telling unmet: UnmetLevels = UnmetLevels()
  ) async throws -> AnswerEnd {
    var subscriptions: [(SubscriptionDefinition, SubscriptionFacts?)] = []
    for definition in parts.engine.subscriptions(of: address) {
      let facts = address.action == .subscribe ? try await facts(of: definition, address) : nil
      subscriptions.append((definition, facts))
    }
    return finish(&answer) { json in
      json.beginObject()
      write(info, subscriptions, of: address, into: &json)
      if unmet.isWorthTelling {
        json.key("warnings")
        unmet.write(into: &json)
      }
      json.endObject()
    }
  }

  /// `DELETE …/{topic}`: with its events, schemas and subscriptions.
  func deleteTopic(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.topic).detached
    guard let known = parts.engine.topic(address) else { throw Refusal(.notFound) }
    try terms.conditions.check(EntityTag(known))
    try await engine(terms).deleteTopic(
      address, expecting: terms.conditions.isEmpty ? .anything : .exactly(known))
    if !terms.isTrial {
      parts.metrics.remove(TopicKey(address))
      parts.dispatchers.close(topicGoneAt: address)
    }
    return finishGone(terms, &answer)
  }

  /// `GET /v1/topics/{tenant}/{namespace}`: what the caller may see of it, paged by `Link`.
  func listTopics(
    _ reference: NamespaceReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let limit = try query.takeNumber("limit", in: 1...GatewayLimits.topicsPerPage)
    let afterText = query.take("after")
    try query.finish()
    let scope = try admit(request, reference.tenant)
    let namespace = try scope.namespace(
      of: reference, forAnyOf: [.subscribe, .publish, .manage]
    ).detached
    let after = try afterText.map { text throws(Refusal) -> Name in
      guard let name = Name(text) else { throw Refusal(.badParameter, "'after' is not a name") }
      return name
    }
    let most = limit ?? GatewayLimits.topicsPerPage
    var shown = await topics(in: namespace, after: after?.detached, atMost: most + 1)
    let isCut = shown.count > most
    shown = Array(shown.prefix(most))
    answer.start(200)
    if isCut, let last = shown.last {
      answer.field(
        "Link",
        text: "</v1/topics/\(namespace.tenant)/\(namespace.namespace)?limit=\(most)"
          + "&after=\(last.name)>; rel=\"next\"")
    }
    return finish(&answer) { json in
      json.beginObject()
      json.key("topics")
      json.beginArray()
      for info in shown {
        json.beginObject()
        writeIdentity(info, into: &json)
        json.endObject()
      }
      json.endArray()
      if isCut, let last = shown.last {
        json.key("next")
        json.string(last.name.bytes)
      }
      json.endObject()
    }
  }

  /// The first topics behind `after` that the caller may see. Of a large namespace that may be few
  /// and far between: the loop has its turns meanwhile.
  private func topics(
    in namespace: NamespaceAddress, after: Name?, atMost most: Int
  ) async -> [TopicInfo] {
    var shown: [TopicInfo] = []
    var after = after
    var pace = Pace()
    // Mostly all are shown; where the first step did not bring enough, the next ones are longer.
    var step = most
    while true {
      let page = parts.engine.topics(in: namespace, after: after, limit: step)
      for info in page {
        if namespace.shows(info.name) { shown.append(info) }
        if shown.count == most { return shown }
        pace.note(bytes: 0)
        if pace.isDue(timers) { await nextTurn() }
      }
      guard page.count == step, let last = page.last else { return shown }
      after = last.name
      step = max(step, GatewayLimits.topicsPerPage)
      await nextTurn()
    }
  }

  private func writeIdentity(_ info: TopicInfo, into json: inout JSONWriter) {
    json.key("topic")
    json.string(info.name.bytes)
    json.key("created")
    json.instant(info.created)
    json.key("schemaVersion")
    if info.schemaVersion == 0 { json.null() } else { json.integer(Int(info.schemaVersion)) }
  }

  private func write(
    _ info: TopicInfo, _ subscriptions: [(SubscriptionDefinition, SubscriptionFacts?)],
    of address: TopicAddress, into json: inout JSONWriter
  ) {
    json.key("tenant")
    json.string(address.tenant.bytes)
    json.key("namespace")
    json.string(address.namespace.bytes)
    writeIdentity(info, into: &json)
    json.key("durability")
    json.string("sync")
    info.configuration.write(into: &json)
    writeEffective(info, address, into: &json)
    let bounds =
      (try? parts.engine.bounds(of: address))
      ?? TopicBounds(ledger: info.ledger, first: 0, end: 0, bytes: 0)
    if !address.isShared || address.action == .subscribe {
      json.key("events")
      json.integer(bounds.events)
      json.key("bytes")
      json.integer(bounds.bytes)
      json.key("first")
      writeID(bounds.events == 0 ? nil : bounds.first, bounds.ledger, into: &json)
      json.key("last")
      writeID(bounds.events == 0 ? nil : bounds.end - 1, bounds.ledger, into: &json)
    }
    if !address.isShared { writeMeasured(address, into: &json) }
    json.key("subscriptions")
    json.beginArray()
    for (definition, facts) in subscriptions {
      json.beginObject()
      json.key("name")
      json.string(definition.name.bytes)
      if let holder = definition.holder {
        json.key("tenant")
        json.string(holder.bytes)
      }
      json.key("type")
      json.string(definition.terms.kind.word)
      if let facts {
        json.key("backlog")
        json.integer(facts.backlog)
        json.key("unacked")
        json.integer(facts.unacked)
      }
      json.endObject()
    }
    json.endArray()
  }

  /// How fast the topic is and what became of publishes: of all who use it together.
  private func writeMeasured(_ address: TopicAddress, into json: inout JSONWriter) {
    let measured = parts.metrics.existing(TopicKey(address))
    json.key("publish")
    writeLatency(measured?.publishSummary, into: &json)
    json.key("delivery")
    writeLatency(measured?.deliverySummary, into: &json)
    json.key("outcomes")
    json.beginObject()
    for outcome in Outcome.allCases {
      guard let count = measured?.publishes.count(of: outcome), count > 0 else { continue }
      json.key(outcome.label)
      json.integer(count)
    }
    json.endObject()
  }

  private func writeID(_ entry: UInt64?, _ ledger: UInt64, into json: inout JSONWriter) {
    guard let entry else {
      json.null()
      return
    }
    json.string(MessageID(ledger: ledger, entry: entry).text)
  }

  private func writeLatency(_ summary: LatencySummary?, into json: inout JSONWriter) {
    var bytes = ByteWriter(capacity: 96)
    LatencySummary.appendJSON(of: summary, to: &bytes)
    json.raw(bytes.slice)
  }
}

extension TopicKey {
  /// The metrics' name of a topic.
  init(_ address: TopicAddress) {
    self.init(
      tenant: address.tenant.bytes, namespace: address.namespace.bytes, topic: address.topic.bytes)
  }

  /// The same of a topic that a path names, granted or not; nil where it is another tenant's.
  init?(_ reference: TopicReference, for scope: TenantScope) {
    guard let namespace = reference.namespace ?? scope.namespace,
      reference.tenant ?? scope.tenant == scope.tenant
    else { return nil }
    self.init(
      tenant: scope.tenant.bytes, namespace: namespace.bytes, topic: reference.topic.bytes)
  }
}

extension EntityTag {
  /// Of a topic's configuration. A topic made anew under the same name has another.
  init(_ info: TopicInfo) {
    self.init { json in
      json.string("topic")
      json.integer(info.ledger)
      json.beginObject()
      info.configuration.write(into: &json)
      json.endObject()
    }
  }
}

extension TopicConfiguration {
  /// Reads the body of a `PUT`.
  fileprivate init(reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    if let durability = try members.takeText("durability"), !durability.equals("sync") {
      guard durability.equals("async") else { throw members.wrong("durability", "'sync'") }
      throw Refusal(.notSupported, "'/durability' async is not supported yet")
    }
    let retention = try members.takeRetention()
    try members.refuseLater("ttl", "compaction", "limits")
    if members.has("enforcement") {
      throw Refusal(
        .badParameter, "'/enforcement' is part of the binding: PUT it to …/{topic}/schema/binding")
    }
    let requireSchema = try members.takeFlag("requireSchema")
    let (compatibility, evolution) = try members.takeCompatibility()
    try members.finish()
    self.init(
      retention: retention, requireSchema: requireSchema, compatibility: compatibility,
      evolution: evolution)
  }

  fileprivate func write(into json: inout JSONWriter) {
    json.key("retention")
    retention.write(into: &json)
    json.key("requireSchema")
    if let requireSchema { json.bool(requireSchema) } else { json.null() }
    json.compatibility(compatibility, evolution)
  }
}

extension SubscriptionKind {
  /// The word of the HTTP contract.
  var word: StaticString {
    switch self {
    case .exclusive: "exclusive"
    case .shared: "shared"
    case .failover: "failover"
    case .keyShared: "key_shared"
    }
  }
}
