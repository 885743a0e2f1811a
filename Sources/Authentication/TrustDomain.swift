public import Bytes

/// A SPIFFE trust domain, whose workloads show JWT-SVIDs: their `sub` is a SPIFFE ID of it, and
/// they need no `iss` (SPIFFE-ID §2, JWT-SVID §3).
public struct TrustDomain: Sendable, Hashable {
  /// The name alone, such as `acme.example`.
  public let name: ByteSlice
  /// `spiffe://acme.example`.
  public let id: ByteSlice

  private static let scheme: StaticString = "spiffe://"
  /// The longest SPIFFE ID (SPIFFE-ID §2.3), and the longest name (§2.1).
  private static let longest = (id: 2048, name: 255)

  /// The domain of that name; nil for what is none: lower-case letters, digits, `.`, `-` and `_`.
  public init?(_ name: ByteSlice) {
    guard !name.isEmpty, name.count <= Self.longest.name,
      name.array.allSatisfy(Self.isOfName)
    else { return nil }
    var id = ByteWriter(capacity: name.count + 9)
    id.append(Self.scheme)
    id.append(name)
    self.name = ByteSlice(copying: name.span)
    self.id = id.slice
  }

  /// The name in a text that begins like a SPIFFE ID; what follows it is not looked at.
  static func claimed(by text: ByteSlice) -> ByteSlice? {
    guard text.starts(with: scheme) else { return nil }
    let rest = text.dropFirst(scheme.utf8CodeUnitCount)
    return rest.prefix(rest.firstIndex(of: ASCII.slash) ?? rest.count)
  }

  /// Whether the text is the SPIFFE ID of a workload of the domain: its path has segments of
  /// letters, digits, `.`, `-` and `_`, none of them empty, `.` or `..` (SPIFFE-ID §2.2).
  func holds(_ text: ByteSlice) -> Bool {
    guard text.count <= Self.longest.id, text.count > id.count + 1, text.prefix(id.count) == id,
      text[id.count] == ASCII.slash
    else { return false }
    var start = id.count + 1
    while start <= text.count {
      let end = text.firstIndex(of: ASCII.slash, from: start) ?? text.count
      let segment = text[start..<end]
      guard !segment.isEmpty, !segment.equals("."), !segment.equals(".."),
        segment.array.allSatisfy({ Self.isOfName($0) || ASCII.isUpper($0) })
      else { return false }
      start = end + 1
    }
    return true
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    ASCII.isLower(byte) || ASCII.isDigit(byte) || byte == ASCII.dot || byte == ASCII.minus
      || byte == ASCII.underscore
  }
}
