import Bytes

/// `meta` 0x10: one tenant and the next numbers of what belongs to it.
struct TenantKey: StoredKey {
  static var family: KeyFamily { .tenant }
  var tenant: UInt32

  init(tenant: UInt32) { self.tenant = tenant }
  init(from cursor: inout ByteCursor) throws { tenant = try cursor.readUInt32() }
  func append(to writer: inout ByteWriter) { writer.append(bigEndian: tenant) }

  struct Value: StoredValue {
    var nextNamespace: UInt32
    var nextTopic: UInt32
    var nextSchema: UInt32
    var name: ByteSlice

    init(nextNamespace: UInt32, nextTopic: UInt32, nextSchema: UInt32, name: ByteSlice) {
      self.nextNamespace = nextNamespace
      self.nextTopic = nextTopic
      self.nextSchema = nextSchema
      self.name = name
    }

    init(from cursor: inout ByteCursor) throws {
      nextNamespace = try cursor.readUInt32()
      nextTopic = try cursor.readUInt32()
      nextSchema = try cursor.readUInt32()
      name = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(bigEndian: nextNamespace)
      bytes.append(bigEndian: nextTopic)
      bytes.append(bigEndian: nextSchema)
      bytes.append(prefixed: name)
    }
  }
}

/// `meta` 0x11: a tenant's number by its name.
struct TenantNameKey: StoredKey {
  static var family: KeyFamily { .tenantName }
  var name: ByteSlice

  init(name: ByteSlice) { self.name = name }
  init(from cursor: inout ByteCursor) throws { name = try cursor.readRest() }
  func append(to writer: inout ByteWriter) { writer.append(name) }

  typealias Value = NumberValue
}

/// A number that a name stands for.
struct NumberValue: StoredValue {
  var number: UInt32

  init(_ number: UInt32) { self.number = number }
  init(from cursor: inout ByteCursor) throws { number = try cursor.readUInt32() }
  func append(to bytes: inout ByteWriter) { bytes.append(bigEndian: number) }
}

/// `meta` 0x12: one namespace and its policies.
struct NamespaceKey: StoredKey {
  static var family: KeyFamily { .namespace }
  var tenant: UInt32
  var namespace: UInt32

  init(tenant: UInt32, namespace: UInt32) {
    self.tenant = tenant
    self.namespace = namespace
  }

  init(from cursor: inout ByteCursor) throws {
    tenant = try cursor.readUInt32()
    namespace = try cursor.readUInt32()
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(bigEndian: namespace)
  }

  struct Value: StoredValue {
    var name: ByteSlice
    /// Encoded by `PolicyCoding`; empty when none is set.
    var policy: ByteSlice

    init(name: ByteSlice, policy: ByteSlice) {
      self.name = name
      self.policy = policy
    }

    init(from cursor: inout ByteCursor) throws {
      name = try cursor.readPrefixed()
      policy = try cursor.readPrefixed()
    }

    func append(to bytes: inout ByteWriter) {
      bytes.append(prefixed: name)
      bytes.append(prefixed: policy)
    }
  }
}

/// `meta` 0x13: a namespace's number by its name.
struct NamespaceNameKey: StoredKey {
  static var family: KeyFamily { .namespaceName }
  var tenant: UInt32
  var name: ByteSlice

  init(tenant: UInt32, name: ByteSlice) {
    self.tenant = tenant
    self.name = name
  }

  init(from cursor: inout ByteCursor) throws {
    tenant = try cursor.readUInt32()
    name = try cursor.readRest()
  }

  func append(to writer: inout ByteWriter) {
    writer.append(bigEndian: tenant)
    writer.append(name)
  }

  typealias Value = NumberValue
}
