import Bytes
import Schemas

/// `meta` 0x30: the text of a schema.
struct SchemaKey: StoredKey {
  static var family: KeyFamily { .schema }
  var tenant: UInt32
  var schema: UInt32

  init(tenant: UInt32, schema: UInt32) {
    self.tenant = tenant
    self.schema = schema
  }

  init(from cursor: inout ByteCursor) throws {
    tenant = try cursor.readUInt32()
    schema = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(bigEndian: schema)
  }

  struct Value: StoredValue {
    static var version: UInt8 { 3 }

    /// JSON Schema where version 1 was read.
    var type: SchemaType
    var dialect: SchemaDialect
    var formats: FormatMode
    var fingerprint: ByteSlice
    var text: ByteSlice
    /// None where version 1 or 2 was read.
    var properties: [SchemaProperty]

    init(
      type: SchemaType, dialect: SchemaDialect, formats: FormatMode, fingerprint: ByteSlice,
      text: ByteSlice, properties: [SchemaProperty] = []
    ) {
      self.type = type
      self.dialect = dialect
      self.formats = formats
      self.fingerprint = fingerprint
      self.text = text
      self.properties = properties
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      switch try cursor.readByte() {
      case 1: dialect = .draft07
      case 2: dialect = .draft202012
      default: throw MalformedRecord()
      }
      switch try cursor.readByte() {
      case 1: formats = .assert
      case 2: formats = .annotate
      default: throw MalformedRecord()
      }
      fingerprint = try cursor.readPrefixed()
      text = try cursor.readPrefixed()
      type = .json
      properties = []
      guard version >= 2 else { return }
      guard let type = SchemaType(rawValue: try cursor.readByte()) else { throw MalformedRecord() }
      self.type = type
      guard version >= 3 else { return }
      let count = try cursor.readVarint()
      guard count <= UInt64(SchemaLimits.properties) else { throw MalformedRecord() }
      for _ in 0..<count {
        properties.append(
          SchemaProperty(key: try cursor.readPrefixed(), value: try cursor.readPrefixed()))
      }
    }

    func append(to bytes: inout ByteWriter) {
      let dialectByte: UInt8 =
        switch dialect {
        case .draft07: 1
        case .draft202012: 2
        }
      let formatsByte: UInt8 =
        switch formats {
        case .assert: 1
        case .annotate: 2
        }
      bytes.append(dialectByte)
      bytes.append(formatsByte)
      bytes.append(prefixed: fingerprint)
      bytes.append(prefixed: text)
      bytes.append(type.rawValue)
      bytes.append(varint: UInt64(properties.count))
      for property in properties {
        bytes.append(prefixed: property.key)
        bytes.append(prefixed: property.value)
      }
    }
  }
}
