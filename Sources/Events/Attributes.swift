public import Bytes

/// The attributes of one event, in the order in which they were set, as one block of bytes: what
/// the log stores.
///
/// Each attribute is one head byte (the name's number times four plus the value's kind), for number
/// 0 the name, then the value; name and value are prefixed with their varint length. The block has
/// no count: it ends where its bytes end. `specversion`, the partition key and the data are not in
/// it.
public struct Attributes: Sendable, Hashable {
  public let encoded: ByteSlice

  public static let none = Attributes(encoded: .empty)

  /// Wraps a block as `AttributesBuilder` made it. A block that breaks off ends iteration early.
  public init(encoded: ByteSlice) { self.encoded = encoded }

  /// The value of `name` as text, or nil.
  public subscript(_ name: AttributeName) -> ByteSlice? {
    let number = name.number
    for entry in entries where entry.number == number {
      if number != 0 || entry.name == name.text { return entry.value }
    }
    return nil
  }

  /// Whether there are any without a number of their own. Reads the lengths alone.
  public var hasExtensions: Bool {
    let bytes = encoded.span
    var index = 0
    while index < bytes.count {
      if bytes[index] < 4 { return true }
      var length = 0
      var shift = 0
      var byte: UInt8 = 0x80
      while byte >= 0x80, shift < 35 {
        index += 1
        guard index < bytes.count else { return false }
        byte = bytes[index]
        length |= Int(byte & 0x7F) << shift
        shift += 7
      }
      index += 1 + length
    }
    return false
  }

  /// All attributes in order. Numbers of later versions, which this one has no name for, are left
  /// out.
  var entries: AttributeEntries { AttributeEntries(encoded) }
}

/// What an attribute's value is in CloudEvents' type system, as far as JSON shows it.
public enum AttributeKind: UInt8, Sendable {
  /// String, URI, URI-reference, timestamp or binary: a JSON string.
  case text
  /// A 32-bit integer: a JSON number.
  case integer
  /// A JSON `true` or `false`.
  case boolean
}

extension Attributes: Sequence {
  /// One attribute. The value is text whatever its kind: `42`, `true`.
  public struct Element: Sendable, Equatable {
    public let name: AttributeName
    public let kind: AttributeKind
    public let value: ByteSlice
  }

  public struct Iterator: IteratorProtocol, Sendable {
    fileprivate var entries: AttributeEntries

    public mutating func next() -> Element? {
      while let entry = entries.next() {
        if entry.number == 0 {
          return Element(name: .custom(entry.name), kind: entry.kind, value: entry.value)
        }
        if let name = AttributeName(number: entry.number) {
          return Element(name: name, kind: entry.kind, value: entry.value)
        }
      }
      return nil
    }
  }

  public func makeIterator() -> Iterator { Iterator(entries: entries) }
}

/// Walks an encoded block.
struct AttributeEntries: Sequence, IteratorProtocol {
  struct Entry {
    let number: UInt8
    let kind: AttributeKind
    /// Of number 0; empty for others.
    let name: ByteSlice
    let value: ByteSlice
  }

  private var cursor: ByteCursor

  init(_ encoded: ByteSlice) { cursor = ByteCursor(encoded) }

  mutating func next() -> Entry? {
    guard !cursor.isAtEnd else { return nil }
    do throws(ByteCursorFailure) {
      let head = try cursor.readByte()
      let name = head < 4 ? try cursor.readPrefixed() : .empty
      let value = try cursor.readPrefixed()
      return Entry(
        number: head >> 2, kind: AttributeKind(rawValue: head & 3) ?? .text, name: name,
        value: value)
    } catch {
      // A block that breaks off was not made here; what could be read has been given out.
      cursor = ByteCursor(.empty)
      return nil
    }
  }
}

/// Collects attributes. The caller sets each name once.
public struct AttributesBuilder: Sendable {
  /// What was set, encoded.
  private(set) var block: ByteWriter
  /// Attributes set.
  public private(set) var count = 0

  public init(capacity: Int = 192) { block = ByteWriter(capacity: capacity) }

  /// Forgets what was set and keeps the memory.
  mutating func removeAll() {
    block.removeAll()
    count = 0
  }

  /// Makes room for so many more bytes at once.
  mutating func reserve(_ bytes: Int) { block.reserve(bytes) }

  /// Bytes collected.
  public var size: Int { block.count }

  public mutating func set(
    _ name: AttributeName, _ value: ByteSlice, kind: AttributeKind = .text
  ) {
    begin(name, kind)
    block.append(prefixed: value)
  }

  /// Sets a value of `length` bytes, which `write` appends.
  public mutating func set(
    _ name: AttributeName, length: Int, _ write: (inout ByteWriter) -> Void
  ) {
    begin(name, .text)
    block.append(varint: UInt64(length))
    let start = block.count
    write(&block)
    precondition(block.count - start == length, "a value of another length")
  }

  /// The value follows.
  private mutating func begin(_ name: AttributeName, _ kind: AttributeKind) {
    block.append(name.number << 2 | kind.rawValue)
    if case .custom(let text) = name { block.append(prefixed: text) }
    count += 1
  }

  /// Appends what another builder has collected, none of which is here.
  mutating func append(_ other: AttributesBuilder) {
    if other.block.count == 0 { return }
    block.append(other.block)
    count += other.count
  }

  /// Appends all of a block that has none of the names set so far.
  public mutating func append(_ attributes: Attributes) {
    append(encoded: attributes.encoded.span)
  }

  /// The same for a part of a block.
  mutating func append(encoded attributes: Span<UInt8>) { block.append(attributes) }

  public func has(_ name: AttributeName) -> Bool {
    // Few attributes: reading them again costs less than a set beside them.
    Attributes(encoded: block.slice)[name] != nil
  }

  public var attributes: Attributes { Attributes(encoded: block.slice) }
}
