import Bytes
import Schemas
import Topics

/// The stored forms of what owners of topics and namespaces set (docs/log-format.md, "Policies").
enum PolicyCoding {
  /// Version 1 ends before what version 2 has behind it.
  private static let version: UInt8 = 2

  static func encode(_ configuration: TopicConfiguration) -> ByteSlice {
    var writer = ByteWriter(capacity: 24)
    writer.append(version)
    append(configuration.retention, to: &writer)
    append(configuration.requireSchema, to: &writer)
    writer.append(configuration.compatibility.map { $0.rawValue + 1 } ?? 0)
    writer.append(configuration.evolution.map { $0.rawValue + 1 } ?? 0)
    return writer.slice
  }

  static func configuration(_ bytes: ByteSlice) throws(StoreFault) -> TopicConfiguration {
    do {
      let (version, rest) = try opened(bytes)
      var cursor = rest
      var configuration = TopicConfiguration(
        retention: try readRetention(&cursor), requireSchema: try readSwitch(&cursor))
      if version == 1 { return configuration }
      configuration.compatibility = try readCompatibility(&cursor)
      configuration.evolution = try readEvolution(&cursor)
      return configuration
    } catch {
      throw .corruptRecord(family: KeyFamily.topic.byte)
    }
  }

  static func encode(_ policy: NamespacePolicy) -> ByteSlice {
    var writer = ByteWriter(capacity: 24)
    writer.append(version)
    append(policy.retention, to: &writer)
    append(policy.requireSchema, to: &writer)
    append(policy.autoCreate, to: &writer)
    writer.append(policy.compatibility.map { $0.rawValue + 1 } ?? 0)
    writer.append(policy.evolution.map { $0.rawValue + 1 } ?? 0)
    return writer.slice
  }

  /// Nil for the empty encoding: no policy is set.
  static func policy(_ bytes: ByteSlice) throws(StoreFault) -> NamespacePolicy? {
    if bytes.isEmpty { return nil }
    do {
      let (version, rest) = try opened(bytes)
      var cursor = rest
      let retention = try readRetention(&cursor)
      let requireSchema = try readSwitch(&cursor)
      let autoCreate = try readSwitch(&cursor)
      let compatibility = try readCompatibility(&cursor)
      let evolution = version == 1 ? nil : try readEvolution(&cursor)
      return NamespacePolicy(
        retention: retention, requireSchema: requireSchema, autoCreate: autoCreate,
        compatibility: compatibility, evolution: evolution)
    } catch {
      throw .corruptRecord(family: KeyFamily.namespace.byte)
    }
  }

  private static func opened(_ bytes: ByteSlice) throws -> (version: UInt8, rest: ByteCursor) {
    var cursor = ByteCursor(bytes)
    let version = try cursor.readByte()
    guard version == 1 || version == Self.version else { throw MalformedRecord() }
    return (version, cursor)
  }

  private static func readCompatibility(_ cursor: inout ByteCursor) throws -> Compatibility? {
    let raw = try cursor.readByte()
    if raw == 0 { return nil }
    guard let level = Compatibility(rawValue: raw - 1) else { throw MalformedRecord() }
    return level
  }

  private static func readEvolution(_ cursor: inout ByteCursor) throws -> EvolutionPolicy? {
    let raw = try cursor.readByte()
    if raw == 0 { return nil }
    guard let policy = EvolutionPolicy(rawValue: raw - 1) else { throw MalformedRecord() }
    return policy
  }

  private static func append(_ value: Bool?, to writer: inout ByteWriter) {
    writer.append(value.map { $0 ? 2 : 1 } ?? 0)
  }

  private static func readSwitch(_ cursor: inout ByteCursor) throws -> Bool? {
    switch try cursor.readByte() {
    case 0: nil
    case 1: false
    case 2: true
    default: throw MalformedRecord()
    }
  }

  private static func append(_ retention: Retention?, to writer: inout ByteWriter) {
    guard let retention else { return writer.append(UInt8(0)) }
    writer.append(1 | (retention.age == nil ? 0 : 2) | (retention.bytes == nil ? 0 : 4))
    if let age = retention.age { writer.append(bigEndian: UInt64(bitPattern: age.nanoseconds)) }
    if let bytes = retention.bytes { writer.append(bigEndian: bytes) }
  }

  private static func readRetention(_ cursor: inout ByteCursor) throws -> Retention? {
    let flags = try cursor.readByte()
    if flags == 0 { return nil }
    guard flags & 1 == 1, flags < 8 else { throw MalformedRecord() }
    let age =
      flags & 2 == 0
      ? nil : TimeSpan(nanoseconds: Int64(bitPattern: try cursor.readUInt64()))
    let bytes = flags & 4 == 0 ? nil : try cursor.readUInt64()
    return Retention(age: age, bytes: bytes)
  }
}
