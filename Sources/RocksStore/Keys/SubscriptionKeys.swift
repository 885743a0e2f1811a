import Bytes
import Topics

/// `meta` 0x40: one subscription.
struct SubscriptionKey: StoredKey {
  static var family: KeyFamily { .subscription }
  var topic: TopicNumber
  var subscription: UInt32

  init(topic: TopicNumber, subscription: UInt32) {
    self.topic = topic
    self.subscription = subscription
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    subscription = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: subscription)
  }

  struct Value: StoredValue {
    static var version: UInt8 { 2 }

    var state: LifeState
    var created: UnixTime
    var name: ByteSlice
    var terms: SubscriptionTerms
    /// The tenant that holds it, where that is not the topic's own. Version 1: nil.
    var holder: ByteSlice?
    /// Version 1: empty.
    var creator: ByteSlice

    init(
      state: LifeState, created: UnixTime, name: ByteSlice, terms: SubscriptionTerms,
      holder: ByteSlice? = nil, creator: ByteSlice = .empty
    ) {
      self.state = state
      self.created = created
      self.name = name
      self.terms = terms
      self.holder = holder
      self.creator = creator
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      state = try LifeState(from: &cursor)
      created = try cursor.readInstant()
      name = try cursor.readPrefixed()
      guard let kind = SubscriptionKind(rawValue: try cursor.readByte()) else {
        throw MalformedRecord()
      }
      let ackTimeout = TimeSpan(nanoseconds: Int64(bitPattern: try cursor.readUInt64()))
      let maxUnacked = Int(try cursor.readUInt32())
      terms = SubscriptionTerms(kind: kind, ackTimeout: ackTimeout, maxUnacked: maxUnacked)
      guard version >= 2 else {
        creator = .empty
        return
      }
      let holder = try cursor.readPrefixed()
      self.holder = holder.isEmpty ? nil : holder
      creator = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(state.rawValue)
      bytes.append(created)
      bytes.append(prefixed: name)
      bytes.append(terms.kind.rawValue)
      bytes.append(bigEndian: UInt64(bitPattern: terms.ackTimeout.nanoseconds))
      bytes.append(bigEndian: UInt32(clamping: terms.maxUnacked))
      bytes.append(prefixed: holder ?? .empty)
      bytes.append(prefixed: creator)
    }
  }
}

/// `meta` 0x41: a live subscription's number by its name, behind `holder/` where another tenant
/// than the topic's holds it.
struct SubscriptionNameKey: StoredKey {
  static var family: KeyFamily { .subscriptionName }
  var topic: TopicNumber
  var name: ByteSlice

  init(topic: TopicNumber, name: ByteSlice) {
    self.topic = topic
    self.name = name
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    name = try cursor.readRest()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(name)
  }

  typealias Value = NumberValue
}

/// `state` 0x10: how far a subscription has come.
struct CursorKey: StoredKey {
  static var family: KeyFamily { .cursor }
  var topic: TopicNumber
  var subscription: UInt32

  init(topic: TopicNumber, subscription: UInt32) {
    self.topic = topic
    self.subscription = subscription
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    subscription = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: subscription)
  }

  struct Value: StoredValue {
    var ledger: UInt64
    /// Every entry below is acknowledged.
    var next: UInt64
    /// How often the subscription was sought.
    var epoch: UInt64

    init(ledger: UInt64, next: UInt64, epoch: UInt64) {
      self.ledger = ledger
      self.next = next
      self.epoch = epoch
    }

    init(from cursor: inout ByteCursor) throws {
      ledger = try cursor.readUInt64()
      next = try cursor.readUInt64()
      epoch = try cursor.readUInt64()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: ledger)
      bytes.append(bigEndian: next)
      bytes.append(bigEndian: epoch)
    }
  }
}

/// `state` 0x11: acknowledgements of 4096 entries beyond the cursor; the bytes are
/// `Subscriptions`'.
struct AckChunkKey: StoredKey {
  static var family: KeyFamily { .ackChunk }
  var topic: TopicNumber
  var subscription: UInt32
  var chunk: UInt64

  init(topic: TopicNumber, subscription: UInt32, chunk: UInt64) {
    self.topic = topic
    self.subscription = subscription
    self.chunk = chunk
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    subscription = try cursor.readUInt32()
    chunk = try cursor.readUInt64()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: subscription)
    writer.append(bigEndian: chunk)
  }

  struct Value: StoredValue {
    var acks: ByteSlice

    init(_ acks: ByteSlice) { self.acks = acks }
    init(from cursor: inout ByteCursor) throws { acks = try cursor.readRest() }
    func append(to writer: inout ByteWriter) { writer.append(acks) }
  }
}
