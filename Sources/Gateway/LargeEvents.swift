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
  /// The intake and the gate of a large event. Throws `UncompiledSchema` as `check` does.
  func conformAside(
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
    let choice =
      try (draft.namesSchema ? chosen(by: draft, of: binding, in: topic, at: address) : nil)
      ?? bound(to: draft, under: binding, in: topic, at: address)
    let named = draft.namesSchema ? named(draft, under: binding, choice) : draft
    let outcome = try await parts.workers.run { () -> Result<ConformingEvent, any Error> in
      Result {
        if address.looksIntoPayloads {
          guard address.takes(try? JSONDocument(parsing: draft.payload)) else {
            throw TenancyRefusal.tenantMismatch
          }
        }
        return try SchemaGate.check(
          named, against: address, binding: binding, requireSchema: mustHave,
          scratch: SchemaScratch(), choice: choice)
      }
    }
    do {
      return try outcome.get()
    } catch let refusal as SchemaRefusal {
      return try settle(
        refusal, of: draft, under: binding, choice: choice, quarantines: true, at: address)
    }
  }

  /// The default version for an event, with its program; nil where nothing is bound to its type.
  private func bound(
    to draft: EventDraft, under binding: SchemaBinding?, in topic: Engine.Topic,
    at address: TopicAddress
  ) throws -> ChosenSchema? {
    guard let schema = binding?.schema(for: draft.attributes[.type]) else { return nil }
    guard let program = schema.program else {
      return try compiledDefault(
        of: binding, for: draft.attributes[.type], schema.version, in: topic, at: address)
    }
    return ChosenSchema(
      version: schema.version, program: program, deprecated: schema.deprecated)
  }
}
