import Bytes
import JSONText

/// Where the schemas of one document are, and by which names references find them.
///
/// Filled in one walk over the places that the edition's keywords say are schemas; a reference into
/// any other place (an unknown keyword, say) adds that place when it is followed.
struct SchemaIndex {
  /// One schema of the document.
  struct Place {
    let node: JSONNode
    /// As `#/properties/id`.
    let pointer: String
    /// What references inside are resolved against.
    let base: URIReference
  }

  let dialect: SchemaDialect
  private(set) var places: [Place] = []
  /// Places by where their text starts.
  private var placeAtOffset: [Int: Int] = [:]
  /// Places by absolute URI, without fragment.
  private var resources: [String: Int] = [:]
  /// Places by URI and plain-name fragment, joined by `#`.
  private var anchors: [String: Int] = [:]

  /// Indexes the schemas of `root`.
  init(_ root: JSONNode, dialect: SchemaDialect) throws(SchemaFault) {
    self.dialect = dialect
    try add(root, pointer: "#", base: URIReference(""))
  }

  /// The place of a schema that the walk has found.
  func place(of node: JSONNode) -> Int? { placeAtOffset[node.offset] }

  private mutating func add(
    _ node: JSONNode, pointer: String, base: URIReference
  ) throws(SchemaFault) {
    guard placeAtOffset[node.offset] == nil else { return }
    guard node.kind == .object else {
      guard node.bool != nil else { throw SchemaFault(at: pointer, .notASchema) }
      try append(Place(node: node, pointer: pointer, base: base))
      return
    }
    let inner = try identify(node, pointer: pointer, base: base)
    try append(Place(node: node, pointer: pointer, base: inner))
    for (key, value) in node.members {
      let keyword = key.text
      guard let role = SchemaKeyword.role(of: keyword, in: dialect) else { continue }
      try addSubschemas(
        value, role: role, keyword: keyword, pointer: pointer + "/" + Self.escaped(keyword),
        base: inner)
    }
  }

  private mutating func append(_ place: Place) throws(SchemaFault) {
    guard places.count < SchemaLimits.nodes else {
      throw SchemaFault(
        at: place.pointer, .limitExceeded(what: "schemas", limit: SchemaLimits.nodes))
    }
    placeAtOffset[place.node.offset] = places.count
    if places.isEmpty { resources[""] = 0 }
    places.append(place)
  }

  private mutating func addSubschemas(
    _ value: JSONNode, role: SchemaKeyword.Role, keyword: String, pointer: String,
    base: URIReference
  ) throws(SchemaFault) {
    switch role {
    case .plain, .foreign: return
    case .notSupported:
      throw SchemaFault(at: pointer, .notSupported(keyword: keyword))
    case .schema:
      try add(value, pointer: pointer, base: base)
    case .schemaOrList where value.kind != .array:
      try add(value, pointer: pointer, base: base)
    case .list, .schemaOrList:
      guard value.kind == .array, role == .schemaOrList || value.count > 0 else {
        throw SchemaFault(at: pointer, .wrongValue(expected: "a non-empty array of schemas"))
      }
      for (index, element) in value.elements.enumerated() {
        try add(element, pointer: pointer + "/\(index)", base: base)
      }
    case .map, .dependencies:
      guard value.kind == .object else {
        throw SchemaFault(at: pointer, .wrongValue(expected: "an object"))
      }
      for (key, element) in value.members where role == .map || element.kind != .array {
        try add(element, pointer: pointer + "/" + Self.escaped(key.text), base: base)
      }
    }
  }

  /// Registers the names that a schema gives itself; returns its base.
  private mutating func identify(
    _ node: JSONNode, pointer: String, base: URIReference
  ) throws(SchemaFault) -> URIReference {
    var inner = base
    // Draft-07 ignores everything beside $ref.
    if let id = node["$id"], !(dialect == .draft07 && node["$ref"] != nil) {
      inner = try identify(id, at: pointer, base: base)
    }
    if let declared = node["$schema"] {
      let uri = declared.text ?? ""
      guard let named = SchemaDialect(uri: uri) else {
        throw SchemaFault(at: pointer + "/$schema", .unknownDialect(uri))
      }
      guard named == dialect else {
        throw SchemaFault(
          at: pointer + "/$schema",
          .wrongValue(expected: "the dialect of the whole document, \(dialect.uri)"))
      }
    }
    if dialect == .draft202012, let anchor = node["$anchor"] {
      guard let name = anchor.text, Self.isAnchor(name) else {
        throw SchemaFault(at: pointer + "/$anchor", .wrongValue(expected: "a plain name"))
      }
      try enterAnchor(inner.resource + "#" + name, at: pointer + "/$anchor")
    }
    return inner
  }

  private mutating func identify(
    _ id: JSONNode, at pointer: String, base: URIReference
  ) throws(SchemaFault) -> URIReference {
    guard let text = id.text else {
      throw SchemaFault(at: pointer + "/$id", .wrongValue(expected: "a URI reference"))
    }
    var inner = base
    let reference = URIReference(text)
    let isFragmentOnly = text.hasPrefix("#")
    if !isFragmentOnly {
      inner = base.resolving(reference)
      inner.fragment = nil
      guard
        resources.updateValue(places.count, forKey: inner.resource) == nil
          || (places.isEmpty && inner.resource.isEmpty)
      else { throw SchemaFault(at: pointer + "/$id", .duplicateIdentifier(inner.resource)) }
    }
    if let fragment = reference.fragment, !fragment.isEmpty {
      guard dialect == .draft07 else {
        throw SchemaFault(
          at: pointer + "/$id", .wrongValue(expected: "a URI reference without fragment"))
      }
      try enterAnchor(inner.resource + "#" + fragment, at: pointer + "/$id")
    }
    return inner
  }

  /// Gives the place that is about to be appended an anchor.
  private mutating func enterAnchor(_ uri: String, at pointer: String) throws(SchemaFault) {
    guard anchors.updateValue(places.count, forKey: uri) == nil else {
      throw SchemaFault(at: pointer, .duplicateIdentifier(uri))
    }
  }

  /// `[A-Za-z_][-A-Za-z0-9._]*`
  private static func isAnchor(_ name: String) -> Bool {
    guard let first = name.utf8.first, first == 0x5F || (first | 0x20) &- 0x61 < 26 else {
      return false
    }
    let allowed = ASCIISet("-._", letters: true, digits: true)
    return name.utf8.allSatisfy { allowed.contains($0) }
  }
}

// MARK: - References

extension SchemaIndex {
  /// The place that `reference`, written at `pointer` in the schema at `place`, means. A place that
  /// was no known schema so far is added.
  mutating func resolve(
    _ reference: String, from place: Int, pointer: String
  ) throws(SchemaFault) -> Int {
    let target = places[place].base.resolving(URIReference(reference))
    let uri = target.resource
    guard let resource = resources[uri] else {
      throw SchemaFault(at: pointer, .remoteReference(uri))
    }
    guard let fragment = target.decodedFragment else {
      throw SchemaFault(at: pointer, .unresolvedReference(reference))
    }
    if fragment.isEmpty { return resource }
    if !fragment.hasPrefix("/") {
      guard let named = anchors[uri + "#" + fragment] else {
        throw SchemaFault(at: pointer, .unresolvedReference(reference))
      }
      return named
    }
    return try follow(fragment, from: resource, reference: reference, pointer: pointer)
  }

  private mutating func follow(
    _ path: String, from start: Int, reference: String, pointer: String
  ) throws(SchemaFault) -> Int {
    var node = places[start].node
    var base = places[start].base
    var location = places[start].pointer
    for raw in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      guard let token = Self.unescaped(raw), let next = Self.step(into: node, token) else {
        throw SchemaFault(at: pointer, .unresolvedReference(reference))
      }
      node = next
      location += "/" + raw
      if let known = place(of: node) { base = places[known].base }
    }
    if let known = place(of: node) { return known }
    let added = places.count
    try add(node, pointer: location, base: base)
    return added
  }

  private static func step(into node: JSONNode, _ token: String) -> JSONNode? {
    switch node.kind {
    case .object: return node[token]
    case .array:
      guard let index = Int(token), String(index) == token, index >= 0, index < node.count else {
        return nil
      }
      for (position, element) in node.elements.enumerated() where position == index {
        return element
      }
      return nil
    default: return nil
    }
  }

  /// A member name as a token of a JSON pointer (RFC 6901 §3).
  static func escaped(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else { return name }
    var text = ""
    for character in name.unicodeScalars {
      switch character {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }

  private static func unescaped(_ token: Substring) -> String? {
    guard token.contains("~") else { return String(token) }
    var text = ""
    var isEscape = false
    for character in token.unicodeScalars {
      if isEscape {
        guard character == "0" || character == "1" else { return nil }
        text += character == "0" ? "~" : "/"
        isEscape = false
      } else if character == "~" {
        isEscape = true
      } else {
        text.unicodeScalars.append(character)
      }
    }
    return isEscape ? nil : text
  }
}
