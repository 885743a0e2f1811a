import Bytes
import Delivery
import HTTPWire
import JSONText
import Metrics
import Subscriptions
import Tenancy
import Topics

/// Durable subscriptions: make, describe, delete, list.
extension GatewayResponder {
  func serve(
    _ verb: Route.SubscriptionResource, of name: Name, _ topic: TopicReference,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    switch (verb, request.head.method) {
    case (.itself, .put): return try await putSubscription(name, topic, request, &answer)
    case (.itself, .get), (.itself, .head):
      return try await getSubscription(name, topic, request, &answer)
    case (.itself, .delete): return try await deleteSubscription(name, topic, request, &answer)
    case (.receive, .post): return try await receive(name, topic, request, &answer)
    case (.acknowledge, .post): return try await acknowledge(name, topic, request, &answer)
    case (.release, .post): return try await release(name, topic, request, &answer)
    case (.extend, .post): return try await extend(name, topic, request, &answer)
    case (.seek, .post): return try await seek(name, topic, request, &answer)
    case (.reject, .post): throw Refusal(.notSupported, "dead letters are not supported yet")
    case (.events, .get):
      throw Refusal(.notSupported, "pushed deliveries are not supported yet; use receive")
    default:
      throw Refusal.method(Route.topic(topic, .subscription(name, verb)).methods)
    }
  }

  /// `PUT …/subscriptions/{sub}`: makes it, or finds it there with the same terms.
  private func putSubscription(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let topic = try admit(request, to: reference, forAnyOf: Self.lookingAfter).detached
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: topic)
    let wish = try SubscriptionWish(reading: body)
    let place = try await self.place(wish.start, in: topic)
    try terms.conditions.check(
      parts.engine.subscription(name, of: topic).map { EntityTag($0) })
    let made = try await engine(terms).createSubscription(
      name, wish.terms, startingAt: place.reachable, of: topic)
    switch made {
    case .created(let definition): start(201, terms, tag: EntityTag(definition), &answer)
    case .existing(let definition):
      try terms.conditions.check(EntityTag(definition))
      guard definition.terms == wish.terms else { throw Refusal(.subscriptionConflict) }
      start(200, terms, tag: EntityTag(definition), &answer)
    }
    if terms.isTrial, case .created(let definition) = made {
      let end = try parts.engine.bounds(of: topic).end
      let facts = SubscriptionFacts(fresh: place.reachable, end: end)
      return finish(&answer) { json in write(definition, facts, for: topic, into: &json) }
    }
    let facts = try await facts(of: made.thing, topic)
    return finish(&answer) { json in write(made.thing, facts, for: topic, into: &json) }
  }

  private func getSubscription(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let holder = try query.takeHolder()
    try query.finish()
    let (topic, definition) = try look(for: name, of: holder, reference, request)
    let facts = try await facts(of: definition, topic)
    guard try !startTagged(EntityTag(definition), request, &answer) else { return .complete }
    return finish(&answer) { json in write(definition, facts, for: topic, into: &json) }
  }

  private func deleteSubscription(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let holder = try query.takeHolder()
    let terms = try ChangeTerms(of: request, &query)
    try query.finish()
    let (topic, definition) = try look(for: name, of: holder, reference, request)
    guard topic.mayDelete(definition) else { throw TenancyRefusal.forbidden(.manage) }
    try terms.conditions.check(EntityTag(definition))
    try await engine(terms).deleteSubscription(
      definition, of: topic, isConditional: !terms.conditions.isEmpty)
    if !terms.isTrial { parts.dispatchers.close(definition, of: topic) }
    return finishGone(terms, &answer)
  }

  func listSubscriptions(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let topic = try admit(request, to: reference, forAnyOf: Self.lookingAfter).detached
    guard parts.engine.topic(topic) != nil else { throw Refusal(.notFound) }
    var found: [(SubscriptionDefinition, SubscriptionFacts)] = []
    for definition in parts.engine.subscriptions(of: topic) {
      found.append((definition, try await facts(of: definition, topic)))
    }
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("subscriptions")
      json.beginArray()
      for (definition, facts) in found { write(definition, facts, for: topic, into: &json) }
      json.endArray()
      json.endObject()
    }
  }

  // MARK: - What the verbs share

  var site: LoopSite { LoopSite(timers: timers, workers: parts.workers) }

  /// Grants of which one is needed to make a subscription, to see it and to ask for its end; what
  /// it brings is for `subscribe` alone.
  private static var lookingAfter: [Action] { [.subscribe, .manage] }

  /// A subscription to look at or to delete: the caller's tenant's own, or that of `holder`, as far
  /// as it is there for the caller.
  private func look(
    for name: Name, of holder: Name?, _ reference: TopicReference, _ request: HTTPRequest
  ) throws -> (TopicAddress, SubscriptionDefinition) {
    let topic = try admit(request, to: reference, forAnyOf: Self.lookingAfter).detached
    guard let definition = subscription(name, of: holder, topic) else { throw Refusal(.notFound) }
    return (topic, definition)
  }

  private func subscription(
    _ name: Name, of holder: Name?, _ topic: TopicAddress
  ) -> SubscriptionDefinition? {
    var held = HeldName(name, under: topic)
    if let holder { held = HeldName(holder: holder == topic.tenant ? nil : holder, name: name) }
    return parts.engine.subscription(held, of: topic)
  }

  /// Throws what a call that would make or delete the subscription is answered for want of a right.
  func checkRight(
    to name: Name, _ reference: TopicReference, _ request: HTTPRequest
  ) throws {
    let topic = try admit(request, to: reference, forAnyOf: Self.lookingAfter)
    guard request.head.method == .delete else { return }
    var query = try QueryParameters(request.head.query)
    guard let definition = subscription(name, of: try query.takeHolder(), topic) else { return }
    guard topic.mayDelete(definition) else { throw TenancyRefusal.forbidden(.manage) }
  }

  /// A subscription of the caller's tenant, to use it; names are kept as long as calls wait.
  func find(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest
  ) throws -> (TopicAddress, SubscriptionDefinition) {
    let topic = try admit(request, to: reference, for: .subscribe).detached
    guard let definition = parts.engine.subscription(name, of: topic) else {
      throw Refusal(.notFound)
    }
    return (topic, definition)
  }

  /// Progress and backlog, from memory or from the disk.
  func facts(
    of definition: SubscriptionDefinition, _ topic: TopicAddress
  ) async throws -> SubscriptionFacts {
    try await parts.dispatchers.look(at: definition, of: topic, on: site)
  }

  private func write(
    _ definition: SubscriptionDefinition, _ facts: SubscriptionFacts, for topic: TopicAddress,
    into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("name")
    json.string(definition.name.bytes)
    if let holder = definition.holder {
      json.key("tenant")
      json.string(holder.bytes)
    }
    if definition.holder == topic.holder, !definition.creator.isEmpty {
      json.key("createdBy")
      json.string(definition.creator)
    }
    json.key("type")
    json.string(definition.terms.kind.word)
    json.key("ackTimeout")
    json.string(definition.terms.ackTimeout.text)
    json.key("maxUnacked")
    json.integer(definition.terms.maxUnacked)
    json.key("created")
    json.instant(definition.created)
    json.key("position")
    json.string(facts.markDelete.text)
    json.key("backlog")
    json.integer(facts.backlog)
    json.key("unacked")
    json.integer(facts.unacked)
    json.key("waitingForRedelivery")
    json.integer(facts.waiting)
    json.key("oldestUnacked")
    if let oldest = facts.oldestUnacked {
      json.string(MessageID(ledger: facts.markDelete.ledger, entry: oldest))
    } else {
      json.null()
    }
    json.key("consumers")
    json.integer(facts.consumers)
    json.endObject()
  }
}

extension Catalogue {
  /// Deletes the subscription that its caller has looked at. One that was made anew under the name
  /// meanwhile is another one, perhaps somebody else's: that stays.
  ///
  /// - Parameter isConditional: whether the caller said what it takes for granted. Then 412 tells
  ///   that it is another one; else what was meant is gone, 404.
  func deleteSubscription(
    _ definition: SubscriptionDefinition, of topic: TopicAddress, isConditional: Bool
  ) async throws {
    do throws(CatalogueFailure) {
      try await deleteSubscription(
        definition.heldName, of: topic, expecting: .exactly(definition))
    } catch .changed where !isConditional {
      throw Refusal(.notFound)
    } catch {
      throw error
    }
  }
}

extension EntityTag {
  /// Of a subscription's terms: not of how far it has come. One made anew under the same name has
  /// another.
  init(_ definition: SubscriptionDefinition) {
    self.init { json in
      json.string("subscription")
      json.integer(definition.number)
      json.string(definition.terms.kind.word)
      json.string(definition.terms.ackTimeout.text)
      json.integer(definition.terms.maxUnacked)
    }
  }
}

extension TopicAddress {
  /// Whether the caller may delete a subscription that it sees: one that it has made, and with
  /// `manage` any. Nobody can be granted `manage` of another tenant's topic: there, whoever may use
  /// its tenant's subscriptions may delete them.
  fileprivate func mayDelete(_ definition: SubscriptionDefinition) -> Bool {
    if isShared || caller.may(.manage, namespace: namespace, topic: topic) { return true }
    return definition.holder == nil && !definition.creator.isEmpty
      && definition.creator == caller.principal
  }
}

extension QueryParameters {
  /// The tenant whose subscription is meant, where it is not the caller's.
  fileprivate mutating func takeHolder() throws(Refusal) -> Name? {
    guard let text = take("tenant") else { return nil }
    guard let name = Name(text) else { throw Refusal(.badParameter, "'tenant' is not a name") }
    return name
  }
}

/// What the body of a subscription's `PUT` asks for.
private struct SubscriptionWish {
  let terms: SubscriptionTerms
  let start: StartPosition

  init(reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    var kind = SubscriptionKind.exclusive
    if let word = try members.takeText("type") {
      guard let known = SubscriptionKind.allCases.first(where: { word.equals($0.word) }) else {
        throw members.wrong("type", "exclusive, failover, shared or key_shared")
      }
      guard DispatchRules(known) != nil else {
        throw Refusal(.notSupported, "subscriptions of type \(known.word) are not supported yet")
      }
      kind = known
    }
    let position = try members.takeText("initialPosition")
    let timeout = try members.takeSpan("ackTimeout", atMost: SubscriptionLimits.longestLease)
    let unacked = try members.takeNumber("maxUnacked", in: 1...Int64(SubscriptionLimits.maxUnacked))
    try members.refuseLater("deadLetter", "redeliveryBackoff")
    guard let start = position.map({ StartPosition(parsing: $0) }) ?? .latest else {
      throw members.wrong("initialPosition", "latest, earliest, a cursor or an instant")
    }
    try members.finish()
    self.start = start
    terms = SubscriptionTerms(
      kind: kind, ackTimeout: timeout ?? SubscriptionLimits.defaultAckTimeout,
      maxUnacked: unacked.map(Int.init) ?? SubscriptionLimits.defaultUnacked)
  }
}
