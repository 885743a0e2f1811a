public import Bytes
public import Events
public import Tenancy

/// Proof that an event keeps its topic's promise, or that the topic's binding takes it although it
/// does not: the last link of the chain, and the only thing that the log appends for a publisher.
///
/// Rules of this file: the properties are constants, the initialiser is `fileprivate`, and
/// `SchemaGate` below is the only place that calls it. Never `Codable` or `RawRepresentable`.
public struct ConformingEvent: Sendable {
  /// The topic, and what the publisher may do there.
  public let address: TopicAddress
  public let draft: EventDraft
  /// The version of the schema that the payload was checked against; 0 where the topic has none,
  /// and of quarantined events, whose version is one of another topic.
  public let schemaVersion: UInt32
  public let standing: Standing
  /// That the version is deprecated; nil where it is not.
  public let deprecated: SchemaDeprecation?

  /// How an event stands to its topic's schema.
  public enum Standing: Sendable {
    /// It keeps it, or there is none.
    case conforming
    /// It breaks it, and the binding only warns: `schemaerrors` says how.
    case marked
    /// It breaks it and goes to the quarantine topic, which `address` is.
    case quarantined
  }

  fileprivate init(
    address: TopicAddress, draft: EventDraft, schemaVersion: UInt32,
    standing: Standing = .conforming, deprecated: SchemaDeprecation? = nil
  ) {
    self.address = address
    self.draft = draft
    self.schemaVersion = schemaVersion
    self.standing = standing
    self.deprecated = deprecated
  }
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
  ///   - requireSchema: whether what no schema is bound to is refused.
  ///   - choice: the version that the publisher named by `dataschema`, if the binding lets it
  ///     choose that one and it is not the default; or the default one with its program.
  public static func check(
    _ draft: EventDraft, against address: TopicAddress, binding: SchemaBinding?,
    requireSchema: Bool, scratch: SchemaScratch, choice: ChosenSchema? = nil
  ) throws(SchemaRefusal) -> ConformingEvent {
    guard let binding else {
      if requireSchema { throw .schemaRequired }
      if draft.payloadKind == .json { try scratch.tokenise(draft.payload) }
      return ConformingEvent(address: address, draft: draft, schemaVersion: 0)
    }
    guard let schema = binding.sole ?? binding.schema(for: draft.attributes[.type]) else {
      if binding.terms.unmatched == .reject { throw .unknownType(binding.types) }
      if requireSchema { throw .schemaRequired }
      if draft.payloadKind == .json { try scratch.tokenise(draft.payload) }
      return ConformingEvent(address: address, draft: draft, schemaVersion: 0)
    }
    guard draft.payloadKind == .json else {
      throw .mediaType(draft.attributes[.datacontenttype])
    }
    if let choice {
      try choice.program.check(draft.payload, scratch)
      return ConformingEvent(
        address: address, draft: draft, schemaVersion: choice.version,
        deprecated: choice.deprecated)
    }
    guard let program = schema.program else { throw .notCompiled(version: schema.version) }
    try program.check(draft.payload, scratch)
    return ConformingEvent(
      address: address, draft: draft, schemaVersion: schema.version,
      deprecated: schema.deprecated)
  }

  /// Takes an event all the same that `check` has refused, where its schema is not enforced; throws
  /// the refusal again where it is, or where the refusal is not about the schema. Cold.
  ///
  /// Text that is no JSON is never taken for JSON, and an event whose type no rule names has no
  /// schema that could be lenient.
  ///
  /// - Parameters:
  ///   - version: what it was checked against, whose program is `program`.
  ///   - quarantine: the topic for what is quarantined.
  ///   - home: the gateway's own URL, which the name of the version that is broken begins with.
  public static func tolerate(
    _ refusal: SchemaRefusal, of draft: EventDraft, against address: TopicAddress,
    under schema: BoundSchema, version: UInt32, program: CompiledSchema, quarantine: Name?,
    home: ByteSlice
  ) throws(SchemaRefusal) -> ConformingEvent {
    switch refusal {
    case .malformedJSON, .schemaRequired, .unknownType, .notCompiled: throw refusal
    // The payload has been read, or does not claim to be JSON.
    case .violations, .budgetExceeded, .patternLimit, .schemaMismatch, .mediaType: break
    }
    var marks = AttributesBuilder()
    marks.set(.schemaErrors, refusal.marks)
    switch schema.enforcement {
    case .enforce: throw refusal
    case .warn:
      return ConformingEvent(
        address: address, draft: draft.withoutSchemaName.adding(marks.attributes),
        schemaVersion: version,
        standing: .marked, deprecated: schema.deprecated)
    case .quarantine:
      guard let quarantine else { throw refusal }
      // The type that it had where it was sent, not the other topic's.
      if draft.attributes[.type] == nil { marks.set(.type, address.untypedEvents) }
      marks.set(.failedSchema, address.schemas(at: home).name(of: version))
      marks.set(.quarantinedFrom, ByteSlice(utf8: "\(address)"))
      if let labels = program.classification?.labels {
        marks.set(
          .dataClasses, ByteSlice(utf8: labels.map(\.description).joined(separator: ",")))
      }
      return ConformingEvent(
        address: address.quarantine(named: quarantine), draft: draft.adding(marks.attributes),
        schemaVersion: 0, standing: .quarantined)
    }
  }
}

extension TopicAddress {
  /// How the versions of the topic's schemas are named: as paths, or below the gateway's own URL.
  public func schemas(at home: ByteSlice = .empty) -> SchemaURI {
    SchemaURI(home: home, tenant: tenant.bytes, namespace: namespace.bytes, topic: topic.bytes)
  }

  /// The type that events of the topic have which name none: `<namespace>.<topic>`.
  public var untypedEvents: ByteSlice {
    var type = ByteWriter(capacity: namespace.bytes.count + topic.bytes.count + 1)
    type.append(namespace.bytes)
    type.append(ASCII.dot)
    type.append(topic.bytes)
    return type.slice
  }
}

/// A version that a publisher chose among those that the binding accepts.
public struct ChosenSchema: Sendable {
  public let version: UInt32
  public let program: CompiledSchema
  /// Nil where it is not deprecated.
  public let deprecated: SchemaDeprecation?

  public init(version: UInt32, program: CompiledSchema, deprecated: SchemaDeprecation?) {
    self.version = version
    self.program = program
    self.deprecated = deprecated
  }
}
