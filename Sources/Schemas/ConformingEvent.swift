import Bytes
public import Events
public import Tenancy

/// Proof that an event keeps its topic's promise: the last link of the chain, and the only thing
/// that the log appends for a publisher.
///
/// Rules of this file: the one stored property is private, the initialiser is `fileprivate`, and
/// `SchemaGate.check` below is the only place that calls it. Never `Codable` or `RawRepresentable`.
public struct ConformingEvent: Sendable {
  private let proven: Proven

  /// Behind one reference: batches move events about, and a copy by parts would count eight.
  private final class Proven: Sendable {
    let address: TopicAddress
    let draft: EventDraft
    let schemaVersion: UInt32

    init(address: TopicAddress, draft: EventDraft, schemaVersion: UInt32) {
      self.address = address
      self.draft = draft
      self.schemaVersion = schemaVersion
    }
  }

  fileprivate init(address: TopicAddress, draft: EventDraft, schemaVersion: UInt32) {
    proven = Proven(address: address, draft: draft, schemaVersion: schemaVersion)
  }

  /// The topic, and what the publisher may do there.
  public var address: TopicAddress { proven.address }
  public var draft: EventDraft { proven.draft }
  /// The version of the schema that the payload kept; 0 where the topic has none.
  public var schemaVersion: UInt32 { proven.schemaVersion }
}

/// Where drafts become conforming events.
public enum SchemaGate {
  /// Judges one event by its topic's schema. The payload alone is judged, never the envelope.
  ///
  /// Runs on the event loop; about a microsecond for an event of 1 KB, bounded by
  /// `SchemaLimits.fuel` for any. `scratch` still holds the payload's tokens afterwards.
  ///
  /// - Parameters:
  ///   - binding: the schema in force, nil where the topic has none.
  ///   - requireSchema: whether a topic without a schema takes nothing.
  public static func check(
    _ draft: EventDraft, against address: TopicAddress, binding: SchemaBinding?,
    requireSchema: Bool, scratch: SchemaScratch
  ) throws(SchemaRefusal) -> ConformingEvent {
    guard let binding else {
      if requireSchema { throw .schemaRequired }
      if draft.payloadKind == .json { try scratch.tokenise(draft.payload) }
      return ConformingEvent(address: address, draft: draft, schemaVersion: 0)
    }
    guard let schema = binding.sole ?? binding.schema(for: draft.attributes[.type]) else {
      if binding.terms.unmatched == .reject { throw .unknownType(binding.types) }
      if draft.payloadKind == .json { try scratch.tokenise(draft.payload) }
      return ConformingEvent(address: address, draft: draft, schemaVersion: 0)
    }
    guard draft.payloadKind == .json else { throw .mediaType(draft.contentType) }
    try schema.program.check(draft.payload, scratch)
    return ConformingEvent(address: address, draft: draft, schemaVersion: schema.version)
  }
}
