public import Bytes

/// One part of a grant pattern: a name, the beginning of names (written with a trailing `*`), or
/// any name (`*`, the empty beginning). One shape for all three, since every request is matched
/// with it.
struct SegmentPattern: Sendable, Equatable {
  private let bytes: ByteSlice
  private let isBeginning: Bool

  /// Exactly this name.
  init(_ name: Name) {
    bytes = name.bytes
    isBeginning = false
  }

  /// Reads a name, a name's beginning followed by `*`, or `*`; nil for anything else.
  init?(_ text: ByteSlice) {
    isBeginning = text.count > 0 && text[text.count - 1] == ASCII.asterisk
    bytes = isBeginning ? text.prefix(text.count - 1) : text
    guard Name(bytes) != nil || isAny else { return nil }
  }

  /// Whether every name matches.
  var isAny: Bool { isBeginning && bytes.isEmpty }

  /// What both match; nil when no name matches both.
  func meet(_ other: SegmentPattern) -> SegmentPattern? {
    let (narrow, wide) = bytes.count >= other.bytes.count ? (self, other) : (other, self)
    guard narrow.bytes.prefix(wide.bytes.count) == wide.bytes else { return nil }
    if wide.isBeginning { return narrow }
    guard narrow.bytes.count == wide.bytes.count else { return nil }
    // The same bytes: an exact name beside a beginning.
    return wide
  }

  /// As patterns are written.
  var text: ByteSlice {
    guard isBeginning else { return bytes }
    var text = ByteWriter(capacity: bytes.count + 1)
    text.append(bytes)
    text.append(ASCII.asterisk)
    return text.slice
  }

  func matches(_ name: Name) -> Bool {
    guard isBeginning else { return name.bytes == bytes }
    guard name.bytes.count >= bytes.count else { return false }
    return bytes.isEmpty || name.bytes.prefix(bytes.count) == bytes
  }
}

/// Which topics of a tenant a grant is about: `namespace/topic`, `*` only as a whole segment or at
/// a segment's end, `./topic` for the namespace that the mapping yields. Patterns are written by
/// the operator; no part of one ever comes from a token.
public struct GrantPattern: Sendable, Equatable {
  /// Nil: the mapped namespace, `.`.
  let namespace: SegmentPattern?
  let topic: SegmentPattern
  /// As written.
  public let text: ByteSlice

  /// Reads a pattern; nil unless it follows the grammar above.
  public init?(_ text: ByteSlice) {
    guard let slash = text.firstIndex(of: ASCII.slash),
      let topic = SegmentPattern(text.dropFirst(slash + 1))
    else { return nil }
    let left = text.prefix(slash)
    if left.equals(".") {
      namespace = nil
    } else {
      guard let pattern = SegmentPattern(left) else { return nil }
      namespace = pattern
    }
    self.topic = topic
    self.text = text
  }

  /// What the pattern and another one both cover, as a pattern's text; nil for nothing.
  func meet(_ otherNamespace: SegmentPattern, _ otherTopic: SegmentPattern) -> ByteSlice? {
    guard let left = namespace?.meet(otherNamespace), let right = topic.meet(otherTopic) else {
      return nil
    }
    var text = ByteWriter(capacity: left.text.count + right.text.count + 1)
    text.append(left.text)
    text.append(ASCII.slash)
    text.append(right.text)
    return text.slice
  }

  /// Whether the pattern means the mapped namespace.
  var isOwnNamespace: Bool { namespace == nil }
  /// Whether the pattern covers every topic of every namespace.
  var isWholeTenant: Bool { namespace?.isAny == true && topic.isAny }
}
