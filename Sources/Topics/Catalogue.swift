public import Bytes
public import Schemas
public import Tenancy

/// What exists: topics, namespace policies, schemas, subscriptions.
///
/// Reads are snapshots and never block; mutations are durable before they return, and are not cut
/// short by cancellation. Each mutation wants an address that was granted for it (`CatalogueVerb`).
/// Names that are kept are detached from the request they came in. Any thread may call.
public protocol Catalogue: DocumentCatalogue {
  /// The same catalogue on trial: what is asked of it is judged and answered as by this one and
  /// leaves nothing behind. For one call: what was changed through it may be seen through it or
  /// not.
  var trial: Self { get }

  func topic(_ address: TopicAddress) -> TopicInfo?

  /// Topics of a namespace in byte order of their names, those behind `after`, at most `limit`.
  func topics(in namespace: NamespaceAddress, after: Name?, limit: Int) -> [TopicInfo]

  /// What the kept events of each namespace take, those that have topics. Costs a look at every
  /// topic: for quotas, once a second.
  func usage() -> [NamespaceUsage]

  /// Makes the topic, or returns the one that exists with its configuration unchanged.
  func createTopic(_ address: TopicAddress, _ configuration: TopicConfiguration)
    async throws(CatalogueFailure) -> Made<TopicInfo>

  /// - Parameter expected: the topic as the caller saw it; its configuration counts.
  func configureTopic(
    _ address: TopicAddress, _ configuration: TopicConfiguration,
    expecting expected: Expected<TopicInfo>
  ) async throws(CatalogueFailure) -> TopicInfo

  /// Deletes the topic with its events, schemas and subscriptions. A topic made under the same name
  /// later has a higher ledger. `expected` as in `configureTopic`.
  func deleteTopic(_ address: TopicAddress, expecting expected: Expected<TopicInfo>)
    async throws(CatalogueFailure)

  /// Forgets the entries below `first`, which may lie at most at the topic's end. Returns when no
  /// read shows them any more; space comes back later.
  func trim(_ address: TopicAddress, before first: UInt64) async throws(CatalogueFailure)

  /// The namespace's policy; nil when none was ever set or it was removed.
  func policy(of namespace: NamespaceAddress) -> NamespacePolicy?
  func setPolicy(
    _ policy: NamespacePolicy, of namespace: NamespaceAddress,
    expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure)
  func removePolicy(
    of namespace: NamespaceAddress, expecting expected: Expected<NamespacePolicy?>
  ) async throws(CatalogueFailure)

  /// What payloads of the topic are checked against; nil when it has no schema.
  func binding(of address: TopicAddress) -> SchemaBinding?

  /// Makes `candidate` the next version of its line, and that line's default. `revision` is the
  /// book's that the caller judged it by: when any change came first, a step back or a change of
  /// the binding included, `schemaBookChanged`.
  func registerSchema(
    _ candidate: SchemaCandidate, for address: TopicAddress, at revision: UInt64
  ) async throws(CatalogueFailure) -> StoredSchema

  /// Everything about the topic's schemas: all lines, softly deleted versions, the binding's terms;
  /// empty when there is nothing, or no topic.
  func schemaBook(of address: TopicAddress) -> SchemaBook

  /// Which of the topic's schema books that is: for those who keep what they have read in it. Two
  /// look-ups; nil when there is no topic.
  func schemaEdition(of address: TopicAddress) -> SchemaEdition?

  /// The versions, softly deleted ones included, that events which are still kept may have been
  /// checked against; empty when there is no topic.
  func retainedSchemas(of address: TopicAddress) async throws(CatalogueFailure) -> Set<UInt32>

  /// Makes one change of it.
  ///
  /// - Parameter revision: of the book that the caller looked at; when another change came first,
  ///   `schemaBookChanged`. Nil: whatever it is.
  /// - Returns: the book after the change.
  @discardableResult
  func editSchemas(
    of address: TopicAddress, _ edit: SchemaEdit, at revision: UInt64?
  ) async throws(CatalogueFailure) -> SchemaBook

  /// Nil also for one that is not there for the address's caller: see `TopicAddress.sees`.
  func subscription(_ name: HeldName, of address: TopicAddress) -> SubscriptionDefinition?

  /// Those that are there for the address's caller, in the order of `HeldName`.
  func subscriptions(of address: TopicAddress) -> [SubscriptionDefinition]

  /// Makes the subscription at `start`, for the address's holder, or returns the one that exists,
  /// unchanged.
  func createSubscription(
    _ name: Name, _ terms: SubscriptionTerms, startingAt start: Cursor, of address: TopicAddress
  ) async throws(CatalogueFailure) -> Made<SubscriptionDefinition>

  func deleteSubscription(
    _ name: HeldName, of address: TopicAddress, expecting expected: Expected<SubscriptionDefinition>
  ) async throws(CatalogueFailure)
}

/// What a mutation of the catalogue needs to be granted; the engines ask before they do it.
public enum CatalogueVerb: Sendable, Hashable, CaseIterable {
  /// Make a topic: whoever may publish to it, for it comes into being on first use.
  case createTopic
  /// Configure, trim, delete; schemas.
  case governTopic
  /// Make and delete subscriptions, store their progress.
  case useSubscriptions
  case governNamespace

  public func check(_ action: Action) throws(CatalogueFailure) {
    let granted =
      switch self {
      case .createTopic: action == .publish || action == .manage
      case .governTopic, .governNamespace: action == .manage
      case .useSubscriptions: action == .subscribe || action == .manage
      }
    guard granted else { throw .notGranted(action) }
  }
}

/// Tells the schema books of a topic apart, those of an earlier topic of the same name too.
public struct SchemaEdition: Sendable, Hashable {
  /// The topic's.
  public let ledger: UInt64
  /// The book's, which each change raises.
  public let revision: UInt64

  public init(ledger: UInt64, revision: UInt64) {
    self.ledger = ledger
    self.revision = revision
  }
}

/// The outcome of a call that makes what is not there yet.
public enum Made<Thing: Sendable>: Sendable {
  case created(Thing)
  case existing(Thing)

  public var thing: Thing {
    switch self {
    case .created(let thing), .existing(let thing): thing
    }
  }
}

/// One topic as the catalogue knows it.
public struct TopicInfo: Sendable, Hashable {
  public let name: Name
  public let ledger: UInt64
  public let configuration: TopicConfiguration
  public let created: UnixTime
  /// The version of the schema in force; 0 none.
  public let schemaVersion: UInt32

  public init(
    name: Name, ledger: UInt64, configuration: TopicConfiguration, created: UnixTime,
    schemaVersion: UInt32
  ) {
    self.name = name
    self.ledger = ledger
    self.configuration = configuration
    self.created = created
    self.schemaVersion = schemaVersion
  }
}

/// What a namespace's kept events take. Names by themselves: it proves nothing to anybody.
public struct NamespaceUsage: Sendable, Equatable {
  public let tenant: Name
  public let namespace: Name
  /// As `TopicBounds.bytes`, of all its topics.
  public let bytes: UInt64

  public init(tenant: Name, namespace: Name, bytes: UInt64) {
    self.tenant = tenant
    self.namespace = namespace
    self.bytes = bytes
  }
}

/// What a topic's owner may set. Stored with the topic; nil inherits from the namespace.
public struct TopicConfiguration: Sendable, Hashable {
  public var retention: Retention?
  public var requireSchema: Bool?
  public var compatibility: Compatibility?
  public var evolution: EvolutionPolicy?

  public init(
    retention: Retention? = nil, requireSchema: Bool? = nil, compatibility: Compatibility? = nil,
    evolution: EvolutionPolicy? = nil
  ) {
    self.retention = retention
    self.requireSchema = requireSchema
    self.compatibility = compatibility
    self.evolution = evolution
  }
}

/// How long events are kept at least; what is nil does not limit.
public struct Retention: Sendable, Hashable {
  public var age: TimeSpan?
  public var bytes: UInt64?

  public init(age: TimeSpan? = nil, bytes: UInt64? = nil) {
    self.age = age
    self.bytes = bytes
  }

  /// What the configuration says of a tenant's namespaces.
  public init(_ configured: TenantPolicy.Retention) {
    self.init(age: configured.age, bytes: configured.bytes)
  }
}

/// What holds for all topics of a namespace; nil inherits from the tenant.
public struct NamespacePolicy: Sendable, Hashable {
  public var retention: Retention?
  public var requireSchema: Bool?
  public var autoCreate: Bool?
  public var compatibility: Compatibility?
  public var evolution: EvolutionPolicy?

  public init(
    retention: Retention? = nil, requireSchema: Bool? = nil, autoCreate: Bool? = nil,
    compatibility: Compatibility? = nil, evolution: EvolutionPolicy? = nil
  ) {
    self.retention = retention
    self.requireSchema = requireSchema
    self.autoCreate = autoCreate
    self.compatibility = compatibility
    self.evolution = evolution
  }
}

/// Why the catalogue did not change, or why nobody knows.
public enum CatalogueFailure: Error, Hashable, Sendable {
  case unknownTopic
  case unknownSubscription
  /// The address was granted for this action, which does not cover the call.
  case notGranted(Action)
  /// The topic's schemas or their binding changed since the caller looked; their revision is this
  /// one now.
  case schemaBookChanged(revision: UInt64)
  case unknownSchema(version: UInt32)
  /// The change would take away what is in use.
  case schemaInUse(SchemaUse)
  /// The change needs a version that is not there.
  case schemaAbsent(SchemaAbsence)
  /// A trim beyond the topic's end, or a start that does not exist.
  case positionAhead(end: Cursor)
  /// As many as are allowed exist already.
  case tooMany(Countable, limit: Int)
  case storageFull(retryAfter: TimeSpan)
  case overloaded(retryAfter: TimeSpan)
  case closing
  /// The write failed half-way: it may have happened or not.
  case outcomeUnknown
  /// What was to be changed is no longer what the caller took it for.
  case changed
  /// Another version of the document is current now; 0 none.
  case documentChanged(current: UInt32)
  /// A document that a schema refers to was deleted since the schema was read.
  case referencesChanged
  case unknownDocument
  /// Another document of the namespace has this identifier.
  case identifierTaken(String, by: DocumentName)
  case documentInUse(DocumentUse)

  public enum Countable: Sendable, Hashable {
    /// `partnerSubscriptions`: of one tenant on another's topic.
    case topics, subscriptions, partnerSubscriptions, schemaVersions, schemaSubjects, schemaBytes
    case namespaces, namespaceSchemaBytes
    case documents, documentVersions, documentBytes
  }

  /// Who needs a document.
  public enum DocumentUse: Sendable, Hashable {
    /// This version was not softly deleted before.
    case isLive(version: UInt32)
    case referredTo(by: [DocumentReferrer])
  }

  /// Who needs a schema.
  public enum SchemaUse: Sendable, Hashable {
    /// It is its line's default version.
    case isDefault(version: UInt32)
    /// Events that are still kept may name it.
    case retainedEvents(version: UInt32)
    /// It was not softly deleted before.
    case isLive(version: UInt32)
    /// A rule of the binding names the line.
    case boundSubject(SchemaSubject)
  }

  /// What a change of a topic's schemas misses.
  public enum SchemaAbsence: Sendable, Hashable {
    /// The version is softly deleted and cannot be a default.
    case isDeleted(version: UInt32)
    /// A rule of the binding names a line that has no default version.
    case subject(SchemaSubject)
  }
}

extension Catalogue {
  /// Live versions of the line `default`, oldest first; empty when the topic has none.
  public func schemas(of address: TopicAddress) -> [StoredSchema] {
    schemaBook(of: address).live(.topic)
  }

  /// Takes all lines and the binding away: the topic takes anything again. Version numbers go on
  /// where they stopped.
  public func deleteSchemas(of address: TopicAddress) async throws(CatalogueFailure) {
    try await editSchemas(of: address, .clear, at: nil)
  }
}
