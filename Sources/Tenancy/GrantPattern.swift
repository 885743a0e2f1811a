package import Bytes

/// One part of a grant pattern.
enum SegmentPattern: Sendable, Equatable {
  case exactly(Name)
  /// Names that start with these bytes; written with a trailing `*`.
  case prefix(ByteSlice)
  /// Every name; written `*`.
  case any

  /// Reads a name, a name's beginning followed by `*`, or `*`; nil for anything else.
  init?(_ text: ByteSlice) {
    guard text.count > 0, text[text.count - 1] == ASCII.asterisk else {
      guard let name = Name(text) else { return nil }
      self = .exactly(name)
      return
    }
    let beginning = text.prefix(text.count - 1)
    if beginning.isEmpty {
      self = .any
    } else if Name(beginning) != nil {
      self = .prefix(beginning)
    } else {
      return nil
    }
  }

  func matches(_ name: Name) -> Bool {
    switch self {
    case .any: true
    case .exactly(let own): own == name
    case .prefix(let beginning):
      name.bytes.count >= beginning.count && name.bytes.prefix(beginning.count) == beginning
    }
  }
}

/// Which topics of a tenant a grant is about: `namespace/topic`, `*` only as a whole segment or at a
/// segment's end, `./topic` for the namespace that the mapping yields. Patterns are written by the
/// operator; no part of one ever comes from a token.
package struct GrantPattern: Sendable, Equatable {
  /// Nil: the mapped namespace, `.`.
  let namespace: SegmentPattern?
  let topic: SegmentPattern
  /// As written.
  package let text: ByteSlice

  /// Reads a pattern; nil unless it follows the grammar above.
  package init?(_ text: ByteSlice) {
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

  /// Whether the pattern means the mapped namespace.
  var isOwnNamespace: Bool { namespace == nil }
  /// Whether the pattern covers every topic of every namespace.
  var isWholeTenant: Bool { namespace == .any && topic == .any }

  /// Whether the pattern is about any topic of `namespace`, given the mapped one.
  func touches(namespace name: Name, mapped: Name?) -> Bool {
    guard let namespace else { return mapped == name }
    return namespace.matches(name)
  }

  /// Whether the pattern is about this topic, given the mapped namespace.
  func matches(namespace name: Name, topic topicName: Name, mapped: Name?) -> Bool {
    topic.matches(topicName) && touches(namespace: name, mapped: mapped)
  }
}
