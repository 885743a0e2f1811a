import Bytes

/// `meta` 0x01: what wrote the store and who may read it. Written once, before anything else.
struct FormatKey: StoredKey {
  static var family: KeyFamily { .format }
  init() {}
  init(from cursor: inout ByteCursor) throws {}
  func append(to writer: inout ByteWriter) {}

  struct Value: StoredValue {
    var writer: UInt32
    var oldestReader: UInt32
    /// 16 random bytes.
    var store: ByteSlice
    var created: UnixTime

    init(writer: UInt32, oldestReader: UInt32, store: ByteSlice, created: UnixTime) {
      self.writer = writer
      self.oldestReader = oldestReader
      self.store = store
      self.created = created
    }

    init(from cursor: inout ByteCursor) throws {
      writer = try cursor.readUInt32()
      oldestReader = try cursor.readUInt32()
      store = try cursor.readSlice(16)
      created = try cursor.readInstant()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: writer)
      bytes.append(bigEndian: oldestReader)
      bytes.append(store)
      bytes.append(created)
    }
  }
}

/// `meta` 0x02: the next numbers of what belongs to no tenant.
struct CountersKey: StoredKey {
  static var family: KeyFamily { .counters }
  init() {}
  init(from cursor: inout ByteCursor) throws {}
  func append(to writer: inout ByteWriter) {}

  struct Value: StoredValue {
    var nextTenant: UInt32
    var nextBucket: UInt32

    init(nextTenant: UInt32, nextBucket: UInt32) {
      self.nextTenant = nextTenant
      self.nextBucket = nextBucket
    }

    init(from cursor: inout ByteCursor) throws {
      nextTenant = try cursor.readUInt32()
      nextBucket = try cursor.readUInt32()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: nextTenant)
      bytes.append(bigEndian: nextBucket)
    }
  }
}

/// `meta` 0x60: one event bucket, which is one column family.
struct BucketKey: StoredKey {
  static var family: KeyFamily { .bucket }
  var bucket: UInt32

  init(bucket: UInt32) { self.bucket = bucket }
  init(from cursor: inout ByteCursor) throws { bucket = try cursor.readUInt32() }
  func append(to writer: inout ByteWriter) { writer.append(bigEndian: bucket) }

  enum Class: UInt8, Sendable {
    case bounded = 0x6D
    case unlimited = 0x78
  }

  enum State: UInt8, Sendable {
    case open = 1
    case sealed = 2
    case draining = 3
  }

  struct Value: StoredValue {
    var retentionClass: Class
    var state: State
    var opened: UnixTime

    init(retentionClass: Class, state: State, opened: UnixTime) {
      self.retentionClass = retentionClass
      self.state = state
      self.opened = opened
    }

    init(from cursor: inout ByteCursor) throws {
      guard let retentionClass = Class(rawValue: try cursor.readByte()),
        let state = State(rawValue: try cursor.readByte())
      else { throw MalformedRecord() }
      self.retentionClass = retentionClass
      self.state = state
      opened = try cursor.readInstant()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(retentionClass.rawValue)
      bytes.append(state.rawValue)
      bytes.append(opened)
    }
  }

  /// The name of the bucket's column family: `ev.x.00000001`.
  func familyName(_ retentionClass: Class) -> String {
    let hex = String(bucket, radix: 16)
    return "ev." + (retentionClass == .bounded ? "m." : "x.")
      + String(repeating: "0", count: 8 - hex.utf8.count) + hex
  }
}

/// `state` 0x01: the number of the last commit, written in every batch.
struct WatermarkKey: StoredKey {
  static var family: KeyFamily { .watermark }
  init() {}
  init(from cursor: inout ByteCursor) throws {}
  func append(to writer: inout ByteWriter) {}

  struct Value: StoredValue {
    static var version: UInt8 { 2 }

    var commit: UInt64
    var clock: UnixTime
    /// Nil where version 1 was read.
    var extent: StoreExtent?

    init(commit: UInt64, clock: UnixTime, extent: StoreExtent?) {
      self.commit = commit
      self.clock = clock
      self.extent = extent
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      commit = try cursor.readUInt64()
      clock = try cursor.readInstant()
      if version >= 2 {
        extent = StoreExtent(
          events: try cursor.readUInt64(), catalogue: try cursor.readUInt64())
      }
    }

    func append(to bytes: inout ByteWriter) {
      let extent = extent ?? StoreExtent(events: 0, catalogue: 0)
      bytes.append(bigEndian: commit)
      bytes.append(clock)
      bytes.append(bigEndian: extent.events)
      bytes.append(bigEndian: extent.catalogue)
    }
  }
}

/// What the watermark says of the other column families: RocksDB can lose a table of one of them
/// and keep the rest.
struct StoreExtent: Hashable, Sendable {
  /// Events ever stored in the topics that live.
  var events: UInt64
  /// The last commit that changed the catalogue.
  var catalogue: UInt64
}

/// `meta` 0x03: the last commit that changed the catalogue, as the catalogue knows it.
struct RevisionKey: StoredKey {
  typealias Value = LongNumberValue
  static var family: KeyFamily { .revision }
  init() {}
  init(from cursor: inout ByteCursor) throws {}
  func append(to writer: inout ByteWriter) {}
}

/// A value that is one number of 64 bits.
struct LongNumberValue: StoredValue {
  var number: UInt64

  init(_ number: UInt64) { self.number = number }
  init(from cursor: inout ByteCursor) throws { number = try cursor.readUInt64() }
  func append(to bytes: inout ByteWriter) { bytes.append(bigEndian: number) }
}
