import Bytes
import HTTPWire
import Tenancy

/// What a path names. Nothing about whether it exists or who may see it.
enum Route {
  case topic(TopicReference, TopicResource)
  /// The topics of a namespace: `/v1/topics/{tenant}/{namespace}`.
  case topics(NamespaceReference)
  case namespace(NamespaceReference)
  case tenant(Name)
  /// The schema documents of a namespace: `/v1/schemas/{tenant}/{namespace}`.
  case documents(NamespaceReference)
  case document(NamespaceReference, DocumentName, DocumentResource)
  /// Pulsar's admin API of a topic's schemas: `/admin/v2/schemas/{tenant}/{namespace}/{topic}/…`.
  case pulsarSchema(TopicReference, PulsarSchemaResource)
  case tickets
  /// The token under which a live stream goes on.
  case streamToken(RequestID)
  case whoami
  case explain
  case health
  case readiness
  case metrics
  case openAPI
  /// The metadata of the resource at a path below the host; empty for the host itself.
  case resourceMetadata(ByteSlice)
  case revocations
  /// `*`: the gateway itself, asked with OPTIONS (RFC 9110 §9.3.7).
  case gateway

  /// What lies below a topic.
  enum TopicResource {
    case itself
    case events
    case event(ByteSlice)
    case subscriptions
    case subscription(Name, SubscriptionResource)
    case schema
    /// The default version of a line.
    case schemaDefault
    /// How events are bound to lines.
    case schemaBinding
    case schemaVersions
    case schemaVersion(ByteSlice)
    case schemaCheck
    case schemaValidate
    case schemaReplay
  }

  enum DocumentResource {
    case itself, referrers
  }

  enum SubscriptionResource {
    case itself, events, receive, acknowledge, release, reject, extend, seek
  }

  /// Reads a request's path; `notFound` for one that names nothing, `badName` for one whose names
  /// are none.
  init(_ path: ByteSlice) throws {
    if path.starts(with: "/v1/topics/") {
      self = try Self.belowTopics(path.dropFirst("/v1/topics/".utf8.count))
      return
    }
    if path.starts(with: "/v1/namespaces/") {
      let (reference, rest) = try NamespaceReference.read(
        from: path.dropFirst("/v1/namespaces/".utf8.count))
      guard rest.isEmpty else { throw Refusal(.notFound) }
      self = .namespace(reference)
      return
    }
    if path.starts(with: "/v1/tenants/") {
      guard let name = Name(pathSegment: path.dropFirst("/v1/tenants/".utf8.count)) else {
        throw TenancyRefusal.badName(.tenant)
      }
      self = .tenant(name)
      return
    }
    if path.starts(with: PulsarAdmin.schemas) {
      self = try Self.belowPulsarSchemas(path.dropFirst(PulsarAdmin.schemas.utf8CodeUnitCount))
      return
    }
    if path.starts(with: "/v1/schemas/") {
      self = try Self.belowSchemas(path.dropFirst("/v1/schemas/".utf8.count))
      return
    }
    if path.starts(with: "/v1/streams/") {
      self = try Self.stream(path.dropFirst("/v1/streams/".utf8.count))
      return
    }
    self = try Self.operation(path)
  }

  private static func stream(_ path: ByteSlice) throws(Refusal) -> Route {
    let end = path.firstIndex(of: ASCII.slash) ?? path.count
    guard path.dropFirst(end).equals("/token"), let id = RequestID(path.prefix(end)) else {
      throw Refusal(.notFound)
    }
    return .streamToken(id)
  }

  /// `~` and `{tenant}/{namespace}` are namespaces; all behind one is a document's name, but for a
  /// last part that no name has.
  private static func belowSchemas(_ path: ByteSlice) throws -> Route {
    let (reference, rest) = try NamespaceReference.read(from: path)
    if rest.isEmpty { return .documents(reference) }
    var path = rest.dropFirst(1)
    var resource = DocumentResource.itself
    let last = (0..<path.count).last { path[$0] == ASCII.slash }
    if let last, path.dropFirst(last + 1).equals(DocumentName.reserved) {
      path = path.prefix(last)
      resource = .referrers
    }
    guard let name = DocumentName(path: path) else { throw TenancyRefusal.badName(.document) }
    return .document(reference, name, resource)
  }

  private static func belowPulsarSchemas(_ path: ByteSlice) throws -> Route {
    let (reference, rest) = try TopicReference.read(from: path)
    let topic = PulsarAdmin.unpartitioned(reference)
    if rest.equals("/schema") { return .pulsarSchema(topic, .current) }
    if rest.equals("/schemas") { return .pulsarSchema(topic, .all) }
    if rest.equals("/compatibility") { return .pulsarSchema(topic, .compatibility) }
    if rest.equals("/version") { return .pulsarSchema(topic, .lookup) }
    if rest.starts(with: "/schema/") {
      return .pulsarSchema(topic, .version(try segment(rest, after: "/schema/")))
    }
    throw Refusal(.notFound)
  }

  private static func operation(_ path: ByteSlice) throws(Refusal) -> Route {
    if path.equals("/healthz") { return .health }
    if path.equals("/readyz") { return .readiness }
    if path.equals("/metrics") { return .metrics }
    if path.equals("/openapi.json") { return .openAPI }
    if path.equals("/v1/whoami") { return .whoami }
    if path.equals("/v1/explain") { return .explain }
    if path.equals("/v1/tickets") { return .tickets }
    if path.equals("/v1/revocations") { return .revocations }
    if path.equals("*") { return .gateway }
    if path.starts(with: ResourceMetadata.path) {
      let rest = path.dropFirst(ResourceMetadata.path.utf8CodeUnitCount)
      if rest.isEmpty || rest[0] == ASCII.slash { return .resourceMetadata(rest) }
    }
    throw Refusal(.notFound)
  }

  /// `~` and `{tenant}/{namespace}` are namespaces, `~/{topic}…` and
  /// `{tenant}/{namespace}/{topic}…` topics.
  private static func belowTopics(_ path: ByteSlice) throws -> Route {
    let firstSlash = path.firstIndex(of: ASCII.slash)
    let first = path.prefix(firstSlash ?? path.count)
    let isHome = first.equals("~") || first.equalsIgnoringCase("%7E")
    let slashes = isHome ? 1 : 2
    if !hasSlashes(path, slashes) {
      let (reference, rest) = try NamespaceReference.read(from: path)
      guard rest.isEmpty else { throw Refusal(.notFound) }
      return .topics(reference)
    }
    let (reference, rest) = try TopicReference.read(from: path)
    return .topic(reference, try resource(rest))
  }

  private static func hasSlashes(_ path: ByteSlice, _ wanted: Int) -> Bool {
    var from = 0
    for _ in 0..<wanted {
      guard let slash = path.firstIndex(of: ASCII.slash, from: from) else { return false }
      from = slash + 1
    }
    return true
  }

  private static func resource(_ rest: ByteSlice) throws -> TopicResource {
    if rest.isEmpty { return .itself }
    if rest.equals("/events") { return .events }
    if rest.starts(with: "/events/") { return .event(try segment(rest, after: "/events/")) }
    if rest.equals("/subscriptions") { return .subscriptions }
    if rest.starts(with: "/subscriptions/") {
      return try subscription(rest.dropFirst("/subscriptions/".utf8.count))
    }
    if rest.equals("/schema") { return .schema }
    if rest.equals("/schema/default") { return .schemaDefault }
    if rest.equals("/schema/binding") { return .schemaBinding }
    if rest.equals("/schemas") { return .schemaVersions }
    if rest.starts(with: "/schemas/") {
      return .schemaVersion(try segment(rest, after: "/schemas/"))
    }
    if rest.equals("/schema/check") { return .schemaCheck }
    if rest.equals("/schema/validate") { return .schemaValidate }
    if rest.equals("/schema/replay") { return .schemaReplay }
    throw Refusal(.notFound)
  }

  private static func subscription(_ rest: ByteSlice) throws -> TopicResource {
    let end = rest.firstIndex(of: ASCII.slash) ?? rest.count
    guard let name = Name(pathSegment: rest.prefix(end)) else {
      throw TenancyRefusal.badName(.subscription)
    }
    let verb = rest.dropFirst(end)
    if verb.isEmpty { return .subscription(name, .itself) }
    if verb.equals("/receive") { return .subscription(name, .receive) }
    if verb.equals("/acknowledge") { return .subscription(name, .acknowledge) }
    if verb.equals("/release") { return .subscription(name, .release) }
    if verb.equals("/extend") { return .subscription(name, .extend) }
    if verb.equals("/seek") { return .subscription(name, .seek) }
    if verb.equals("/reject") { return .subscription(name, .reject) }
    if verb.equals("/events") { return .subscription(name, .events) }
    throw Refusal(.notFound)
  }

  private static func segment(_ rest: ByteSlice, after prefix: StaticString) throws(Refusal)
    -> ByteSlice
  {
    let segment = rest.dropFirst(prefix.utf8CodeUnitCount)
    guard !segment.isEmpty, segment.firstIndex(of: ASCII.slash) == nil,
      let decoded = PercentEncoding.decode(segment)
    else { throw Refusal(.notFound) }
    return decoded
  }
}

extension Route {
  /// The tenant that the path names; nil for `~` and for what belongs to none.
  var tenant: Name? {
    switch self {
    case .topic(let topic, _), .pulsarSchema(let topic, _): topic.tenant
    case .topics(let namespace), .namespace(let namespace), .documents(let namespace),
      .document(let namespace, _, _):
      namespace.tenant
    case .tenant(let name): name
    default: nil
    }
  }

  /// The methods a route answers to, for `Allow`; OPTIONS is answered everywhere.
  var methods: StaticString {
    switch self {
    case .topic(_, let resource): resource.methods
    case .pulsarSchema(_, let resource): resource.methods
    case .namespace: "GET, HEAD, PUT, DELETE, OPTIONS"
    case .tickets, .streamToken, .explain: "POST, OPTIONS"
    case .revocations: "GET, HEAD, POST, DELETE, OPTIONS"
    case .document(_, _, .itself): "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
    case .document, .documents: "GET, HEAD, OPTIONS"
    case .topics, .tenant, .whoami, .health, .readiness, .metrics, .openAPI, .resourceMetadata:
      "GET, HEAD, OPTIONS"
    case .gateway: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    }
  }
}

extension Route.TopicResource {
  fileprivate var methods: StaticString {
    switch self {
    case .itself, .schema, .schemaBinding: "GET, HEAD, PUT, DELETE, OPTIONS"
    case .schemaDefault: "GET, HEAD, PUT, OPTIONS"
    case .schemaVersion: "GET, HEAD, PATCH, DELETE, OPTIONS"
    case .events: "GET, HEAD, POST, OPTIONS"
    case .event, .subscriptions, .schemaVersions: "GET, HEAD, OPTIONS"
    case .schemaCheck, .schemaValidate, .schemaReplay: "POST, OPTIONS"
    case .subscription(_, let resource):
      switch resource {
      case .itself: "GET, HEAD, PUT, DELETE, OPTIONS"
      case .events: "GET, OPTIONS"
      case .receive, .acknowledge, .release, .reject, .extend, .seek: "POST, OPTIONS"
      }
    }
  }
}

extension Refusal {
  static func method(_ allowed: StaticString) -> Refusal {
    var refusal = Refusal(.methodNotAllowed, "the path answers to \(allowed)")
    refusal.allow = allowed
    return refusal
  }
}
