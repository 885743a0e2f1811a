import Bytes
import Schemas
import Testing
import Topics

@testable import RocksStore

@Suite struct KeyTests {
  /// Numbers around every carry of their bytes.
  static let numbers: [UInt32] = [0, 1, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0xFFFF_FFFF]
  static let sequences: [UInt64] = [0, 1, 0xFF, 0x100, 0xFFFF_FFFF, 0x1_0000_0000, .max - 1, .max]
  static let names = ["", "a", "a.", "aa", "b"].map(ByteSlice.init(utf8:))

  @Test func `key families of one column family differ in their byte`() {
    let bytes = KeyFamily.allCases.map { ($0.isState ? 0x100 : 0) + Int($0.byte) }
    #expect(Set(bytes).count == KeyFamily.allCases.count)
  }

  /// Keys given in logical order: they read back, and their bytes are in the same order.
  func holds<Key: StoredKey>(_ keys: [Key]) {
    let bytes = keys.map { ByteSlice($0.bytes) }
    for (key, bytes) in zip(keys, bytes) {
      #expect(Key(key: bytes) == key)
      #expect(Key(key: bytes + [0]) != key)
      #expect(Key(key: bytes.prefix(bytes.count - 1)) != key)
    }
    for index in bytes.indices.dropFirst() { #expect(bytes[index - 1] < bytes[index]) }
  }

  @Test func `keys of numbers read back and sort as their fields`() {
    let topics = Self.numbers.flatMap { tenant in
      Self.numbers.map { TopicNumber(tenant: tenant, topic: $0) }
    }
    holds(Self.numbers.map(TenantKey.init(tenant:)))
    holds(Self.numbers.map(BucketKey.init(bucket:)))
    holds(topics.map(TopicKey.init(topic:)))
    holds(topics.map(TrimKey.init(topic:)))
    holds(topics.map(TopicBindingKey.init(topic:)))
    holds(topics.map { NamespaceKey(tenant: $0.tenant, namespace: $0.topic) })
    holds(topics.map { SchemaKey(tenant: $0.tenant, schema: $0.topic) })
    holds(topics.flatMap { t in Self.numbers.map { TopicSchemaKey(topic: t, version: $0) } })
    holds(
      topics.flatMap { t in
        Self.numbers.map { DocumentVersionKey(tenant: t.tenant, document: t.topic, version: $0) }
      })
    holds(topics.flatMap { t in Self.numbers.map { SubscriptionKey(topic: t, subscription: $0) } })
    holds(topics.flatMap { t in Self.numbers.map { CursorKey(topic: t, subscription: $0) } })
    holds(topics.flatMap { t in Self.sequences.map { SegmentKey(topic: t, first: $0) } })
    holds(
      topics.flatMap { t in
        Self.sequences.map { AckChunkKey(topic: t, subscription: 5, chunk: $0) }
      })
    let events = topics.flatMap { t in Self.sequences.map { EventKey(topic: t, last: $0) } }
    let bytes = events.map { ByteSlice($0.bytes) }
    for (event, bytes) in zip(events, bytes) { #expect(EventKey(bytes) == event) }
    for index in bytes.indices.dropFirst() { #expect(bytes[index - 1] < bytes[index]) }
  }

  @Test func `keys of names read back and sort as number, then bytes`() {
    #expect(
      TenantNameKey(key: ByteSlice(TenantNameKey(name: Self.names[2]).bytes))?.name.text == "a.")
    for number in Self.numbers {
      let topic = TopicNumber(tenant: 3, topic: number)
      let named = Self.names.map { TopicNameKey(tenant: 3, namespace: number, name: $0).bytes }
      let documents = Self.names.map { DocumentKey(tenant: 3, namespace: number, name: $0).bytes }
      for index in named.indices.dropFirst() {
        #expect(ByteSlice(documents[index - 1]) < ByteSlice(documents[index]))
        #expect(ByteSlice(named[index - 1]) < ByteSlice(named[index]))
      }
      for name in Self.names {
        let keys = (
          NamespaceNameKey(tenant: number, name: name),
          SubscriptionNameKey(topic: topic, name: name),
          TopicNameKey(tenant: 3, namespace: number, name: name)
        )
        #expect(NamespaceNameKey(key: ByteSlice(keys.0.bytes)) == keys.0)
        #expect(SubscriptionNameKey(key: ByteSlice(keys.1.bytes)) == keys.1)
        #expect(TopicNameKey(key: ByteSlice(keys.2.bytes)) == keys.2)
      }
    }
  }

  @Test func `no range of one topic reaches into another's`() {
    for left in Self.numbers {
      for right in Self.numbers where left != right {
        let (left, right) = (
          TopicNumber(tenant: left, topic: right), TopicNumber(tenant: right, topic: left)
        )
        let lower = EventKey(topic: left, last: 0).bytes
        let upper = EventKey(topic: left, last: .max).bytes + [0]
        let other = EventKey(topic: right, last: 77).bytes
        #expect(
          ByteSlice(other) < ByteSlice(lower) || !(ByteSlice(other) < ByteSlice(upper)))
      }
    }
  }

  func roundTrip<Value: StoredValue>(_ value: Value, _ family: KeyFamily) throws {
    let bytes = value.bytes
    #expect(try Value(value: ByteSlice(bytes), in: family) == value)
    #expect(throws: StoreFault.unknownVersion(family: family.byte, version: 9)) {
      try Value(value: ByteSlice([9] + bytes.dropFirst()), in: family)
    }
    for count in 0..<bytes.count where !(family == .ackChunk && count > 0) {
      #expect(throws: StoreFault.corruptRecord(family: family.byte)) {
        try Value(value: ByteSlice(bytes.prefix(count)), in: family)
      }
    }
  }

  @Test func `values read back; other versions and every truncation are refused by type`() throws {
    let time = UnixTime(seconds: 1_700_000_000)
    let text = ByteSlice(utf8: "orders")
    try roundTrip(
      FormatKey.Value(
        writer: 1, oldestReader: 1, store: ByteSlice(Array(repeating: 7, count: 16)),
        created: time), .format)
    try roundTrip(CountersKey.Value(nextTenant: 9, nextBucket: 2), .counters)
    try roundTrip(
      TenantKey.Value(nextNamespace: 2, nextTopic: 3, nextSchema: 4, name: text), .tenant)
    try roundTrip(NumberValue(77), .tenantName)
    try roundTrip(NamespaceKey.Value(name: text, policy: ByteSlice([1, 0, 0, 0, 0])), .namespace)
    try roundTrip(
      TopicKey.Value(
        state: .live, namespace: 1, incarnation: 2, nextSubscription: 3, created: time,
        schemaVersion: 4, nextSchemaVersion: 5, name: text, configuration: text), .topic)
    try roundTrip(TopicNameKey.Value(state: .deleted, topic: 8, incarnation: 3), .topicName)
    try roundTrip(
      TrimKey.Value(first: 5, nextFloor: 9, bytesBefore: 1000, until: time), .trim)
    let segment = SegmentKey.Value(bucket: 1, started: time, bytesBefore: 7)
    try roundTrip(segment, .segment)
    // Version 1 ends before the last field.
    var old = segment.bytes.dropLast(8)
    old[0] = 1
    #expect(
      try SegmentKey.Value(value: ByteSlice(Array(old)), in: .segment)
        == SegmentKey.Value(bucket: 1, started: time, bytesBefore: 0))
    try roundTrip(
      SchemaKey.Value(
        type: .pulsarJSON, dialect: .draft07, formats: .annotate, fingerprint: text, text: text,
        properties: [SchemaProperty(key: text, value: .empty)]),
      .schema)
    try roundTrip(
      TopicSchemaKey.Value(
        state: .deprecated, schema: 3, registered: time, changed: time, usedUntil: 7,
        subject: .topic, author: text,
        references: [SchemaPin(uri: text, document: text, version: 2)],
        notice: SchemaNotice(reason: text, sunset: time), isOverridden: true), .topicSchema)
    try roundTrip(
      TopicBindingKey.Value(
        revision: 9, defaults: [TopicBindingKey.Value.Pointer(subject: .topic, version: 2)],
        terms: text), .topicBinding)
    try roundTrip(DocumentKey.Value(number: 3, lastVersion: 4, chosen: 2), .document)
    for dialect in [nil, SchemaDialect.draft07, .draft202012] {
      try roundTrip(
        DocumentVersionKey.Value(
          state: .deprecated, registered: time, changed: time, dialect: dialect, uri: text,
          fingerprint: text,
          author: text, identifiers: [text, .empty], targets: [text], text: text),
        .documentVersion)
    }
    try roundTrip(
      BucketKey.Value(retentionClass: .bounded, state: .sealed, opened: time), .bucket)
    try roundTrip(
      WatermarkKey.Value(
        commit: 12, clock: time, extent: StoreExtent(events: 3, catalogue: 4)), .watermark)
    try roundTrip(LongNumberValue(78), .revision)
    try roundTrip(CursorKey.Value(ledger: 1, next: 2, epoch: 3), .cursor)
    try roundTrip(AckChunkKey.Value(text), .ackChunk)
  }

  @Test func `documents are written as older programs read them while those know all there is`()
    throws
  {
    let (time, later) = (UnixTime(seconds: 1_700_000_000), UnixTime(seconds: 1_800_000_000))
    let text = ByteSlice(utf8: "money")
    for (number, chosen, version) in [(3, 0, 1), (3, 2, 2), (0, 0, 2)] as [(UInt32, UInt32, UInt8)]
    {
      let value = DocumentKey.Value(number: number, lastVersion: 4, chosen: chosen)
      #expect(value.bytes[0] == version)
      try roundTrip(value, .document)
    }
    for (state, changed, version) in [
      (.active, time, 1), (.active, later, 2), (.deleted, later, 2), (.deprecated, time, 2),
    ] as [(SchemaState, UnixTime, UInt8)] {
      let value = DocumentVersionKey.Value(
        state: state, registered: time, changed: changed, dialect: nil, uri: text,
        fingerprint: text, author: text, identifiers: [], targets: [text], text: text)
      #expect(value.bytes[0] == version)
      try roundTrip(value, .documentVersion)
    }
  }

  @Test func `subscriptions read back, those of version 1 too`() throws {
    let time = UnixTime(seconds: 1_700_000_000)
    let text = ByteSlice(utf8: "orders")
    let terms = SubscriptionTerms(kind: .keyShared, ackTimeout: .seconds(30), maxUnacked: 1000)
    for holder in [nil, text] {
      try roundTrip(
        SubscriptionKey.Value(
          state: .live, created: time, name: text, terms: terms, holder: holder, creator: text),
        .subscription)
    }
    // Version 1 knew neither holder nor creator.
    let own = SubscriptionKey.Value(state: .live, created: time, name: text, terms: terms)
    var first = Array(own.bytes.dropLast(2))
    first[0] = 1
    #expect(try SubscriptionKey.Value(value: ByteSlice(first), in: .subscription) == own)
  }

  @Test func `schemas written by version 1 are read`() throws {
    let time = UnixTime(seconds: 1_700_000_000)
    var row = ByteWriter()
    row.append([1, 2])
    row.append(bigEndian: UInt32(7))
    row.append(time)
    let value = try TopicSchemaKey.Value(value: row.slice, in: .topicSchema)
    #expect(
      value
        == TopicSchemaKey.Value(
          state: .deleted, schema: 7, registered: time, changed: time, usedUntil: .max,
          subject: .topic, author: .empty, references: []))
    var text = ByteWriter()
    text.append([1, 2, 1])
    text.append(prefixed: ByteSlice(utf8: "sha256:0"))
    text.append(prefixed: ByteSlice(utf8: "{}"))
    let schema = try SchemaKey.Value(value: text.slice, in: .schema)
    #expect(schema.type == .json && schema.dialect == .draft202012)
    #expect(schema.text.text == "{}" && schema.fingerprint.text == "sha256:0")
  }

  @Test func `a schema's text written by version 2 has no properties`() throws {
    var text = ByteWriter()
    text.append([2, 2, 1])
    text.append(prefixed: ByteSlice(utf8: "sha256:0"))
    text.append(prefixed: ByteSlice(utf8: "{}"))
    text.append([2])
    let schema = try SchemaKey.Value(value: text.slice, in: .schema)
    #expect(schema.type == .pulsarJSON && schema.properties.isEmpty)
  }

  @Test func `bindings read back in every combination`() throws {
    let rules: [SchemaBindingTerms.Rule] = [
      SchemaBindingTerms.Rule(type: ByteSlice(utf8: "a.*"), subject: .topic),
      SchemaBindingTerms.Rule(
        type: ByteSlice(utf8: "b"), subject: .topic, versions: SchemaVersionRange(first: 2),
        enforcement: .quarantine),
    ]
    for unmatched in SchemaBindingTerms.Unmatched.allCases {
      for enforcement in SchemaEnforcement.allCases {
        for lint in SchemaLintMode.allCases {
          for (quarantine, rules) in [(nil, []), (try name("dead"), rules)] {
            let terms = SchemaBindingTerms(
              rules: rules, unmatched: unmatched, enforcement: enforcement,
              quarantine: quarantine, lint: lint)
            let bytes = BindingCoding.encode(terms)
            #expect(try BindingCoding.terms(bytes) == terms)
            for count in 1..<bytes.count {
              #expect(throws: StoreFault.self) { try BindingCoding.terms(bytes.prefix(count)) }
            }
          }
        }
      }
    }
    #expect(try BindingCoding.terms(.empty) == nil)
  }

  @Test func `policies read back in every combination`() throws {
    let retentions: [Retention?] = [
      nil, Retention(), Retention(age: .seconds(60)), Retention(bytes: 9),
      Retention(age: .zero, bytes: .max),
    ]
    for retention in retentions {
      for flag in [nil, false, true] {
        let configuration = TopicConfiguration(retention: retention, requireSchema: flag)
        #expect(
          try PolicyCoding.configuration(PolicyCoding.encode(configuration)) == configuration)
        for compatibility in [nil] + Compatibility.allCases.map(Optional.some) {
          for evolution in [nil, EvolutionPolicy.evolution, .strict] {
            let policy = NamespacePolicy(
              retention: retention, requireSchema: nil, autoCreate: flag,
              compatibility: compatibility, evolution: evolution)
            #expect(try PolicyCoding.policy(PolicyCoding.encode(policy)) == policy)
            let configuration = TopicConfiguration(
              retention: retention, requireSchema: flag, compatibility: compatibility,
              evolution: evolution)
            #expect(
              try PolicyCoding.configuration(PolicyCoding.encode(configuration)) == configuration)
          }
        }
      }
    }
    // Version 1: without the fields behind.
    #expect(
      try PolicyCoding.policy(ByteSlice([1, 0, 0, 0, 2]))
        == NamespacePolicy(compatibility: Compatibility.none))
    #expect(
      try PolicyCoding.configuration(ByteSlice([1, 0, 2]))
        == TopicConfiguration(requireSchema: true))
    #expect(throws: StoreFault.self) { try PolicyCoding.policy(ByteSlice([2, 0, 0, 0, 0])) }
  }
}

private func + (left: ByteSlice, right: [UInt8]) -> ByteSlice { ByteSlice(left.array + right) }
