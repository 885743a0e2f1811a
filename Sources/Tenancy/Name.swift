public import Bytes

/// The name of a tenant, namespace, topic or subscription: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
///
/// Compared as bytes, never as text: Unicode equality would merge different names.
public struct Name: Sendable, Hashable {
  public let bytes: ByteSlice

  /// The longest name, in bytes.
  public static let maxLength = 128
  /// The grammar in words, for faults.
  public static let rule =
    "not a name: letters, digits, '.', '_' and '-', a letter or digit first, at most 128"

  /// The name that `bytes` spell, sharing their storage; nil if they spell none.
  public init?(_ bytes: ByteSlice) {
    let span = bytes.span
    guard span.count >= 1, span.count <= Self.maxLength, ASCII.isAlphanumeric(span[0]) else {
      return nil
    }
    for index in 1..<span.count where !Self.continues(span[index]) { return nil }
    self.bytes = bytes
  }

  /// Reads a path segment: percent-decoded once (RFC 3986 §2.1), then held against the grammar. A
  /// segment without `%` is not copied.
  public init?(pathSegment segment: ByteSlice) {
    if let name = Name(segment) {
      self = name
      return
    }
    guard segment.count <= 3 * Self.maxLength, segment.firstIndex(of: ASCII.percent) != nil,
      let decoded = PercentEncoding.decode(segment)
    else { return nil }
    self.init(decoded)
  }

  /// The same name in storage of its own: for those who keep it longer than a request, so that it
  /// does not hold the receive buffer it was cut from.
  public var detached: Name { Name(unchecked: ByteSlice(copying: bytes.span)) }

  /// The same name in other storage, which holds its bytes.
  public func moved(to copy: ByteSlice) -> Name {
    precondition(copy == bytes, "another name")
    return Name(unchecked: copy)
  }

  public var text: String { bytes.text }

  private init(unchecked bytes: ByteSlice) { self.bytes = bytes }

  /// Whether `byte` may stand in a name after its first.
  @inline(__always)
  static func continues(_ byte: UInt8) -> Bool {
    ASCII.isAlphanumeric(byte) || byte == ASCII.dot || byte == ASCII.minus
      || byte == ASCII.underscore
  }
}

extension Name: Comparable {
  /// Byte order.
  public static func < (left: Name, right: Name) -> Bool { left.bytes < right.bytes }
}

extension Name: CustomStringConvertible {
  public var description: String { text }
}
