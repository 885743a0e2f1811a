import Bytes
public import Tenancy

/// A reference that names a document by its place in the API:
/// `/v1/schemas/{tenant}/{namespace}/{name…}`, with `?version=N` for one version of it.
///
/// Scheme and authority are not looked at, whatever they are: nothing is ever fetched, and a
/// gateway is known by several addresses.
public struct DocumentPath: Sendable, Hashable {
  public let tenant: Name
  public let namespace: Name
  public let name: DocumentName
  /// Nil: the current one.
  public let version: UInt32?

  private static let root: StaticString = "/v1/schemas/"

  /// Reads a URI without fragment; nil for one that is no such place.
  public init?(uri: String) {
    var rest = ByteSlice(utf8: uri)
    guard let path = Self.pathStart(of: rest) else { return nil }
    rest = rest.dropFirst(path)
    guard rest.starts(with: Self.root) else { return nil }
    rest = rest.dropFirst(Self.root.utf8CodeUnitCount)
    let mark = rest.firstIndex(of: ASCII.questionMark)
    if let mark {
      let query = rest.dropFirst(mark + 1)
      guard query.starts(with: "version="),
        let number = UInt32(decimal: query.dropFirst("version=".utf8.count))
      else { return nil }
      version = number
      rest = rest.prefix(mark)
    } else {
      version = nil
    }
    guard let first = rest.firstIndex(of: ASCII.slash),
      let second = rest.firstIndex(of: ASCII.slash, from: first + 1),
      let tenant = Name(pathSegment: rest.prefix(first)),
      let namespace = Name(pathSegment: rest[(first + 1)..<second]),
      let name = DocumentName(path: rest.dropFirst(second + 1))
    else { return nil }
    self.tenant = tenant
    self.namespace = namespace
    self.name = name
  }

  /// Where the path begins: behind `//authority`, behind `scheme:`, or at once.
  private static func pathStart(of uri: ByteSlice) -> Int? {
    var start = 0
    if let colon = uri.firstIndex(of: ASCII.colon),
      uri.firstIndex(of: ASCII.slash).map({ colon < $0 }) == true
    {
      start = colon + 1
    }
    if uri.dropFirst(start).starts(with: "//") {
      return uri.firstIndex(of: ASCII.slash, from: start + 2)
    }
    return start
  }

  /// Where a document lies, as its own relative references see it.
  public static func text(_ tenant: Name, _ namespace: Name, _ name: DocumentName) -> String {
    "\(folder(tenant, namespace))\(name)"
  }

  /// What the relative references of a topic's schema are resolved against: the folder of its
  /// namespace's documents.
  public static func folder(_ tenant: Name, _ namespace: Name) -> String {
    "\(root)\(tenant)/\(namespace)/"
  }
}
