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
    var dialect: SchemaDialect
    var formats: FormatMode
    var fingerprint: ByteSlice
    var text: ByteSlice

    init(dialect: SchemaDialect, formats: FormatMode, fingerprint: ByteSlice, text: ByteSlice) {
      self.dialect = dialect
      self.formats = formats
      self.fingerprint = fingerprint
      self.text = text
    }

    init(from cursor: inout ByteCursor) throws {
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
    }
  }
}

/// `meta` 0x32: which schema is a topic's version. Deleted ones stay: stored events name them.
struct TopicSchemaKey: StoredKey {
  static var family: KeyFamily { .topicSchema }
  var topic: TopicNumber
  var version: UInt32

  init(topic: TopicNumber, version: UInt32) {
    self.topic = topic
    self.version = version
  }

  init(from cursor: inout ByteCursor) throws {
    topic = try TopicNumber(from: &cursor)
    version = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    topic.append(to: &writer)
    writer.append(bigEndian: version)
  }

  struct Value: StoredValue {
    var state: LifeState
    var schema: UInt32
    var registered: UnixTime

    init(state: LifeState, schema: UInt32, registered: UnixTime) {
      self.state = state
      self.schema = schema
      self.registered = registered
    }

    init(from cursor: inout ByteCursor) throws {
      state = try LifeState(from: &cursor)
      schema = try cursor.readUInt32()
      registered = try cursor.readInstant()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(state.rawValue)
      bytes.append(bigEndian: schema)
      bytes.append(registered)
    }
  }
}
