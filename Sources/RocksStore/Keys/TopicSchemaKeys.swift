import Bytes
import Schemas
import Topics

/// `meta` 0x32: which schema is a topic's version. Softly deleted ones stay: stored events name
/// them.
struct TopicSchemaKey: StoredKey {
  static var family: KeyFamily { .topicSchema }
  var topic: TopicNumber
  var version: UInt32

  init(topic: TopicNumber, version: UInt32) {
    self.topic = topic
    self.version = version
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    version = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: version)
  }

  struct Value: StoredValue {
    static var version: UInt8 { 3 }

    var state: SchemaState
    /// Number of its text (`SchemaKey`).
    var schema: UInt32
    var registered: UnixTime
    /// When `state` changed last; version 1: when it was registered.
    var changed: UnixTime
    /// No event from this sequence on was checked against it; `UInt64.max` where that is unknown:
    /// while it is live, and in version 1.
    var usedUntil: UInt64
    /// Version 1: `default`.
    var subject: SchemaSubject
    /// Version 1: empty.
    var author: ByteSlice
    /// Version 1: none.
    var references: [SchemaPin]
    /// Versions 1 and 2: nothing is said.
    var notice: SchemaNotice
    /// Versions 1 and 2: not known, and taken for no.
    var isOverridden: Bool

    init(
      state: SchemaState, schema: UInt32, registered: UnixTime, changed: UnixTime,
      usedUntil: UInt64, subject: SchemaSubject, author: ByteSlice, references: [SchemaPin],
      notice: SchemaNotice = .none, isOverridden: Bool = false
    ) {
      self.state = state
      self.schema = schema
      self.registered = registered
      self.changed = changed
      self.usedUntil = usedUntil
      self.subject = subject
      self.author = author
      self.references = references
      self.notice = notice
      self.isOverridden = isOverridden
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      guard let state = SchemaState(rawValue: try cursor.readByte()) else {
        throw MalformedRecord()
      }
      self.state = state
      schema = try cursor.readUInt32()
      registered = try cursor.readInstant()
      notice = .none
      isOverridden = false
      guard version >= 2 else {
        // Such programs knew neither lines nor deprecation.
        guard state != .deprecated else { throw MalformedRecord() }
        changed = registered
        usedUntil = .max
        subject = .topic
        author = .empty
        references = []
        return
      }
      changed = try cursor.readInstant()
      usedUntil = try cursor.readUInt64()
      subject = try cursor.readSubject()
      author = try cursor.readPrefixed()
      references = []
      for _ in 0..<(try cursor.readCount(upTo: SchemaLimits.references)) {
        references.append(
          SchemaPin(
            uri: try cursor.readPrefixed(), document: try cursor.readPrefixed(),
            version: try cursor.readUInt32()))
      }
      guard version >= 3 else { return }
      let flags = try cursor.readByte()
      guard flags & ~(Self.overridden | Self.hasSunset) == 0 else { throw MalformedRecord() }
      isOverridden = flags & Self.overridden != 0
      let reason = try cursor.readPrefixed()
      notice = SchemaNotice(
        reason: reason, sunset: flags & Self.hasSunset != 0 ? try cursor.readInstant() : nil)
    }

    private static let overridden: UInt8 = 1
    private static let hasSunset: UInt8 = 2

    func append(to bytes: inout ByteWriter) {
      bytes.append(state.rawValue)
      bytes.append(bigEndian: schema)
      bytes.append(registered)
      bytes.append(changed)
      bytes.append(bigEndian: usedUntil)
      bytes.append(prefixed: subject.bytes)
      bytes.append(prefixed: author)
      bytes.append(varint: UInt64(references.count))
      for pin in references {
        bytes.append(prefixed: pin.uri)
        bytes.append(prefixed: pin.document)
        bytes.append(bigEndian: pin.version)
      }
      bytes.append(
        (isOverridden ? Self.overridden : 0) | (notice.sunset == nil ? 0 : Self.hasSunset))
      bytes.append(prefixed: notice.reason)
      if let sunset = notice.sunset { bytes.append(sunset) }
    }
  }
}

/// `meta` 0x33: the default version of each of a topic's lines, and how its events are bound to
/// them. Where an older program wrote the topic there is none: its one line's default is in the
/// topic's own record.
struct TopicBindingKey: StoredKey {
  static var family: KeyFamily { .topicBinding }
  var topic: TopicNumber

  init(topic: TopicNumber) { self.topic = topic }
  init(from cursor: inout ByteCursor) throws { topic = try TopicNumber(from: &cursor) }
  func append(to writer: inout ByteWriter) { topic.append(to: &writer) }

  struct Value: StoredValue {
    var revision: UInt64
    /// In byte order of the lines' names.
    var defaults: [Pointer]
    /// Encoded by `BindingCoding`; empty where nothing is set.
    var terms: ByteSlice

    struct Pointer: Hashable, Sendable {
      var subject: SchemaSubject
      var version: UInt32
    }

    init(revision: UInt64, defaults: [Pointer], terms: ByteSlice) {
      self.revision = revision
      self.defaults = defaults
      self.terms = terms
    }

    init(from cursor: inout ByteCursor) throws {
      revision = try cursor.readUInt64()
      defaults = []
      // What is written keeps to `SchemaLimits.subjects`. Of the record alone the whole store would
      // not open, should a limit ever be another.
      for _ in 0..<(try cursor.readCount(upTo: cursor.remaining)) {
        defaults.append(
          Pointer(subject: try cursor.readSubject(), version: try cursor.readUInt32()))
      }
      terms = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: revision)
      bytes.append(varint: UInt64(defaults.count))
      for pointer in defaults {
        bytes.append(prefixed: pointer.subject.bytes)
        bytes.append(bigEndian: pointer.version)
      }
      bytes.append(prefixed: terms)
    }
  }
}

extension ByteCursor {
  fileprivate mutating func readSubject() throws -> SchemaSubject {
    guard let subject = SchemaSubject(try readPrefixed()) else { throw MalformedRecord() }
    return subject
  }

  /// A varint that counts what follows.
  fileprivate mutating func readCount(upTo limit: Int) throws -> Int {
    let count = try readVarint()
    guard count <= UInt64(limit) else { throw MalformedRecord() }
    return Int(count)
  }
}
