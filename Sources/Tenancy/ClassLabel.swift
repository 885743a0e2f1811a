public import Bytes

/// What a schema calls a kind of data that not every reader may see: `pii.contact`. Segments of
/// `[A-Za-z0-9_-]`, joined by dots; compared byte by byte.
public struct ClassLabel: Sendable, Hashable {
  public let bytes: ByteSlice

  /// The longest label, in bytes.
  public static let maxLength = 128
  /// The grammar in words, for faults.
  public static let rule =
    "not a class such as pii.contact: at most 128 bytes of letters, digits, '_' and '-', with "
    + "single dots between"

  /// The label that `bytes` spell, in storage of its own; nil if they spell none.
  public init?(_ bytes: ByteSlice) {
    guard bytes.count <= Self.maxLength else { return nil }
    var isSegmentOpen = false
    for index in 0..<bytes.count {
      let byte = bytes[index]
      if byte == ASCII.dot {
        guard isSegmentOpen else { return nil }
        isSegmentOpen = false
      } else {
        guard ASCII.isAlphanumeric(byte) || byte == ASCII.underscore || byte == ASCII.minus else {
          return nil
        }
        isSegmentOpen = true
      }
    }
    guard isSegmentOpen else { return nil }
    self.bytes = ByteSlice(copying: bytes.span)
  }

  private init(unchecked bytes: ByteSlice) { self.bytes = bytes }

  /// What nobody can read any more: no grant names it, and only one of every class covers it.
  public static let unreadable = ClassLabel(unchecked: ByteSlice(utf8: "*"))

  /// Whether this label is `other` or begins with it and a dot: `pii.contact` is within `pii` and
  /// within `pii.contact`, and not within `pii.con`.
  public func isWithin(_ other: ClassLabel) -> Bool {
    let length = other.bytes.count
    guard bytes.count >= length, bytes.prefix(length) == other.bytes else { return false }
    return bytes.count == length || bytes[length] == ASCII.dot
  }
}

extension ClassLabel: Comparable {
  /// Byte order.
  public static func < (left: ClassLabel, right: ClassLabel) -> Bool { left.bytes < right.bytes }
}

extension ClassLabel: CustomStringConvertible {
  public var description: String { bytes.text }
}
