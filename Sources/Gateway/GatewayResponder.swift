import Authentication
import Bytes
import Delivery
import Events
public import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// One loop's gateway: reads what a request names, sends it on its journey, and turns every no into
/// one answer. Confined to its loop.
public final class GatewayResponder<Engine: EventEngine>: Responder {
  let parts: GatewayParts<Engine>
  let timers: any LoopTimers
  let appender: Engine.Appender
  let admission: Admission
  let streams: OpenStreams
  let shares: FairShare
  let scratch = SchemaScratch()
  let shelf = AttributeShelf()
  let frames = FrameCache()
  let redactions: RedactionDesk
  /// What schemas label whose programs are not in memory.
  let labels: LabelMemory<Engine>
  /// Of events that wait until their schemas are compiled.
  let awaitedPrograms = SharedWaits<AwaitedProgram, CompiledSchema, any Error>()
  var topicMetrics: TopicMetricsCache
  /// Where answers are composed; nothing of it outlives the call that fills it.
  private var draft = JSONWriter(capacity: 4096)
  let metadataURL: ByteSlice
  /// A loop's own, because every answer refers to it: counting references to the same bytes on all
  /// loops would have them wait for each other.
  let noStore = CrossOrigin.copyOfNoStore()
  /// Counts what was allowed, for the audit log's sample.
  var auditTurn = 0
  /// Of the requests under way that have any.
  var notes: [RequestID: RequestNotes] = [:]
  /// Where publishes have gone lately.
  var targets = TargetShelf()
  /// What their heads have said.
  var knownFields = FieldsShelf()
  /// Publishes that nothing waits for any more, to be used again.
  var idlePublishes: [PendingPublish] = []
  /// The snapshot that open streams are held against.
  private var reviewedGeneration: UInt64 = 1

  public init(_ parts: GatewayParts<Engine>, timers: any LoopTimers) {
    self.parts = parts
    self.timers = timers
    appender = parts.engine.makeAppender(answeringBy: timers.post)
    admission = Admission(
      parts.access, parts.limits, metrics: parts.server.tokens, identity: parts.identity,
      proofs: parts.proofs, publicURL: parts.operations.publicURL)
    streams = OpenStreams(
      parts.streams, parts.identity, timers: timers, metrics: parts.server.policy,
      audit: parts.audit)
    redactions = RedactionDesk(timers)
    labels = LabelMemory(parts.engine, parts.longWork)
    shares = FairShare(at: timers.now, roll: parts.roll, metrics: parts.server.limits)
    parts.access.wake(timers.post)
    topicMetrics = TopicMetricsCache(of: parts.metrics)
    metadataURL = ResourceMetadata.url(of: parts.operations.publicURL)
  }

  public func turnEnded() {
    appender.flush()
    let isNew = admission.refresh() || reviewedGeneration != admission.snapshot.generation
    reviewedGeneration = admission.snapshot.generation
    targets.turnEnded(at: timers.now, admission) { timers.clocks.wall() }
    streams.turnEnded(admission.snapshot, isNew: isNew)
  }

  public func refuse(
    _ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter
  ) {
    let refusal = Refusal(refusal)
    answer.standing = noStore
    parts.server.answered(.unknown, refusal.code.outcome)
    refusal.answer(id: id, metadata: metadataURL, with: &answer)
  }

  public func respond(
    to request: HTTPRequest, with answer: inout AnswerWriter
  ) async -> AnswerEnd {
    var operation = Operation.unknown
    // Often none are there, and to look for them takes a hash.
    defer { if !notes.isEmpty { notes[request.id] = nil } }
    let isOperators = request.listener == .management
    admission.refresh()
    answer.standing =
      isOperators
      ? noStore : admission.snapshot.crossOrigin.fields(for: request, plain: noStore)
    do {
      let route =
        if isOperators { try operatorsRoute(request, &operation) } else {
          try Route(request.head.path)
        }
      operation = route.operation(request.head.method)
      let end = try await serveOrWait(route, operation, request, &answer)
      served(end, operation, request)
      return end
    } catch {
      return refuse(error, operation, request, &answer)
    }
  }

  /// What a call of the operators' listener names; for the counters and the audit log even where a
  /// page may not call.
  private func operatorsRoute(
    _ request: HTTPRequest, _ operation: inout Operation
  ) throws -> Route {
    let named = Result { try Route(request.head.path) }
    if case .success(let route) = named { operation = route.operation(request.head.method) }
    try refusePages(request)
    return try named.get()
  }

  /// Serves the request; once more when its caller could not be known before somebody was asked.
  private func serveOrWait(
    _ route: Route, _ operation: Operation, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    do {
      // What comes most often, on the shortest way.
      if case .topic(let topic, .events) = route, request.head.method == .post {
        return try await publish(topic, request, &answer)
      }
      try Refusal.checkCoding(request.head.fields.first("content-encoding"))
      try await auditBefore(route, operation, request)
      return try await serve(route, request, &answer)
    } catch let pending as PendingAdmission {
      // Every journey learns who calls before it does anything, so that it can begin again.
      guard request.body.isUntouched else { throw admission.final(pending, request) }
      await wait(for: pending)
      answer.startOver()
      do {
        try await auditBefore(route, operation, request)
        return try await serve(route, request, &answer)
      } catch let again as PendingAdmission {
        throw admission.final(again, request)
      }
    }
  }

  private func serve(
    _ route: Route, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let method = request.head.method
    if method == .options { return options(route, request, &answer) }
    switch (route, method) {
    case (.topic(let topic, let resource), _):
      return try await serve(resource, of: topic, request, &answer)
    case (.topics(let namespace), .get), (.topics(let namespace), .head):
      return try await listTopics(namespace, request, &answer)
    case (.namespace(let namespace), .get), (.namespace(let namespace), .head):
      return try getNamespace(namespace, request, &answer)
    case (.namespace(let namespace), .put):
      return try await putNamespace(namespace, request, &answer)
    case (.namespace(let namespace), .delete):
      return try await deleteNamespace(namespace, request, &answer)
    case (.tenant(let name), .get), (.tenant(let name), .head):
      return try getTenant(name, request, &answer)
    case (.tickets, .post): return try await issueTicket(request, &answer)
    case (.whoami, .get), (.whoami, .head): return try whoami(request, &answer)
    case (.health, .get), (.health, .head): return try health(request, &answer)
    case (.readiness, .get), (.readiness, .head): return try readiness(request, &answer)
    case (.revocations, .get), (.revocations, .head): return try revocations(request, &answer)
    case (.revocations, .post): return try await revoke(request, &answer)
    case (.revocations, .delete): return try await reinstate(request, &answer)
    case (.metrics, .get), (.metrics, .head): return try await metrics(request, &answer)
    case (.openAPI, .get), (.openAPI, .head): return try openAPI(request, &answer)
    case (.resourceMetadata(let path), .get), (.resourceMetadata(let path), .head):
      return try resourceMetadata(path, request, &answer)
    case (.document(let namespace, let name, let resource), _):
      return try await serve(resource, name, in: namespace, request, &answer)
    case (.documents(let namespace), .get), (.documents(let namespace), .head):
      return try listDocuments(namespace, request, &answer)
    case (.streamToken(let stream), .post): return try renewStream(stream, request, &answer)
    case (.explain, .post): return try await explain(request, &answer)
    case (.pulsarSchema(let topic, let resource), _):
      return try await serve(resource, of: topic, request, &answer)
    default: throw Refusal.method(route.methods)
    }
  }

  private func serve(
    _ resource: Route.TopicResource, of topic: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    switch (resource, request.head.method) {
    case (.events, .post): return try await publish(topic, request, &answer)
    case (.events, .get): return try await read(topic, request, &answer)
    case (.events, .head): return try extent(topic, request, &answer)
    case (.event(let id), .get), (.event(let id), .head):
      return try await readOne(id, of: topic, request, &answer)
    case (.itself, .put): return try await putTopic(topic, request, &answer)
    case (.itself, .get), (.itself, .head): return try await getTopic(topic, request, &answer)
    case (.itself, .delete): return try await deleteTopic(topic, request, &answer)
    case (.schema, .put): return try await putSchema(topic, request, &answer)
    case (.schema, .get), (.schema, .head): return try await getSchema(topic, request, &answer)
    case (.schema, .delete): return try await deleteSchema(topic, request, &answer)
    case (.schemaVersions, .get), (.schemaVersions, .head):
      return try listSchemas(topic, request, &answer)
    case (.schemaVersion(let version), .get), (.schemaVersion(let version), .head):
      return try await getSchemaVersion(version, topic, request, &answer)
    case (.schemaVersion(let version), .patch):
      return try await patchSchemaVersion(version, topic, request, &answer)
    case (.schemaVersion(let version), .delete):
      return try await deleteSchemaVersion(version, topic, request, &answer)
    case (.schemaDefault, .get), (.schemaDefault, .head):
      return try getSchemaDefault(topic, request, &answer)
    case (.schemaDefault, .put): return try await putSchemaDefault(topic, request, &answer)
    case (.schemaBinding, .get), (.schemaBinding, .head):
      return try getSchemaBinding(topic, request, &answer)
    case (.schemaBinding, .put): return try await putSchemaBinding(topic, request, &answer)
    case (.schemaBinding, .delete): return try await deleteSchemaBinding(topic, request, &answer)
    case (.schemaValidate, .post): return try await validatePayload(topic, request, &answer)
    case (.schemaCheck, .post): return try await checkSchema(topic, request, &answer)
    case (.schemaReplay, .post): return try await replaySchema(topic, request, &answer)
    case (.subscriptions, .get), (.subscriptions, .head):
      return try await listSubscriptions(topic, request, &answer)
    case (.subscription(let name, let verb), _):
      return try await serve(verb, of: name, topic, request, &answer)
    default: throw Refusal.method(Route.topic(topic, resource).methods)
    }
  }

  /// `OPTIONS`: what the path answers to.
  private func options(
    _ route: Route, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    answer.start(204)
    answer.field("Allow", route.methods)
    allowPreflight(request, &answer, methods: route.methods)
    answer.finishEmpty()
    return .complete
  }

  // MARK: - What journeys share

  /// The caller's scope, if its rates let the request in; see `Admission` and `LimitDesk`.
  func admit(_ request: HTTPRequest, _ tenant: Name?) throws -> TenantScope {
    try admit(request, as: admission.scope(of: request, selecting: tenant))
  }

  /// The same for a scope that was found in another way.
  func admit(_ request: HTTPRequest, as scope: TenantScope) throws -> TenantScope {
    remember(scope, of: request)
    try charge(request, to: scope, nil)
    return scope
  }

  /// The topic that a request names, if the caller may do `action` on it and its rates and the
  /// topic's let the request in.
  func admit(
    _ request: HTTPRequest, to reference: TopicReference, for action: Action
  ) throws -> TopicAddress {
    try admit(
      request, as: admission.scope(of: request, selecting: reference.tenant), to: reference,
      for: action)
  }

  /// The same for the first of `actions` that the caller holds.
  func admit(
    _ request: HTTPRequest, to reference: TopicReference, forAnyOf actions: [Action]
  ) throws -> TopicAddress {
    let scope = try admission.scope(of: request, selecting: reference.tenant)
    return try admit(request, as: scope) { () throws(TenancyRefusal) in
      try scope.address(of: reference, forAnyOf: actions)
    }
  }

  /// The same for a scope that is known.
  func admit(
    _ request: HTTPRequest, as scope: TenantScope, to reference: TopicReference,
    for action: Action
  ) throws -> TopicAddress {
    let granted: TopicAddress
    do {
      granted = try admit(request, as: scope) { () throws(TenancyRefusal) in
        try scope.address(of: reference, for: action)
      }
    } catch {
      if action == .subscribe { remember(TopicKey(reference, for: scope), consumedBy: request) }
      throw error
    }
    // It may be another tenant's than the caller's.
    if action == .subscribe { remember(TopicKey(granted), consumedBy: request) }
    return granted
  }

  /// What is denied is a request of the caller's, and none of the topic's.
  private func admit(
    _ request: HTTPRequest, as scope: TenantScope,
    to address: () throws(TenancyRefusal) -> TopicAddress
  ) throws -> TopicAddress {
    remember(scope, of: request)
    let granted: TopicAddress
    do throws(TenancyRefusal) {
      granted = try address()
    } catch {
      try charge(request, to: scope, nil)
      throw error
    }
    try charge(request, to: scope, granted)
    return granted
  }

  /// Admits a request to a topic that its caller was granted in another way: by a ticket.
  func admit(_ request: HTTPRequest, to granted: TopicAddress) throws(Refusal) {
    remember(granted.caller, of: request)
    remember(TopicKey(granted), consumedBy: request)
    try charge(request, to: granted.caller, granted)
  }

  func charge(
    _ request: HTTPRequest, to scope: TenantScope, _ topic: TopicAddress?
  ) throws(Refusal) {
    if let notes = notes[request.id], notes.isAttempt || notes.isCharged { return }
    try chargeAnew(request, to: scope, topic)
  }

  /// The same for a request of which nothing is noted.
  func chargeAnew(
    _ request: HTTPRequest, to scope: TenantScope, _ topic: TopicAddress?
  ) throws(Refusal) {
    try parts.limits.admit(
      scope, to: topic, from: request.peer, under: admission.snapshot.policy.addressLimits,
      at: request.received)
  }

  /// For calls that take no query.
  func refuseQuery(of request: HTTPRequest) throws(Refusal) {
    guard request.head.query != nil else { return }
    try QueryParameters(request.head.query).finish()
  }

  /// Ends an answer with a JSON body composed in this loop's draft.
  func finish(
    _ answer: inout AnswerWriter, _ compose: (inout JSONWriter) -> Void
  ) -> AnswerEnd {
    draft.startOver()
    compose(&draft)
    answer.finish(contentType: "application/json", body: draft.bytes)
    return .complete
  }

  /// The topic at an address, made first when its namespace lets topics come into being on first
  /// use.
  func openTopic(_ address: TopicAddress) async throws -> Engine.Topic {
    if let topic = parts.engine.open(address) { return topic }
    return try await makeTopic(address)
  }

  /// Makes the topic at an address where nothing is, if its namespace lets that happen.
  func makeTopic(_ address: TopicAddress) async throws -> Engine.Topic {
    try mayMakeTopic(address)
    _ = try await parts.engine.createTopic(address.detached, TopicConfiguration())
    guard let topic = parts.engine.open(address) else { throw Self.deletedMeanwhile }
    return topic
  }

  /// Refuses where the topic does not come into being by its first use.
  func mayMakeTopic(_ address: TopicAddress) throws(Refusal) {
    guard !address.isShared else {
      throw Refusal(.notFound, "the tenant that the topic would belong to has not made it")
    }
    guard TopicRules(of: address.inNamespace, in: parts.engine).autoCreate else {
      throw Refusal(.notFound, "topics of this namespace are not made on first use")
    }
  }

  /// What a failed append is to the sender. One that met the deletion of its topic would have made
  /// the topic anew had it come a moment later, where that is allowed: it may come again.
  func refusal(_ failure: AppendFailure, at address: TopicAddress) -> Refusal {
    guard failure == .unknownTopic,
      TopicRules(of: address.inNamespace, in: parts.engine).autoCreate
    else { return Refusal(failure) }
    return Self.deletedMeanwhile
  }

  private static var deletedMeanwhile: Refusal {
    Refusal(.overloaded, "the topic was deleted while the event waited; nothing was stored")
  }
}
