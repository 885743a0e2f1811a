import Bytes

/// A URI reference in its five parts, and resolution against a base (RFC 3986 §5.2, strict). Read
/// byte by byte: a delimiter is one also before a character that Unicode joins with it.
struct URIReference: Equatable {
  var scheme: String?
  var authority: String?
  var path = ""
  var query: String?
  var fragment: String?

  /// Splits `text` as RFC 3986 Appendix B does.
  init(_ text: String) {
    var rest = Substring(text)
    if let hash = rest.utf8.firstIndex(of: 0x23) {
      fragment = String(rest[rest.utf8.index(after: hash)...])
      rest = rest[..<hash]
    }
    if let mark = rest.utf8.firstIndex(of: ASCII.questionMark) {
      query = String(rest[rest.utf8.index(after: mark)...])
      rest = rest[..<mark]
    }
    if let colon = rest.utf8.firstIndex(of: ASCII.colon), colon > rest.startIndex,
      !rest[..<colon].utf8.contains(ASCII.slash)
    {
      scheme = rest[..<colon].lowercased()
      rest = rest[rest.utf8.index(after: colon)...]
    }
    if rest.utf8.starts(with: "//".utf8) {
      let afterSlashes = rest[rest.utf8.index(rest.startIndex, offsetBy: 2)...]
      let end = afterSlashes.utf8.firstIndex(of: ASCII.slash) ?? afterSlashes.endIndex
      authority = String(afterSlashes[..<end])
      rest = afterSlashes[end...]
    }
    path = String(rest)
  }

  /// `reference` seen from here.
  func resolving(_ reference: URIReference) -> URIReference {
    var target = reference
    if reference.scheme != nil {
      target.path = Self.withoutDotSegments(reference.path)
      return target
    }
    target.scheme = scheme
    if reference.authority != nil {
      target.path = Self.withoutDotSegments(reference.path)
      return target
    }
    target.authority = authority
    if reference.path.isEmpty {
      target.path = path
      if reference.query == nil { target.query = query }
    } else if reference.path.utf8.first == ASCII.slash {
      target.path = Self.withoutDotSegments(reference.path)
    } else {
      let folder: String
      if authority != nil, path.isEmpty {
        folder = "/"
      } else {
        let slash = path.utf8.lastIndex(of: ASCII.slash)
        folder = slash.map { String(path[..<path.utf8.index(after: $0)]) } ?? ""
      }
      target.path = Self.withoutDotSegments(folder + reference.path)
    }
    return target
  }

  /// The text without the fragment: what a resource is known by.
  var resource: String {
    var text = ""
    if let scheme { text += scheme + ":" }
    if let authority { text += "//" + authority }
    text += path
    if let query { text += "?" + query }
    return text
  }

  /// RFC 3986 §5.2.4.
  private static func withoutDotSegments(_ path: String) -> String {
    guard path.utf8.contains(ASCII.dot) else { return path }
    let isAbsolute = path.utf8.first == ASCII.slash
    var kept: [Substring] = []
    let segments = path.utf8.split(separator: ASCII.slash, omittingEmptySubsequences: false)
      .map { Substring($0) }
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment {
      case ".": if isLast { kept.append("") }
      case "..":
        if kept.count > (isAbsolute ? 1 : 0) { kept.removeLast() }
        if isLast { kept.append("") }
      default: kept.append(segment)
      }
    }
    return kept.joined(separator: "/")
  }

  /// The fragment with its percent escapes undone, or nil where they are malformed.
  var decodedFragment: String? {
    guard let fragment else { return "" }
    return PercentEncoding.decode(ByteSlice(utf8: fragment)).flatMap {
      String(validating: $0.array, as: UTF8.self)
    }
  }
}
