import Bytes
import Events
import Schemas
import Topics

/// One event's bytes inside a chunk (docs/log-format.md, "Record").
struct EncodedRecord: Sendable {
  static let jsonFlag: UInt8 = 0x01
  static let keyFlag: UInt8 = 0x02
  /// What this program can read; the others are reserved.
  static let knownFlags: UInt8 = 0x03

  var flags: UInt8
  var keyHash: UInt32
  var schemaVersion: UInt32
  var attributes: ByteSlice
  var key: ByteSlice?
  var payload: ByteSlice
}

extension EncodedRecord {
  /// Reads one record's body, its length prefix already taken off.
  init(body: ByteSlice) throws(ChunkFault) {
    var cursor = ByteCursor(body)
    do {
      let flags = try cursor.readByte()
      guard flags & ~Self.knownFlags == 0 else { throw ChunkFault.unknownRecordFlags(flags) }
      let hasKey = flags & Self.keyFlag != 0
      self.flags = flags
      keyHash = hasKey ? try cursor.readUInt32() : 0
      let version = try cursor.readVarint()
      guard version <= UInt64(UInt32.max) else { throw ChunkFault.malformedRecord }
      schemaVersion = UInt32(version)
      attributes = try cursor.readPrefixed()
      key = hasKey ? try cursor.readPrefixed() : nil
      payload = try cursor.readSlice(cursor.remaining)
    } catch let fault as ChunkFault {
      throw fault
    } catch {
      throw .malformedRecord
    }
  }

  /// The record as readers get it.
  func record(id: MessageID, publishTime: UnixTime, durableAt: MonotonicTime?) -> Record {
    Record(
      id: id, publishTime: publishTime, schemaVersion: schemaVersion,
      flags: flags & Self.jsonFlag != 0 ? .jsonPayload : [],
      attributes: Attributes(encoded: attributes), key: key, payload: payload,
      durableAt: durableAt)
  }
}

// MARK: - Writing

/// Records are written from an event's parts where these lie: an `EncodedRecord` of them would
/// count what each refers to.
extension EncodedRecord {
  private static func bodyCount(
    schemaVersion: UInt32, attributes: ByteSlice, key: ByteSlice?, payload: ByteSlice
  ) -> Int {
    var count = 1 + ByteFiller.varintCount(UInt64(schemaVersion))
    count += ByteFiller.varintCount(UInt64(attributes.count)) + attributes.count
    if let key { count += 4 + ByteFiller.varintCount(UInt64(key.count)) + key.count }
    return count + payload.count
  }

  /// Length of the record of these parts with its length prefix, in bytes.
  static func byteCount(
    schemaVersion: UInt32, attributes: ByteSlice, key: ByteSlice?, payload: ByteSlice
  ) -> Int {
    let body = bodyCount(
      schemaVersion: schemaVersion, attributes: attributes, key: key, payload: payload)
    return ByteFiller.varintCount(UInt64(body)) + body
  }

  /// Writes the record of these parts; exactly `byteCount` bytes.
  ///
  /// - Parameter keyHash: not written without a key.
  static func write(
    flags: UInt8, keyHash: UInt32, schemaVersion: UInt32, attributes: ByteSlice, key: ByteSlice?,
    payload: ByteSlice, into filler: inout ByteFiller
  ) {
    filler.append(
      varint: UInt64(
        bodyCount(
          schemaVersion: schemaVersion, attributes: attributes, key: key, payload: payload)))
    filler.append(flags)
    if key != nil { filler.append(bigEndian: keyHash) }
    filler.append(varint: UInt64(schemaVersion))
    filler.append(varint: UInt64(attributes.count))
    filler.append(attributes)
    if let key {
      filler.append(varint: UInt64(key.count))
      filler.append(key)
    }
    filler.append(payload)
  }

  /// Length of an event's record with its length prefix, in bytes.
  static func byteCount(of event: borrowing ConformingEvent) -> Int {
    byteCount(
      schemaVersion: event.schemaVersion, attributes: event.draft.attributes.encoded,
      key: event.draft.key, payload: event.draft.payload)
  }

  /// Writes an event's record; exactly `byteCount(of:)` bytes.
  static func write(_ event: borrowing ConformingEvent, into filler: inout ByteFiller) {
    let isJSON = event.draft.payloadKind == .json
    write(
      flags: flags(isJSON: isJSON, hasKey: event.draft.key != nil),
      keyHash: event.draft.key.map(KeyHash.murmur3) ?? 0, schemaVersion: event.schemaVersion,
      attributes: event.draft.attributes.encoded, key: event.draft.key,
      payload: event.draft.payload, into: &filler)
  }

  static func flags(isJSON: Bool, hasKey: Bool) -> UInt8 {
    (isJSON ? jsonFlag : 0) | (hasKey ? keyFlag : 0)
  }
}
