import Bytes

/// `meta` 0x20: one topic.
struct TopicKey: StoredKey {
  static var family: KeyFamily { .topic }
  var topic: TopicNumber

  init(topic: TopicNumber) { self.topic = topic }
  init(from cursor: inout ByteCursor) throws { topic = try TopicNumber(from: &cursor) }
  func append(to writer: inout ByteWriter) { topic.append(to: &writer) }

  struct Value: StoredValue {
    var state: LifeState
    var namespace: UInt32
    var incarnation: UInt32
    var nextSubscription: UInt32
    var created: UnixTime
    /// The version in force; 0 none.
    var schemaVersion: UInt32
    var nextSchemaVersion: UInt32
    var name: ByteSlice
    /// Encoded by `PolicyCoding`.
    var configuration: ByteSlice

    init(
      state: LifeState, namespace: UInt32, incarnation: UInt32, nextSubscription: UInt32,
      created: UnixTime, schemaVersion: UInt32, nextSchemaVersion: UInt32, name: ByteSlice,
      configuration: ByteSlice
    ) {
      self.state = state
      self.namespace = namespace
      self.incarnation = incarnation
      self.nextSubscription = nextSubscription
      self.created = created
      self.schemaVersion = schemaVersion
      self.nextSchemaVersion = nextSchemaVersion
      self.name = name
      self.configuration = configuration
    }

    init(from cursor: inout ByteCursor) throws {
      state = try LifeState(from: &cursor)
      namespace = try cursor.readUInt32()
      incarnation = try cursor.readUInt32()
      nextSubscription = try cursor.readUInt32()
      created = try cursor.readInstant()
      schemaVersion = try cursor.readUInt32()
      nextSchemaVersion = try cursor.readUInt32()
      name = try cursor.readPrefixed()
      configuration = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(state.rawValue)
      bytes.append(bigEndian: namespace)
      bytes.append(bigEndian: incarnation)
      bytes.append(bigEndian: nextSubscription)
      bytes.append(created)
      bytes.append(bigEndian: schemaVersion)
      bytes.append(bigEndian: nextSchemaVersion)
      bytes.append(prefixed: name)
      bytes.append(prefixed: configuration)
    }
  }
}

/// `meta` 0x21: which topic a name stands for, or stood for: the incarnation outlives the topic.
struct TopicNameKey: NamedInNamespace {
  static var family: KeyFamily { .topicName }
  var tenant: UInt32
  var namespace: UInt32
  var name: ByteSlice

  init(tenant: UInt32, namespace: UInt32, name: ByteSlice) {
    self.tenant = tenant
    self.namespace = namespace
    self.name = name
  }

  struct Value: StoredValue {
    var state: LifeState
    var topic: UInt32
    var incarnation: UInt32

    init(state: LifeState, topic: UInt32, incarnation: UInt32) {
      self.state = state
      self.topic = topic
      self.incarnation = incarnation
    }

    init(from cursor: inout ByteCursor) throws {
      state = try LifeState(from: &cursor)
      topic = try cursor.readUInt32()
      incarnation = try cursor.readUInt32()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(state.rawValue)
      bytes.append(bigEndian: topic)
      bytes.append(bigEndian: incarnation)
    }
  }
}

/// `meta` 0x22: what has been trimmed off a topic's front.
struct TrimKey: StoredKey {
  static var family: KeyFamily { .trim }
  var topic: TopicNumber

  init(topic: TopicNumber) { self.topic = topic }
  init(from cursor: inout ByteCursor) throws { topic = try TopicNumber(from: &cursor) }
  func append(to writer: inout ByteWriter) { topic.append(to: &writer) }

  struct Value: StoredValue {
    /// Entries below are gone.
    var first: UInt64
    /// The next entry is at least this, even when no chunk is left to tell.
    var nextFloor: UInt64
    /// Record bytes of the chunks that lie wholly before `first`.
    var bytesBefore: UInt64
    /// Publish time of the newest entry trimmed.
    var until: UnixTime

    init(first: UInt64, nextFloor: UInt64, bytesBefore: UInt64, until: UnixTime) {
      self.first = first
      self.nextFloor = nextFloor
      self.bytesBefore = bytesBefore
      self.until = until
    }

    init(from cursor: inout ByteCursor) throws {
      first = try cursor.readUInt64()
      nextFloor = try cursor.readUInt64()
      bytesBefore = try cursor.readUInt64()
      until = try cursor.readInstant()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: first)
      bytes.append(bigEndian: nextFloor)
      bytes.append(bigEndian: bytesBefore)
      bytes.append(until)
    }
  }
}

/// `meta` 0x23: from which entry on a topic's chunks lie in which bucket.
struct SegmentKey: StoredKey {
  static var family: KeyFamily { .segment }
  var topic: TopicNumber
  var first: UInt64

  init(topic: TopicNumber, first: UInt64) {
    self.topic = topic
    self.first = first
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    first = try cursor.readUInt64()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: first)
  }

  struct Value: StoredValue {
    static var version: UInt8 { 2 }

    var bucket: UInt32
    var started: UnixTime
    /// Record bytes of the topic before the segment. Version 1, which only a topic's first segment
    /// can have, ends before it.
    var bytesBefore: UInt64

    init(bucket: UInt32, started: UnixTime, bytesBefore: UInt64) {
      self.bucket = bucket
      self.started = started
      self.bytesBefore = bytesBefore
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      bucket = try cursor.readUInt32()
      started = try cursor.readInstant()
      bytesBefore = version >= 2 ? try cursor.readUInt64() : 0
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: bucket)
      bytes.append(started)
      bytes.append(bigEndian: bytesBefore)
    }
  }
}
