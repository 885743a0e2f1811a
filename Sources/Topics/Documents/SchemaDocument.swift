public import Bytes
public import Schemas
public import Tenancy

/// One version of a named schema document: immutable but for its state.
public struct DocumentVersion: Sendable {
  /// From 1.
  public let version: UInt32
  /// As the owner sent it.
  public let text: ByteSlice
  /// The edition that its media type named, for a text without `$schema`; nil: the referrer's.
  public let dialect: SchemaDialect?
  /// The URI that the owner gave it beside its path; nil none.
  public let uri: ByteSlice?
  /// The digest of its canonical text: `sha256:…`.
  public let fingerprint: ByteSlice
  public let links: DocumentLinks
  public let registered: UnixTime
  /// The principal who put it.
  public let author: ByteSlice
  /// Deleted softly, it is out of use and of the lists, and kept; deprecated, in use, but whoever
  /// reads it is told.
  public internal(set) var state: SchemaState
  /// When the state changed last.
  public internal(set) var changed: UnixTime

  public var isDeleted: Bool { !state.isLive }

  public init(
    version: UInt32, text: ByteSlice, dialect: SchemaDialect?, uri: ByteSlice?,
    fingerprint: ByteSlice, links: DocumentLinks, registered: UnixTime, author: ByteSlice,
    state: SchemaState = .active, changed: UnixTime? = nil
  ) {
    self.version = version
    self.text = text
    self.dialect = dialect
    self.uri = uri
    self.fingerprint = fingerprint
    self.links = links
    self.registered = registered
    self.author = author
    self.state = state
    self.changed = changed ?? registered
  }
}

/// The names that a document's text gives, and those it needs: read once, when it is put.
public struct DocumentLinks: Sendable, Hashable {
  /// The absolute URIs, without fragments, of the document and of its parts that have an `$id`.
  public var identifiers: [String]
  /// The URIs, without fragments, of other documents that it refers to, its metaschema included.
  public var targets: [String]

  public init(identifiers: [String] = [], targets: [String] = []) {
    self.identifiers = identifiers
    self.targets = targets
  }
}

/// A named schema document with the versions kept of it.
public struct SchemaDocument: Sendable {
  public let name: DocumentName
  /// Unique within the tenant and never given out twice; means nothing outside the engine.
  public let number: UInt32
  /// In the order of their numbers, softly deleted ones included; never empty.
  public internal(set) var versions: [DocumentVersion]
  /// The number that was given out last.
  public internal(set) var lastVersion: UInt32

  /// The version that was made the current one on purpose; 0: the newest.
  public internal(set) var chosen: UInt32

  /// As an engine found it on disk.
  public init(
    name: DocumentName, number: UInt32, versions: [DocumentVersion], lastVersion: UInt32,
    chosen: UInt32 = 0
  ) {
    self.chosen = chosen
    self.name = name
    self.number = number
    self.versions = versions
    self.lastVersion = lastVersion
  }

  /// What references find: the version that was chosen, else the newest, of those that are not
  /// deleted; nil when all are.
  public var current: DocumentVersion? { current(without: []) }

  /// The same once some versions are deleted.
  func current(without going: [UInt32]) -> DocumentVersion? {
    let live = versions.filter { !$0.isDeleted && !going.contains($0.version) }
    return live.last { $0.version == chosen } ?? live.last
  }

  /// A version, deleted or not.
  public func version(_ number: UInt32) -> DocumentVersion? {
    versions.first { $0.version == number }
  }
}

/// A document that was read and found to be one, before it is put.
public struct DocumentCandidate: Sendable {
  public let name: DocumentName
  public let text: ByteSlice
  public let dialect: SchemaDialect?
  public let uri: ByteSlice?
  public let fingerprint: ByteSlice
  public let links: DocumentLinks

  public init(
    name: DocumentName, text: ByteSlice, dialect: SchemaDialect?, uri: ByteSlice?,
    fingerprint: ByteSlice, links: DocumentLinks
  ) {
    self.name = name
    self.text = text
    self.dialect = dialect
    self.uri = uri
    self.fingerprint = fingerprint
    self.links = links
  }
}

/// What is to go of a document.
public struct DocumentDeletion: Sendable, Hashable {
  public let name: DocumentName
  /// One version; nil: all of them, and with them the document.
  public let version: UInt32?
  /// For good, after it was deleted softly. Its number does not come back, not even when the name
  /// does.
  public let isPermanent: Bool

  public init(name: DocumentName, version: UInt32? = nil, isPermanent: Bool = false) {
    self.name = name
    self.version = version
    self.isPermanent = isPermanent
  }
}

/// One change of a named document besides putting and deleting.
public enum DocumentEdit: Sendable, Hashable {
  /// Makes a live version the current one, forward or back, until the next one is put.
  case setCurrent(DocumentName, version: UInt32)
  /// Deprecates a version, makes it active again, or brings a softly deleted one back.
  case setState(DocumentName, version: UInt32, SchemaState)

  public var name: DocumentName {
    switch self {
    case .setCurrent(let name, _), .setState(let name, _, _): name
    }
  }

  public var version: UInt32 {
    switch self {
    case .setCurrent(_, let version), .setState(_, let version, _): version
    }
  }
}

/// Who refers to a document.
public enum DocumentReferrer: Sendable, Hashable {
  /// A live version of another document.
  case document(namespace: Name, name: DocumentName, version: UInt32)
  /// A topic's schema that was registered with the document's version `pinned`. `isLive`: not
  /// softly deleted.
  case topic(namespace: Name, topic: Name, version: UInt32, pinned: UInt32, isLive: Bool)
}

/// The bounds of named documents, each with its reason; `docs/limits.md` lists them.
public enum DocumentLimits {
  /// Documents of one namespace, softly deleted ones included.
  public static let perNamespace = 1_000
  /// Bytes of text of all versions kept in one namespace.
  public static let bytesPerNamespace = 32 << 20
  /// Versions kept of one document.
  public static let versions = 1_000
  /// Identifiers that one text may give itself and its parts.
  public static let identifiers = 256
  /// Other documents that one text may refer to.
  public static let targets = 256
  /// Bytes of a document's URI.
  public static let uriBytes = 2_048
  /// URIs of documents that one topic schema may come to refer to, directly and through others.
  public static let pins = 256
  /// Documents of one page of the list.
  public static let perPage = 1_000
  /// Referrers that one answer lists.
  public static let referrers = 32
}
