public import Bytes

/// What the first bytes of a connection say about its protocol: who knows beforehand that the
/// server speaks HTTP/2 begins with its preface (RFC 9113 §3.3, §3.4).
public enum HTTP2Preface: Sendable, Equatable {
  /// So far it may become the preface.
  case begun
  case whole
  case other

  private static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  /// - Parameter bytes: all that has come, at least one.
  public init(of bytes: ByteSlice) {
    let count = min(bytes.count, Self.text.utf8CodeUnitCount)
    for index in 0..<count {
      // SAFETY: `index` is below the literal's length.
      if unsafe bytes[index] != Self.text.utf8Start[index] {
        self = .other
        return
      }
    }
    self = count == 0 ? .other : count == Self.text.utf8CodeUnitCount ? .whole : .begun
  }
}
