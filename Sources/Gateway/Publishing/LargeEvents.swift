import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// Events that cannot be judged on their loop as they come: they take more than a millisecond to
/// read and check, and a worker does both; or their schema is not compiled. The journey waits, and
/// with it whatever comes behind on the same connection.
extension GatewayResponder {
  /// A single event that has to wait. Its sender must still have the right to publish when it is
  /// judged.
  ///
  /// - Parameter missing: what has been found not to be compiled.
  func conformLater(
    _ envelope: EventRequest, _ body: ByteSlice, _ topic: Engine.Topic?, _ tenure: Tenure,
    _ missing: UncompiledSchema?
  ) async throws -> ConformingEvent {
    guard body.count <= GatewayLimits.eventOnLoop else {
      let event = try await conformAside(envelope, body, topic, tenure.topic)
      try check(tenure)
      return event
    }
    return try await compiling(missing, Judging(), at: tenure.topic) { judging in
      let event = try conform(envelope, body, topic, tenure.topic, judging)
      try check(tenure)
      return event
    }
  }

  /// The intake and the gate of an event whose body is large.
  private func conformAside(
    _ envelope: EventRequest, _ body: ByteSlice, _ topic: Engine.Topic?, _ address: TopicAddress
  ) async throws -> ConformingEvent {
    let draft = try await draft(of: body, envelope)
    do {
      return try await checkAside(draft, for: topic, at: address, Judging())
    } catch let refused as RefusedPayload {
      throw envelope.mode == .structured ? refused.within(body, draft.payload) : refused
    }
  }

  /// The intake of one event; that of a large one is a worker's where its body is to be parsed.
  func draft(of body: ByteSlice, _ envelope: EventRequest) async throws -> EventDraft {
    if envelope.mode == .binary { return try EventIntake.binary(envelope, body: body, on: shelf) }
    guard body.count > GatewayLimits.eventOnLoop else {
      return try EventIntake.structured(JSONDocument(parsing: body).root, envelope)
    }
    return try await parts.workers.run {
      Result { try EventIntake.structured(JSONDocument(parsing: body).root, envelope) }
    }.get()
  }

  /// The gate of a large event: as `check`, by a worker. What the caller's grants ask of payloads
  /// comes first: nothing is made of an event that they do not let pass.
  ///
  /// - Parameter explains: as `SchemaScratch.explains`.
  func checkAside(
    _ draft: EventDraft, for topic: Engine.Topic?, at address: TopicAddress, _ judging: Judging,
    explains: Bool = true
  ) async throws -> ConformingEvent {
    if draft.strippedAttributes > 0, !judging.isTrial {
      parts.server.strippedAttributes(draft.strippedAttributes)
    }
    try await checkOwnAside(draft, at: address)
    return try await compiling(nil, judging, at: address) {
      try await checkAtHand(draft, for: topic, at: address, $0, explains: explains)
    }
  }

  /// What the caller's grants ask of a large payload, found out by a worker.
  private func checkOwnAside(_ draft: EventDraft, at address: TopicAddress) async throws {
    guard address.looksIntoPayloads else { return }
    try await parts.workers.run {
      Result { () throws(TenancyRefusal) in try address.checkOwn(draft) }
    }.get()
  }

  private func checkAtHand(
    _ draft: EventDraft, for topic: Engine.Topic?, at address: TopicAddress, _ judging: Judging,
    explains: Bool
  ) async throws -> ConformingEvent {
    let binding = judging.binding ?? topic?.binding
    let mustHave = mustHaveSchema(topic, binding, at: address)
    var choice: ChosenSchema?
    var unaccepted: UnacceptedSchema?
    do {
      choice = try choiceAtHand(for: draft, under: binding, at: address, judging.held)
    } catch let schema as UnacceptedSchema {
      unaccepted = schema
    }
    let named = draft.namesSchema ? named(draft, under: binding, choice) : draft
    do {
      return try await parts.workers.run { [choice, unaccepted] in
        Result { () throws(SchemaRefusal) in
          let scratch = SchemaScratch()
          scratch.explains = explains
          if let unaccepted { throw unaccepted.refusal(of: draft, scratch) }
          return try SchemaGate.check(
            named, against: address, binding: binding, requireSchema: mustHave, scratch: scratch,
            choice: choice)
        }
      }.get()
    } catch let refusal as SchemaRefusal {
      return try settle(refusal, of: draft, under: binding, choice: choice, judging, at: address)
    }
  }

  /// What an event is checked against, with its program; nil where nothing is bound to its type.
  private func choiceAtHand(
    for draft: EventDraft, under binding: SchemaBinding?, at address: TopicAddress,
    _ held: HeldProgram?
  ) throws -> ChosenSchema? {
    if draft.namesSchema, let chosen = try chosen(by: draft, of: binding, at: address, held) {
      return chosen
    }
    guard let schema = binding?.schema(for: draft.attributes[.type]) else { return nil }
    return ChosenSchema(
      version: schema.version, program: try held.program(of: schema.version, kept: schema.program),
      deprecated: schema.deprecated)
  }

  // MARK: - In batches

  /// What has to be compiled before a large event can be checked.
  func missingSchema(
    for draft: EventDraft, in topic: Engine.Topic?, at address: TopicAddress,
    _ judging: borrowing Judging
  ) -> UncompiledSchema? {
    do {
      _ = try choiceAtHand(
        for: draft, under: judging.binding ?? topic?.binding, at: address, judging.held)
      return nil
    } catch {
      // Any other error is found again by its check.
      return error as? UncompiledSchema
    }
  }

  /// Checks what a batch could not check as it came. Each version that was not compiled is compiled
  /// once, and held until all events that wait for it are checked.
  func checkDeferred(
    _ batch: inout Batch, for topic: Engine.Topic?, at address: TopicAddress,
    _ judging: Judging = Judging()
  ) async throws {
    var judging = judging
    while var group = batch.nextDeferred() {
      if let missing = group[0].missing {
        group = try await own(group, of: &batch, at: address)
        if group.isEmpty { continue }
        do {
          judging.held = try await compile(missing, at: address)
        } catch {
          for event in group { batch.refuse(event, error) }
          continue
        }
      }
      for event in group {
        do {
          batch.replace(
            event, try await check(event.draft, of: batch, for: topic, at: address, judging))
        } catch let missing as UncompiledSchema {
          // Another version has come into force meanwhile.
          batch.postpone(event, missing)
        } catch {
          batch.refuse(event, error)
        }
        if batch.pace.isDue(timers) { await nextTurn() }
      }
    }
  }

  /// Those of some events that the caller's grants let pass: for the others nothing is compiled.
  /// Small ones were asked before.
  private func own(
    _ group: [Batch.Deferred], of batch: inout Batch, at address: TopicAddress
  ) async throws -> [Batch.Deferred] {
    guard address.looksIntoPayloads else { return group }
    var own: [Batch.Deferred] = []
    for event in group {
      if event.draft.payload.count > GatewayLimits.eventOnLoop {
        do {
          try await checkOwnAside(event.draft, at: address)
        } catch let refusal as TenancyRefusal {
          batch.refuse(event, refusal)
          continue
        }
      }
      own.append(event)
    }
    return own
  }

  private func check(
    _ draft: EventDraft, of batch: Batch, for topic: Engine.Topic?, at address: TopicAddress,
    _ judging: Judging
  ) async throws -> ConformingEvent {
    let explains = batch.explains(under: topic?.binding)
    guard draft.payload.count <= GatewayLimits.eventOnLoop else {
      return try await checkAside(
        draft, for: topic, at: address, judging, explains: explains)
    }
    scratch.explains = explains
    defer { scratch.explains = true }
    return try check(draft, for: topic, at: address, judging)
  }
}
