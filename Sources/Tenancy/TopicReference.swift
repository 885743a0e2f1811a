public import Bytes

/// A topic as a request names it; says nothing about whether the caller may use it.
///
/// Nil tenant and namespace stand for `~`: those that the caller's token maps to.
public struct TopicReference: Sendable, Equatable {
  public let tenant: Name?
  public let namespace: Name?
  public let topic: Name

  /// A topic by its full name.
  public init(tenant: Name, namespace: Name, topic: Name) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
  }

  /// A topic of the caller's own namespace: `~/topic`.
  public init(ownTopic topic: Name) {
    tenant = nil
    namespace = nil
    self.topic = topic
  }

  /// Reads `{tenant}/{namespace}/{topic}` or `~/{topic}` from the front of `path`, which starts
  /// after `/v1/topics/`. `rest` is what follows the topic, with its slash; empty at the end of the
  /// path.
  public static func read(
    from path: ByteSlice
  ) throws(TenancyRefusal) -> (reference: TopicReference, rest: ByteSlice) {
    var segments = PathSegments(path)
    let first = segments.next()
    if NamespaceReference.isHome(first) {
      let topic = try segments.name(.topic)
      return (TopicReference(ownTopic: topic), segments.rest)
    }
    let tenant = try PathSegments.name(first, .tenant)
    let namespace = try segments.name(.namespace)
    let topic = try segments.name(.topic)
    return (
      TopicReference(tenant: tenant, namespace: namespace, topic: topic), segments.rest
    )
  }
}

/// A namespace as a request names it; nils stand for `~`.
public struct NamespaceReference: Sendable, Equatable {
  public let tenant: Name?
  public let namespace: Name?

  /// A namespace by its full name.
  public init(tenant: Name, namespace: Name) {
    self.tenant = tenant
    self.namespace = namespace
  }

  private init() {
    tenant = nil
    namespace = nil
  }

  /// The namespace that the caller's token maps to: `~`.
  public static let own = NamespaceReference()

  /// Reads `{tenant}/{namespace}` or `~` from the front of `path`, which starts after `/v1/topics/`
  /// or `/v1/namespaces/`; `rest` as in `TopicReference.read`.
  public static func read(
    from path: ByteSlice
  ) throws(TenancyRefusal) -> (reference: NamespaceReference, rest: ByteSlice) {
    var segments = PathSegments(path)
    let first = segments.next()
    if isHome(first) { return (.own, segments.rest) }
    let tenant = try PathSegments.name(first, .tenant)
    let namespace = try segments.name(.namespace)
    return (NamespaceReference(tenant: tenant, namespace: namespace), segments.rest)
  }

  /// Whether a segment is `~`, which RFC 3986 §2.3 lets clients write as `%7E`.
  static func isHome(_ segment: ByteSlice) -> Bool {
    segment.equals("~") || segment.equalsIgnoringCase("%7E")
  }
}

/// Walks a path's segments without copying.
struct PathSegments {
  /// What has not been read, with its leading slash.
  private(set) var rest: ByteSlice
  private var isAtStart = true

  /// `path` without a leading slash: one that is there ends an empty first segment.
  init(_ path: ByteSlice) {
    rest = path
  }

  /// The bytes up to the next slash; empty at the end of the path.
  mutating func next() -> ByteSlice {
    let start = isAtStart || rest.isEmpty ? 0 : 1
    isAtStart = false
    let end = rest.firstIndex(of: ASCII.slash, from: start) ?? rest.count
    let segment = rest[start..<end]
    rest = rest.dropFirst(end)
    return segment
  }

  mutating func name(_ part: PathPart) throws(TenancyRefusal) -> Name {
    try Self.name(next(), part)
  }

  static func name(_ segment: ByteSlice, _ part: PathPart) throws(TenancyRefusal) -> Name {
    guard let name = Name(pathSegment: segment) else { throw .badName(part) }
    return name
  }
}
