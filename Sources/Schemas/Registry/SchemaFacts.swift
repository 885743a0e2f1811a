public import Bytes
public import Tenancy

/// What language a schema is written in. The raw value is stored; the numbers never change meaning.
public enum SchemaType: UInt8, CaseIterable, Sendable {
  /// JSON Schema, of one of the editions of `SchemaDialect`.
  case json = 1
  /// An Avro record definition over plain JSON payloads: what Pulsar calls type JSON.
  case pulsarJSON = 2
  /// Avro's binary encoding. Reserved: no such schema can be registered.
  case avro = 3
  /// Protocol buffers. Reserved likewise.
  case protobuf = 4

  /// The word of the HTTP contract.
  public var name: String {
    switch self {
    case .json: "JSON"
    case .pulsarJSON: "PULSAR_JSON"
    case .avro: "AVRO"
    case .protobuf: "PROTOBUF"
    }
  }

  public init?(named name: String) {
    guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }

  /// The media type its text is sent and shown under.
  public var mediaType: StaticString {
    switch self {
    case .json: "application/schema+json"
    case .pulsarJSON, .avro: "application/vnd.apache.avro+json"
    case .protobuf: "text/x-protobuf"
    }
  }
}

/// A word that whoever registers a schema keeps with it, as Pulsar's clients do: the gateway only
/// gives it back.
public struct SchemaProperty: Sendable, Hashable {
  public let key: ByteSlice
  public let value: ByteSlice

  public init(key: ByteSlice, value: ByteSlice) {
    self.key = key
    self.value = value
  }
}

/// Where a version stands in its life. The raw value is stored.
public enum SchemaState: UInt8, CaseIterable, Sendable {
  case active = 1
  /// Softly deleted: out of use and out of the lists, kept for the events that name it; it can be
  /// brought back.
  case deleted = 2
  /// In use, but whoever publishes under it is told.
  case deprecated = 3

  /// The word of the HTTP contract.
  public var name: String {
    switch self {
    case .active: "active"
    case .deleted: "deleted"
    case .deprecated: "deprecated"
    }
  }

  public init?(named name: String) {
    guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = state
  }

  /// Whether payloads may be checked against it.
  public var isLive: Bool { self != .deleted }
}

/// What the owner says of a version that it deprecates.
public struct SchemaNotice: Sendable, Hashable {
  /// Why, or what to use instead: at most `SchemaLimits.noticeBytes`; empty where nothing is said.
  public let reason: ByteSlice
  /// When the version will probably go out of use (RFC 8594); the gateway only passes it on.
  public let sunset: UnixTime?

  public init(reason: ByteSlice, sunset: UnixTime?) {
    self.reason = reason
    self.sunset = sunset
  }

  /// Nothing is said.
  public static let none = SchemaNotice(reason: .empty, sunset: nil)

  /// The same with its text in storage of its own.
  public var detached: SchemaNotice {
    SchemaNotice(reason: ByteSlice(copying: reason.span), sunset: sunset)
  }
}

/// That a version is deprecated, for whoever publishes under it.
public struct SchemaDeprecation: Sendable, Hashable {
  public let since: UnixTime
  /// When it will probably go out of use; nil where that is not known.
  public let sunset: UnixTime?

  public init(since: UnixTime, sunset: UnixTime?) {
    self.since = since
    self.sunset = sunset
  }
}

/// A line of versions of one topic: usually what one type of event looks like. A topic that knows a
/// single schema has one line, `default`.
public struct SchemaSubject: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// A name by the grammar of `Name`.
  public let bytes: ByteSlice

  /// The line that registrations which name none belong to.
  public static let topic = SchemaSubject(unchecked: ByteSlice(utf8: "default"))

  public init(_ name: Name) { bytes = name.bytes }

  /// The line that `bytes` name; nil where they are no name.
  public init?(_ bytes: ByteSlice) {
    guard let name = Name(bytes) else { return nil }
    self.init(name)
  }

  private init(unchecked bytes: ByteSlice) { self.bytes = bytes }

  /// The same line with its name in storage of its own.
  public var detached: SchemaSubject { SchemaSubject(unchecked: ByteSlice(copying: bytes.span)) }

  public var description: String { bytes.text }

  /// Byte order.
  public static func < (left: SchemaSubject, right: SchemaSubject) -> Bool {
    left.bytes < right.bytes
  }
}

/// A named document that a version was registered with: what it refers to keeps its meaning,
/// whatever is registered under that name later.
public struct SchemaPin: Sendable, Hashable {
  /// The absolute URI under which the schema's text refers to the document.
  public let uri: ByteSlice
  /// The document: its namespace and its name there, as `shop/common/address`.
  public let document: ByteSlice
  /// The document's version, from 1.
  public let version: UInt32

  public init(uri: ByteSlice, document: ByteSlice, version: UInt32) {
    self.uri = uri
    self.document = document
    self.version = version
  }
}
