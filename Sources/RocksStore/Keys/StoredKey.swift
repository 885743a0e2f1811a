import Bytes

/// A key of `meta` or `state`: one family byte, then fixed-width numbers, then at most one name, so
/// that byte order is the order of the fields (docs/log-format.md).
protocol StoredKey: Hashable, Sendable {
  associatedtype Value: StoredValue
  static var family: KeyFamily { get }
  /// Appends what follows the family byte.
  func append(to writer: inout ByteWriter)
  /// Reads what follows the family byte.
  init(from cursor: inout ByteCursor) throws
}

/// A key that is a name of a namespace: names sort as their bytes, and the name is the key's rest.
protocol NamedInNamespace: StoredKey {
  var tenant: UInt32 { get }
  var namespace: UInt32 { get }
  var name: ByteSlice { get }
  init(tenant: UInt32, namespace: UInt32, name: ByteSlice)
}

extension NamedInNamespace {
  init(from cursor: inout ByteCursor) throws {
    self.init(
      tenant: try cursor.readUInt32(), namespace: try cursor.readUInt32(),
      name: try cursor.readRest())
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(bigEndian: namespace)
    writer.append(name)
  }
}

/// What lies under a key: a version byte, then the fields.
protocol StoredValue: Equatable, Sendable {
  /// The newest that is read.
  static var version: UInt8 { get }
  /// The one that is written: an older one where it says all there is, so that older programs can
  /// read the store until it holds what they do not know.
  var written: UInt8 { get }
  /// Appends what follows the version byte.
  func append(to writer: inout ByteWriter)
  /// Reads what follows the version byte.
  init(from cursor: inout ByteCursor) throws
  /// The same of a value that an older program may have written.
  init(from cursor: inout ByteCursor, version: UInt8) throws
}

extension StoredValue {
  static var version: UInt8 { 1 }
  var written: UInt8 { Self.version }
  init(from cursor: inout ByteCursor, version: UInt8) throws { try self.init(from: &cursor) }
}

/// Every key family of both column families. Two families of one column never share a byte: the raw
/// values are column (0x000 `meta`, 0x100 `state`) + family byte.
enum KeyFamily: UInt16, CaseIterable, Sendable {
  case format = 0x001
  case counters = 0x002
  case revision = 0x003
  case tenant = 0x010
  case tenantName = 0x011
  case namespace = 0x012
  case namespaceName = 0x013
  case topic = 0x020
  case topicName = 0x021
  case trim = 0x022
  case segment = 0x023
  case schema = 0x030
  case topicSchema = 0x032
  case topicBinding = 0x033
  case document = 0x038
  case documentVersion = 0x039
  case subscription = 0x040
  case subscriptionName = 0x041
  case bucket = 0x060
  case watermark = 0x101
  case cursor = 0x110
  case ackChunk = 0x111

  var byte: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  var isState: Bool { rawValue >= 0x100 }
}

/// A value that its fields' types cannot represent.
struct MalformedRecord: Error {}

extension StoredKey {
  /// The whole key as it lies on disk.
  var bytes: [UInt8] {
    var writer = ByteWriter(capacity: 24)
    writer.append(Self.family.byte)
    append(to: &writer)
    return writer.bytes
  }

  /// Reads a whole key; nil if it is of another family or malformed.
  init?(key: ByteSlice) {
    var cursor = ByteCursor(key)
    guard (try? cursor.readByte()) == Self.family.byte, let read = try? Self(from: &cursor),
      cursor.isAtEnd
    else { return nil }
    self = read
  }
}

extension StoredValue {
  /// The whole value as it lies on disk.
  var bytes: [UInt8] {
    var writer = ByteWriter(capacity: 64)
    writer.append(written)
    append(to: &writer)
    return writer.bytes
  }

  /// Reads a whole value found in `family`.
  init(value: ByteSlice, in family: KeyFamily) throws(StoreFault) {
    var cursor = ByteCursor(value)
    guard let version = try? cursor.readByte() else { throw .corruptRecord(family: family.byte) }
    guard version > 0, version <= Self.version else {
      throw .unknownVersion(family: family.byte, version: version)
    }
    guard let read = try? Self(from: &cursor, version: version), cursor.isAtEnd else {
      throw .corruptRecord(family: family.byte)
    }
    self = read
  }
}

extension Database {
  private func column(_ family: KeyFamily) -> ColumnFamily { family.isState ? state : meta }

  /// The value under `key`, or nil.
  func get<Key: StoredKey>(_ key: Key) throws(StoreFault) -> Key.Value? {
    let bytes = key.bytes
    guard let value = try get(column(Key.family), key: bytes.span) else { return nil }
    return try Key.Value(value: value, in: Key.family)
  }

  /// Walks all entries of a family in key order, those whose fields start with `prefix`.
  func scan<Key: StoredKey>(
    _ type: Key.Type, prefix: [UInt8] = [],
    _ body: (Key, Key.Value) throws(StoreFault) -> Void
  ) throws(StoreFault) {
    try walk(type, prefix: prefix) { (key, value) throws(StoreFault) in
      try body(key, try Key.Value(value: value, in: Key.family))
    }
  }

  /// The keys alone, whether what stands under them is understood or not; no more than the first
  /// `limit` of them.
  func scanKeys<Key: StoredKey>(
    _ type: Key.Type, prefix: [UInt8] = [], limit: Int = .max,
    _ body: (Key) throws(StoreFault) -> Void
  ) throws(StoreFault) {
    try walk(type, prefix: prefix, limit: limit, isBare: true) { (key, _) throws(StoreFault) in
      try body(key)
    }
  }

  /// `isBare`: values are not copied, and empty.
  private func walk<Key: StoredKey>(
    _ type: Key.Type, prefix: [UInt8], limit: Int = .max, isBare: Bool = false,
    _ body: (Key, ByteSlice) throws(StoreFault) -> Void
  ) throws(StoreFault) {
    let lower = [Key.family.byte] + prefix
    var iterator = try RangeIterator(
      self, column(Key.family), from: lower, to: Self.successor(of: lower), fillCache: false)
    iterator.seekToFirst()
    var left = limit
    while left > 0, iterator.isValid {
      guard let key = Key(key: iterator.key) else {
        throw .corruptRecord(family: Key.family.byte)
      }
      try body(key, isBare ? .empty : iterator.value)
      iterator.next()
      left -= 1
    }
    try iterator.check()
  }

  /// The smallest key that does not start with `prefix` and lies behind those that do.
  static func successor(of prefix: [UInt8]) -> [UInt8] {
    var bytes = prefix
    while let last = bytes.popLast() {
      if last < 0xFF { return bytes + [last + 1] }
    }
    return [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
  }
}

extension WriteBatch {
  mutating func put<Key: StoredKey>(_ key: Key, _ value: Key.Value, in database: Database) {
    let family = Key.family.isState ? database.state : database.meta
    put(family, key: key.bytes.span, value: value.bytes.span)
  }

  mutating func delete<Key: StoredKey>(_ key: Key, in database: Database) {
    delete(Key.family.isState ? database.state : database.meta, key: key.bytes.span)
  }

  /// Deletes all entries of a family whose fields start with `prefix`, unread.
  mutating func deleteAll<Key: StoredKey>(
    _ type: Key.Type, prefix: [UInt8], in database: Database
  ) {
    let lower = [Key.family.byte] + prefix
    let upper = Database.successor(of: lower)
    delete(
      Key.family.isState ? database.state : database.meta, from: lower.span, to: upper.span)
  }
}

/// The number of a topic: its tenant's number and its own within the tenant. Never leaves this
/// room.
struct TopicNumber: Hashable, Comparable, Sendable {
  static let byteCount = 8
  var tenant: UInt32
  var topic: UInt32

  /// As their keys sort.
  static func < (one: TopicNumber, other: TopicNumber) -> Bool {
    (one.tenant, one.topic) < (other.tenant, other.topic)
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(bigEndian: topic)
  }

  init(tenant: UInt32, topic: UInt32) {
    self.tenant = tenant
    self.topic = topic
  }

  init(from cursor: inout ByteCursor) throws {
    tenant = try cursor.readUInt32()
    topic = try cursor.readUInt32()
  }

  /// The eight bytes with which all of the topic's keys start, behind their family byte.
  var bytes: [UInt8] {
    var writer = ByteWriter(capacity: 8)
    append(to: &writer)
    return writer.bytes
  }
}

extension ByteCursor {
  /// Everything that is left: a name at the end of a key.
  mutating func readRest() throws(ByteCursorFailure) -> ByteSlice { try readSlice(remaining) }

  mutating func readInstant() throws(ByteCursorFailure) -> UnixTime {
    UnixTime(nanoseconds: Int64(bitPattern: try readUInt64()))
  }
}

extension ByteWriter {
  mutating func append(_ instant: UnixTime) {
    append(bigEndian: UInt64(bitPattern: instant.nanoseconds))
  }
}

/// Whether what a record describes still exists. Records of deleted things stay, so that their
/// numbers are not given out again.
enum LifeState: UInt8, Sendable {
  case live = 1
  case deleted = 2

  init(from cursor: inout ByteCursor) throws {
    guard let state = LifeState(rawValue: try cursor.readByte()) else { throw MalformedRecord() }
    self = state
  }
}
