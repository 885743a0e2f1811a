import Bytes
import JSONText

/// Where the schemas of a document, and of the library documents it needs, are, and by which names
/// references find them.
///
/// A document is walked over the places that the edition's keywords say are schemas; a reference
/// into any other place (an unknown keyword, say) adds that place when it is followed, and a
/// reference to another document adds that document. The text itself is document 0.
struct SchemaIndex {
  /// One schema of a document.
  struct Place {
    let node: JSONNode
    let document: Int
    /// As `#/properties/id`; of other documents their URI and that.
    let pointer: String
    /// What references inside are resolved against.
    let base: URIReference
    let rules: DialectRules
    /// The place of the outermost schema with the same base.
    let resource: Int
    /// The schemas directly inside.
    var children: [Int] = []
  }

  /// What a place hands on to the schemas inside it.
  struct Surroundings {
    let document: Int
    let base: URIReference
    let rules: DialectRules
    /// Nil at the root of a document.
    let resource: Int?
  }

  struct Location: Hashable {
    let document: Int
    let offset: Int
  }

  let library: SchemaLibrary
  private(set) var places: [Place] = []
  /// The library documents in use, by document number less one.
  var documents: [SchemaLibrary.Document] = []
  var bytes = 0
  var placeAtLocation: [Location: Int] = [:]
  /// Places by absolute URI, without fragment.
  var resources: [String: Int] = [:]
  /// Places by URI and plain-name fragment, joined by `#`.
  var anchors: [String: Int] = [:]
  /// Places with a `$dynamicAnchor`, by resource and name.
  var dynamicAnchors: [Int: [String: Int]] = [:]

  /// Indexes the schemas of `root`.
  ///
  /// - Parameters:
  ///   - rules: where the text has no `$schema`.
  ///   - base: the URI of the document, empty if it has none.
  init(
    _ root: JSONNode, rules: DialectRules, base: URIReference, library: SchemaLibrary
  ) throws(SchemaFault) {
    self.library = library
    resources[base.resource] = 0
    _ = try add(
      root, pointer: "#",
      in: Surroundings(document: 0, base: base, rules: rules, resource: nil))
  }

  /// Parses a text of at most `SchemaLimits.sourceBytes` bytes.
  static func parse(_ text: ByteSlice, pointer: String) throws(SchemaFault) -> JSONNode {
    guard text.count <= SchemaLimits.sourceBytes else {
      throw SchemaFault(
        at: pointer, .limitExceeded(what: "bytes", limit: SchemaLimits.sourceBytes))
    }
    do throws(JSONFault) {
      return try JSONDocument(parsing: text).root
    } catch {
      throw SchemaFault(at: pointer, .malformedJSON(error))
    }
  }

  /// The place of a schema that the walk has found.
  func place(of node: JSONNode, in document: Int) -> Int? {
    placeAtLocation[Location(document: document, offset: node.offset)]
  }

  /// Whether a part of the documents in use has this URI.
  func isKnown(_ uri: String) -> Bool { resources[uri] != nil }

  /// The URIs that the documents in use have or give their parts.
  var identifiers: [String] { resources.keys.filter { !$0.isEmpty }.sorted() }

  mutating func add(
    _ node: JSONNode, pointer: String, in surroundings: Surroundings
  ) throws(SchemaFault) -> Int {
    if let known = place(of: node, in: surroundings.document) { return known }
    guard places.count < SchemaLimits.nodes else {
      throw SchemaFault(at: pointer, .limitExceeded(what: "schemas", limit: SchemaLimits.nodes))
    }
    let number = places.count
    placeAtLocation[Location(document: surroundings.document, offset: node.offset)] = number
    guard node.kind == .object else {
      guard node.bool != nil else { throw SchemaFault(at: pointer, .notASchema) }
      places.append(
        Place(
          node: node, document: surroundings.document, pointer: pointer,
          base: surroundings.base, rules: surroundings.rules,
          resource: surroundings.resource ?? number))
      return number
    }
    let inner = try identify(node, number, pointer: pointer, in: surroundings)
    places.append(
      Place(
        node: node, document: inner.document, pointer: pointer, base: inner.base,
        rules: inner.rules, resource: inner.resource ?? number))
    var children: [Int] = []
    for (key, value) in node.members {
      let keyword = key.text
      guard let role = SchemaKeyword.role(of: keyword, in: inner.rules) else { continue }
      try addSubschemas(
        value, role: role, pointer: pointer + "/" + Self.escaped(keyword), in: inner,
        to: &children)
    }
    places[number].children = children
    return number
  }

  private mutating func addSubschemas(
    _ value: JSONNode, role: SchemaKeyword.Role, pointer: String, in surroundings: Surroundings,
    to children: inout [Int]
  ) throws(SchemaFault) {
    switch role {
    case .plain, .foreign: return
    case .schema:
      children.append(try add(value, pointer: pointer, in: surroundings))
    case .schemaOrList where value.kind != .array:
      children.append(try add(value, pointer: pointer, in: surroundings))
    case .list, .schemaOrList:
      guard value.kind == .array, role == .schemaOrList || value.count > 0 else {
        throw SchemaFault(at: pointer, .wrongValue(expected: "a non-empty array of schemas"))
      }
      for (index, element) in value.elements.enumerated() {
        children.append(try add(element, pointer: pointer + "/\(index)", in: surroundings))
      }
    case .map, .dependencies:
      guard value.kind == .object else {
        throw SchemaFault(at: pointer, .wrongValue(expected: "an object"))
      }
      for (key, element) in value.members where role == .map || element.kind != .array {
        children.append(
          try add(
            element, pointer: pointer + "/" + Self.escaped(key.text), in: surroundings))
      }
    }
  }
}
