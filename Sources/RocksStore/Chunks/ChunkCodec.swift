import Bytes

/// Why a chunk cannot be read.
public enum ChunkFault: Error, Hashable, Sendable {
  /// Shorter than its header, or than its count says.
  case truncated
  case unknownVersion(UInt8)
  /// Flags that this program does not know: the chunk means more than it can read.
  case unknownFlags(UInt8)
  case unknownRecordFlags(UInt8)
  /// Bytes, or the key they lie under, are not those that were written.
  case checksum
  case malformedRecord
  /// The key is not one of this topic, or the chunk does not follow the one before it.
  case misplaced
  /// It lies in a block of a table that cannot be read.
  case unreadable
}

/// One chunk's value: a header and records (docs/log-format.md, "Chunk").
struct Chunk: Sendable {
  static let version: UInt8 = 1
  static let headerCount = 24
  /// A chunk is closed at this many events…
  static let maxEvents = 256
  /// … or this many bytes of records, but never before its first event.
  static let maxBytes = 256 << 10

  let count: Int
  let baseTime: UnixTime
  /// Record bytes of the topic before this chunk.
  let bytesBefore: UInt64
  var records: ByteSlice

  /// A chunk just written.
  init(count: Int, baseTime: UnixTime, bytesBefore: UInt64, records: ByteSlice) {
    self.count = count
    self.baseTime = baseTime
    self.bytesBefore = bytesBefore
    self.records = records
  }

  /// Reads a value found under `key`.
  init(_ value: ByteSlice, under key: EventKey) throws(ChunkFault) {
    guard value.count > Self.headerCount else { throw .truncated }
    guard value[0] == Self.version else { throw .unknownVersion(value[0]) }
    var check = ByteCursor(value[4..<8])
    guard (try? check.readUInt32()) == Self.checksum(of: value, under: key.bytes) else {
      throw .checksum
    }
    guard value[1] == 0 else { throw .unknownFlags(value[1]) }
    var cursor = ByteCursor(value)
    do {
      _ = try cursor.readUInt16()
      count = Int(try cursor.readUInt16())
      _ = try cursor.readUInt32()
      baseTime = try cursor.readInstant()
      bytesBefore = try cursor.readUInt64()
      records = try cursor.readRest()
    } catch {
      throw .truncated
    }
    guard count > 0, UInt64(count) - 1 <= key.last else { throw .truncated }
  }

  /// Sequence of the chunk's first event, when that of its last is `last`.
  func first(last: UInt64) -> UInt64 { last - UInt64(count - 1) }

  /// The check value of everything but the field that holds it.
  static func checksum(of value: ByteSlice, under key: [UInt8]) -> UInt32 {
    var crc = CRC32C()
    crc.update(key.span)
    crc.update(value[0..<4].span)
    crc.update(value.dropFirst(8).span)
    return crc.value
  }

  /// Calls `body` with each record from the `skip`-th on and its index, until it returns false.
  func forEach(
    skipping skip: Int = 0, _ body: (Int, EncodedRecord) throws(ChunkFault) -> Bool
  ) throws(ChunkFault) {
    var cursor = ByteCursor(records)
    for index in 0..<count {
      guard let bytes = try? cursor.readPrefixed() else { throw .malformedRecord }
      if index < skip { continue }
      if try !body(index, EncodedRecord(body: bytes)) { return }
    }
    guard cursor.isAtEnd else { throw .malformedRecord }
  }
}

/// The header of a chunk that is being written, and its key in front of it.
struct ChunkHeader {
  var key: EventKey
  var count: Int
  var baseTime: UnixTime
  var bytesBefore: UInt64

  /// Bytes of key and header together.
  static let byteCount = EventKey.byteCount + Chunk.headerCount

  /// Writes key and header, the checksum still zero.
  func write(into filler: inout ByteFiller) {
    filler.append(bigEndian: key.topic.tenant)
    filler.append(bigEndian: key.topic.topic)
    filler.append(bigEndian: key.last)
    filler.append(Chunk.version)
    filler.append(0)
    filler.append(bigEndian: UInt16(count))
    filler.append(bigEndian: UInt32(0))
    filler.append(bigEndian: UInt64(bitPattern: baseTime.nanoseconds))
    filler.append(bigEndian: bytesBefore)
  }

  /// Computes the checksum of a chunk that lies complete in `memory`, key first, and puts it in
  /// place.
  static func seal(_ memory: UnsafeMutableRawBufferPointer) {
    precondition(memory.count > byteCount, "a chunk without records")
    let field = EventKey.byteCount + 4
    var crc = CRC32C()
    // SAFETY: the ranges lie within `memory`, whose bytes up to its count are initialised.
    unsafe crc.update(
      UnsafeRawBufferPointer(rebasing: memory[..<field]).bindMemory(to: UInt8.self).span)
    unsafe crc.update(
      UnsafeRawBufferPointer(rebasing: memory[(field + 4)...]).bindMemory(to: UInt8.self).span)
    unsafe memory.storeBytes(of: crc.value.bigEndian, toByteOffset: field, as: UInt32.self)
  }
}
