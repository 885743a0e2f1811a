public import Bytes
public import Schemas

/// A schema that compiled and was judged acceptable.
public struct SchemaCandidate: Sendable {
  public let type: SchemaType
  /// The line it continues.
  public let subject: SchemaSubject
  /// As the owner sent it.
  public let text: ByteSlice
  /// Of JSON Schema; 2020-12 for other types, where it says nothing.
  public let dialect: SchemaDialect
  public let formats: FormatMode
  /// The digest of its canonical text: `sha256:…`.
  public let fingerprint: ByteSlice
  /// The named documents it refers to, as they were when it was compiled.
  public let references: [SchemaPin]
  /// In byte order of their keys, at most `SchemaLimits.properties`.
  public let properties: [SchemaProperty]
  public let program: CompiledSchema
  /// Whether somebody answered for it, although whether it may follow was not decided.
  public var isOverridden = false

  public init(
    subject: SchemaSubject = .topic, text: ByteSlice, dialect: SchemaDialect, formats: FormatMode,
    fingerprint: ByteSlice, references: [SchemaPin] = [], properties: [SchemaProperty] = [],
    program: CompiledSchema
  ) {
    type = program.type
    self.properties = properties
    self.subject = subject
    self.text = text
    self.dialect = dialect
    self.formats = formats
    self.fingerprint = fingerprint
    self.references = references
    self.program = program
  }
}

/// One registered version: immutable but for its state. Engines that reopen compile `text` again
/// under `type`, `dialect`, `formats` and `references`.
public struct StoredSchema: Sendable, Hashable {
  /// From 1, counted through all lines of the topic and never given out twice: an event's version
  /// alone says which line it was checked against.
  public let version: UInt32
  public let subject: SchemaSubject
  public let type: SchemaType
  public let text: ByteSlice
  public let dialect: SchemaDialect
  public let formats: FormatMode
  public let fingerprint: ByteSlice
  public let references: [SchemaPin]
  /// In byte order of their keys.
  public let properties: [SchemaProperty]
  public let registered: UnixTime
  /// The principal who registered it; empty where an older program wrote it down.
  public let author: ByteSlice
  public internal(set) var state: SchemaState
  /// When the state changed last.
  public internal(set) var changed: UnixTime
  /// What its owner says of its deprecation.
  public internal(set) var notice: SchemaNotice
  /// Whether its author answered for it: whether it may follow the versions before it was not
  /// decided.
  public let isOverridden: Bool

  /// What shares a program with it; nil: nothing. Of documents that it refers to the fingerprint
  /// knows the texts but not the editions that they are read in, and those may differ from one
  /// namespace to the next.
  var programKey: ProgramCell.Key? {
    references.isEmpty ? ProgramCell.Key(fingerprint: fingerprint, text: text) : nil
  }

  /// Nil where it is not deprecated.
  public var deprecated: SchemaDeprecation? {
    state == .deprecated ? SchemaDeprecation(since: changed, sunset: notice.sunset) : nil
  }

  public init(
    version: UInt32, subject: SchemaSubject = .topic, type: SchemaType = .json, text: ByteSlice,
    dialect: SchemaDialect, formats: FormatMode, fingerprint: ByteSlice,
    references: [SchemaPin] = [], properties: [SchemaProperty] = [], registered: UnixTime,
    author: ByteSlice = .empty, state: SchemaState = .active, changed: UnixTime? = nil,
    notice: SchemaNotice = .none, isOverridden: Bool = false
  ) {
    self.version = version
    self.subject = subject
    self.type = type
    self.text = text
    self.dialect = dialect
    self.formats = formats
    self.fingerprint = fingerprint
    self.references = references
    self.properties = properties
    self.registered = registered
    self.author = author
    self.state = state
    self.changed = changed ?? registered
    self.notice = notice
    self.isOverridden = isOverridden
  }
}
