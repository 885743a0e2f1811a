import Bytes
import Schemas

/// `meta` 0x38: a schema document's number by its name. Under the empty name stands, as its last
/// version, the highest version of a document of the namespace that went for good.
struct DocumentKey: NamedInNamespace {
  static var family: KeyFamily { .document }
  var tenant: UInt32
  var namespace: UInt32
  /// As `DocumentName`: its parts with their slashes.
  var name: ByteSlice

  init(tenant: UInt32, namespace: UInt32, name: ByteSlice) {
    self.tenant = tenant
    self.namespace = namespace
    self.name = name
  }

  struct Value: StoredValue {
    static var version: UInt8 { 2 }
    /// To a reader of version 1 a name without a document is damage: it is to meet version 2.
    var written: UInt8 { chosen > 0 || number == 0 ? 2 : 1 }

    var number: UInt32
    /// The number of the version that was given out last.
    var lastVersion: UInt32
    /// The version made current on purpose; 0 the newest. Version 1: 0.
    var chosen: UInt32

    init(number: UInt32, lastVersion: UInt32, chosen: UInt32) {
      self.number = number
      self.lastVersion = lastVersion
      self.chosen = chosen
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      number = try cursor.readUInt32()
      lastVersion = try cursor.readUInt32()
      chosen = version >= 2 ? try cursor.readUInt32() : 0
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: number)
      bytes.append(bigEndian: lastVersion)
      if written >= 2 { bytes.append(bigEndian: chosen) }
    }
  }
}

/// `meta` 0x39: one version of a schema document.
struct DocumentVersionKey: StoredKey {
  static var family: KeyFamily { .documentVersion }
  var tenant: UInt32
  var document: UInt32
  var version: UInt32

  init(tenant: UInt32, document: UInt32, version: UInt32) {
    self.tenant = tenant
    self.document = document
    self.version = version
  }

  init(from cursor: inout ByteCursor) throws {
    tenant = try cursor.readUInt32()
    document = try cursor.readUInt32()
    version = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(bigEndian: document)
    writer.append(bigEndian: version)
  }

  struct Value: StoredValue {
    static var version: UInt8 { 2 }
    var written: UInt8 { state == .deprecated || changed != registered ? 2 : 1 }

    var state: SchemaState
    var registered: UnixTime
    /// When `state` changed last; version 1: when it was registered.
    var changed: UnixTime
    /// Nil: the media type named none.
    var dialect: SchemaDialect?
    /// Empty: none.
    var uri: ByteSlice
    var fingerprint: ByteSlice
    var author: ByteSlice
    var identifiers: [ByteSlice]
    var targets: [ByteSlice]
    var text: ByteSlice

    init(
      state: SchemaState, registered: UnixTime, changed: UnixTime, dialect: SchemaDialect?,
      uri: ByteSlice,
      fingerprint: ByteSlice, author: ByteSlice, identifiers: [ByteSlice], targets: [ByteSlice],
      text: ByteSlice
    ) {
      self.state = state
      self.registered = registered
      self.changed = changed
      self.dialect = dialect
      self.uri = uri
      self.fingerprint = fingerprint
      self.author = author
      self.identifiers = identifiers
      self.targets = targets
      self.text = text
    }

    init(from cursor: inout ByteCursor) throws {
      try self.init(from: &cursor, version: Self.version)
    }

    init(from cursor: inout ByteCursor, version: UInt8) throws {
      guard let state = SchemaState(rawValue: try cursor.readByte()),
        version >= 2 || state != .deprecated
      else { throw MalformedRecord() }
      self.state = state
      registered = try cursor.readInstant()
      changed = version >= 2 ? try cursor.readInstant() : registered
      switch try cursor.readByte() {
      case 0: dialect = nil
      case 1: dialect = .draft07
      case 2: dialect = .draft202012
      default: throw MalformedRecord()
      }
      uri = try cursor.readPrefixed()
      fingerprint = try cursor.readPrefixed()
      author = try cursor.readPrefixed()
      identifiers = try cursor.readPrefixedList()
      targets = try cursor.readPrefixedList()
      text = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      let dialectByte: UInt8 =
        switch dialect {
        case nil: 0
        case .draft07: 1
        case .draft202012: 2
        }
      bytes.append(state.rawValue)
      bytes.append(registered)
      if written >= 2 { bytes.append(changed) }
      bytes.append(dialectByte)
      bytes.append(prefixed: uri)
      bytes.append(prefixed: fingerprint)
      bytes.append(prefixed: author)
      bytes.append(prefixedList: identifiers)
      bytes.append(prefixedList: targets)
      bytes.append(prefixed: text)
    }
  }
}

extension ByteCursor {
  fileprivate mutating func readPrefixedList() throws(ByteCursorFailure) -> [ByteSlice] {
    var list: [ByteSlice] = []
    let count = try readVarint()
    while UInt64(list.count) < count { list.append(try readPrefixed()) }
    return list
  }
}

extension ByteWriter {
  fileprivate mutating func append(prefixedList list: [ByteSlice]) {
    append(varint: UInt64(list.count))
    for element in list { append(prefixed: element) }
  }
}
