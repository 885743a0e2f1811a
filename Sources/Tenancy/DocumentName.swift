public import Bytes

/// The name of a schema document within its namespace: names joined by slashes, as
/// `common/address`. Each part is a `Name`, so that no escape, dot segment or empty part can spell
/// one document in two ways. Holds storage of its own.
public struct DocumentName: Sendable, Hashable {
  /// The parts with their slashes, decoded.
  public let bytes: ByteSlice

  /// The longest name, in bytes, slashes included.
  public static let maxLength = 512
  /// How many parts a name has at most.
  public static let maxParts = 16
  /// What no name ends with: the path behind a document's own that tells who refers to it.
  public static let reserved: StaticString = "referencedby"
  /// The grammar in words, for faults.
  public static let rule =
    "not a document's name: at most 16 names joined by '/', 512 bytes in all, and none of them "
    + "'referencedby' at the end"

  /// The name that `bytes` spell; nil if they spell none.
  public init?(_ bytes: ByteSlice) {
    guard bytes.count <= Self.maxLength else { return nil }
    var start = 0
    var parts = 0
    while start <= bytes.count {
      let end = bytes.firstIndex(of: ASCII.slash, from: start) ?? bytes.count
      let part = bytes[start..<end]
      parts += 1
      guard parts <= Self.maxParts, Name(part) != nil,
        end < bytes.count || !part.equals(Self.reserved)
      else { return nil }
      start = end + 1
    }
    self.bytes = ByteSlice(copying: bytes.span)
  }

  /// Reads the rest of a request's path: each part percent-decoded once (RFC 3986 §2.1), then held
  /// against the grammar, so that an escaped slash is no slash.
  public init?(path: ByteSlice) {
    guard path.count <= 3 * Self.maxLength else { return nil }
    guard path.firstIndex(of: ASCII.percent) != nil else {
      self.init(path)
      return
    }
    var decoded = ByteWriter(capacity: path.count)
    var start = 0
    while start <= path.count {
      let end = path.firstIndex(of: ASCII.slash, from: start) ?? path.count
      guard let name = Name(pathSegment: path[start..<end]) else { return nil }
      if start > 0 { decoded.append(ASCII.slash) }
      decoded.append(name.bytes)
      start = end + 1
    }
    self.init(decoded.slice)
  }

  public var text: String { bytes.text }
}

extension DocumentName: Comparable {
  /// Byte order.
  public static func < (left: DocumentName, right: DocumentName) -> Bool {
    left.bytes < right.bytes
  }
}

extension DocumentName: CustomStringConvertible {
  public var description: String { text }
}
