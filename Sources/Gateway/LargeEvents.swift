import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// Single events that take more than a millisecond to read and check: a worker does both, the
/// journey waits, and with it whatever comes behind on the same connection.
extension GatewayResponder {
  /// An event that has to wait for a worker: it is large, or its schema is not compiled. Its sender
  /// must still have the right to publish when it is judged.
  ///
  /// - Parameter missing: what has been found not to be compiled.
  func conformLater(
    _ envelope: EventRequest, _ body: ByteSlice, _ topic: Engine.Topic, _ tenure: Tenure,
    _ missing: UncompiledSchema?
  ) async throws -> ConformingEvent {
    guard body.count <= GatewayLimits.eventOnLoop else {
      let event = try await conformAside(envelope, body, topic, tenure.topic)
      try check(tenure)
      return event
    }
    var missing = missing
    while true {
      if let schema = missing { try await compile(schema, at: tenure.topic) }
      do {
        let event = try conform(envelope, body, topic, tenure.topic)
        try check(tenure)
        return event
      } catch let schema as UncompiledSchema where schema != missing {
        // Another version has come into force meanwhile.
        missing = schema
      }
    }
  }

  /// The intake and the gate of a large event.
  private func conformAside(
    _ envelope: EventRequest, _ body: ByteSlice, _ topic: Engine.Topic, _ address: TopicAddress
  ) async throws -> ConformingEvent {
    let draft =
      envelope.mode == .binary
      ? try EventIntake.binary(envelope, body: body, on: shelf)
      : try await parts.workers.run {
        Result { try EventIntake.structured(JSONDocument(parsing: body).root, envelope) }
      }.get()
    if draft.strippedAttributes > 0 {
      parts.server.strippedAttributes(draft.strippedAttributes)
    }
    let binding = topic.binding
    let mustHave = mustHaveSchema(topic, binding, at: address)
    var choice: ChosenSchema?
    do {
      choice = try await self.choice(for: draft, under: binding, in: topic, at: address)
      let named = draft.namesSchema ? named(draft, under: binding, choice) : draft
      let program = choice
      return try await parts.workers.run { () -> Result<ConformingEvent, any Error> in
        Result {
          if address.looksIntoPayloads {
            guard address.takes(try? JSONDocument(parsing: draft.payload)) else {
              throw TenancyRefusal.tenantMismatch
            }
          }
          return try SchemaGate.check(
            named, against: address, binding: binding, requireSchema: mustHave,
            scratch: SchemaScratch(), choice: program)
        }
      }.get()
    } catch let refusal as SchemaRefusal {
      do {
        return try settle(
          refusal, of: draft, under: binding, choice: choice, Judging(), in: topic, at: address)
      } catch let refused as RefusedPayload {
        throw envelope.mode == .structured ? refused.within(body, draft.payload) : refused
      }
    }
  }

  /// What an event is checked against, with its program, which is compiled where it has to be; nil
  /// where nothing is bound to its type.
  private func choice(
    for draft: EventDraft, under binding: SchemaBinding?, in topic: Engine.Topic,
    at address: TopicAddress
  ) async throws -> ChosenSchema? {
    do {
      return try choiceAtHand(for: draft, under: binding, in: topic, at: address)
    } catch let missing as UncompiledSchema {
      try await compile(missing, at: address)
      return try choiceAtHand(for: draft, under: binding, in: topic, at: address)
    }
  }

  private func choiceAtHand(
    for draft: EventDraft, under binding: SchemaBinding?, in topic: Engine.Topic,
    at address: TopicAddress
  ) throws -> ChosenSchema? {
    if draft.namesSchema,
      let chosen = try chosen(by: draft, of: binding, in: topic, at: address)
    {
      return chosen
    }
    guard let schema = binding?.schema(for: draft.attributes[.type]) else { return nil }
    guard let program = schema.program else {
      return try compiledDefault(
        of: binding, for: draft.attributes[.type], schema.version, in: topic, at: address)
    }
    return ChosenSchema(
      version: schema.version, program: program, deprecated: schema.deprecated)
  }
}
