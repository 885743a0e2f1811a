import Bytes
import Testing
import Topics

@testable import RocksStore

@Suite struct ChunkTests {
  static let key = EventKey(topic: TopicNumber(tenant: 3, topic: 9), last: 12)

  static func records() -> [EncodedRecord] {
    [
      EncodedRecord(
        isJSON: true, schemaVersion: 0, attributes: .empty, key: nil,
        payload: ByteSlice(utf8: "{}")),
      EncodedRecord(
        isJSON: false, schemaVersion: 300, attributes: ByteSlice(utf8: "attrs"),
        key: ByteSlice(utf8: "k"), payload: .empty),
      EncodedRecord(
        isJSON: true, schemaVersion: .max, attributes: ByteSlice(utf8: "a"), key: .empty,
        payload: ByteSlice(Array(repeating: 0x61, count: 300))),
    ]
  }

  /// Key and value as the committer lays them out.
  static func encode(_ records: [EncodedRecord], key: EventKey = key) -> [UInt8] {
    var buffer = ByteBuffer()
    let size = ChunkHeader.byteCount + records.reduce(0) { $0 + $1.byteCount }
    _ = unsafe buffer.appendUnsafe(room: size) { memory in
      let chunk = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
      var filler = unsafe ByteFiller(chunk)
      ChunkHeader(
        key: key, count: records.count, baseTime: UnixTime(seconds: 5), bytesBefore: 777
      ).write(into: &filler)
      for record in records { record.write(into: &filler) }
      unsafe ChunkHeader.seal(chunk)
      return filler.count
    }
    return buffer.contents.array
  }

  static func read(_ bytes: [UInt8]) throws -> [EncodedRecord] {
    let bytes = ByteSlice(bytes)
    guard let key = EventKey(bytes.prefix(EventKey.byteCount)) else {
      throw ChunkFault.misplaced
    }
    let chunk = try Chunk(bytes.dropFirst(EventKey.byteCount), under: key)
    #expect(chunk.baseTime == UnixTime(seconds: 5))
    #expect(chunk.bytesBefore == 777)
    var found: [EncodedRecord] = []
    try chunk.forEach { (_, record) throws(ChunkFault) in
      found.append(record)
      return true
    }
    return found
  }

  @Test func `records read back as they were written`() throws {
    let records = Self.records()
    let found = try Self.read(Self.encode(records))
    #expect(found.count == 3)
    for (left, right) in zip(records, found) {
      #expect(left.flags == right.flags)
      #expect(left.keyHash == right.keyHash)
      #expect(left.schemaVersion == right.schemaVersion)
      #expect(left.attributes == right.attributes)
      #expect(left.key == right.key)
      #expect(left.payload == right.payload)
    }
  }

  @Test func `every flipped bit of key and value is noticed`() {
    let good = Self.encode(Self.records())
    for index in good.indices {
      for bit in 0..<8 {
        var bad = good
        bad[index] ^= 1 << UInt8(bit)
        #expect(throws: ChunkFault.self, "byte \(index), bit \(bit)") { try Self.read(bad) }
      }
    }
  }

  @Test func `every truncation is noticed`() {
    let good = Self.encode(Self.records())
    for count in EventKey.byteCount..<good.count {
      #expect(throws: ChunkFault.self) { try Self.read(Array(good[..<count])) }
    }
    #expect(throws: ChunkFault.checksum) { try Self.read(good + [0]) }
  }

  @Test func `what a newer program wrote is refused by name`() {
    var newer = Self.encode(Self.records())
    newer[16] = 2
    #expect(throws: ChunkFault.unknownVersion(2)) { try Self.read(newer) }
    var flagged = Self.encode(Self.records())
    flagged[17] = 1
    Self.reseal(&flagged)
    #expect(throws: ChunkFault.unknownFlags(1)) { try Self.read(flagged) }
    var reserved = Self.encode(Self.records())
    reserved[ChunkHeader.byteCount + 1] |= 0x08
    Self.reseal(&reserved)
    #expect(throws: ChunkFault.unknownRecordFlags(0x09)) { try Self.read(reserved) }
  }

  @Test func `counts and lengths that lie are malformed, not trusted`() {
    for count in [0, 1, 2, 4, 13, 14, 0xFFFF] {
      var bad = Self.encode(Self.records())
      bad[18] = UInt8(count >> 8)
      bad[19] = UInt8(count & 0xFF)
      Self.reseal(&bad)
      #expect(throws: ChunkFault.self, "count \(count)") { try Self.read(bad) }
    }
    for length in 0..<128 where length != 5 {
      var bad = Self.encode(Self.records())
      bad[ChunkHeader.byteCount] = UInt8(length)
      Self.reseal(&bad)
      #expect(throws: ChunkFault.self, "length \(length)") { try Self.read(bad) }
    }
  }

  static func reseal(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { unsafe ChunkHeader.seal($0) }
  }

  @Test func `the key hash is Murmur3 with its published values`() {
    let vectors: [(String, UInt32)] = [
      ("", 0), ("test", 0xBA6B_D213), ("Hello, world!", 0xC036_3E43),
      ("The quick brown fox jumps over the lazy dog", 0x2E4F_F723),
    ]
    for (text, hash) in vectors { #expect(KeyHash.murmur3(ByteSlice(utf8: text)) == hash) }
  }

  @Test func `a varint's length is what it takes`() {
    for shift in 0..<64 {
      for value in [UInt64(1) << UInt64(shift), UInt64(1) << UInt64(shift) &- 1] {
        var writer = ByteWriter()
        writer.append(varint: value)
        #expect(ByteFiller.varintCount(value) == writer.count)
      }
    }
  }
}

/// A record made of its parts: what no gate would let pass, too.
extension EncodedRecord {
  fileprivate init(
    isJSON: Bool, schemaVersion: UInt32, attributes: ByteSlice, key: ByteSlice?,
    payload: ByteSlice
  ) {
    self.init(
      flags: Self.flags(isJSON: isJSON, hasKey: key != nil),
      keyHash: key.map(KeyHash.murmur3) ?? 0, schemaVersion: schemaVersion,
      attributes: attributes, key: key, payload: payload)
  }

  fileprivate var byteCount: Int {
    Self.byteCount(
      schemaVersion: schemaVersion, attributes: attributes, key: key, payload: payload)
  }

  fileprivate func write(into filler: inout ByteFiller) {
    Self.write(
      flags: flags, keyHash: keyHash, schemaVersion: schemaVersion, attributes: attributes,
      key: key, payload: payload, into: &filler)
  }
}
