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

  /// A step of a JSON pointer.
  struct Way: Hashable {
    let document: Int
    let offset: Int
    let token: ByteSlice
  }

  struct Location: Hashable {
    let document: Int
    let offset: Int
  }

  /// A URI, absolute and without fragment, as one document knows it.
  struct LocalName: Hashable {
    let document: Int
    /// As bytes: texts that Unicode takes for equal are two names.
    let uri: ByteSlice

    init(document: Int, uri: String) {
      self.document = document
      self.uri = ByteSlice(utf8: uri)
    }
  }

  /// A JSON pointer from a resource.
  struct Path: Hashable {
    let resource: Int
    /// As bytes: texts that Unicode takes for equal name different members.
    let pointer: ByteSlice
  }

  let library: SchemaLibrary
  private(set) var places: [Place] = []
  /// Bytes of the pointers and URIs that were made, and what they may come to.
  private var addressBytes = 0
  private let mostAddressBytes: Int
  let faults: FaultList
  /// The library documents in use, by document number less one.
  var documents: [SchemaLibrary.Document] = []
  var bytes = 0
  /// The numbers of those documents.
  var documentNumbers: [ObjectIdentifier: Int] = [:]
  /// Places that references with a JSON pointer have led to.
  var followed: [Path: Int] = [:]
  /// Values by the container they are in and their token there.
  var ways: [Way: JSONNode] = [:]
  /// The containers whose ways are made.
  var entered: Set<Location> = []
  var placeAtLocation: [Location: Int] = [:]
  /// Places by the URIs that their document was given and gives its parts: two documents may use
  /// one name, each for its own.
  var resources: [LocalName: Int] = [:]
  /// Places by resource and plain-name fragment.
  var anchors: [Int: [ByteSlice: Int]] = [:]
  /// Places with a `$dynamicAnchor`, by resource and name.
  var dynamicAnchors: [Int: [ByteSlice: Int]] = [:]

  /// Indexes the schemas of `root`.
  ///
  /// - Parameters:
  ///   - rules: where the text has no `$schema`.
  ///   - base: the URI of the document, empty if it has none.
  ///   - faults: where they are noted, for a caller who goes on and looks for others; without,
  ///     what was found is thrown.
  ///   - isNew: whether the text is about to be registered.
  init(
    _ root: JSONNode, rules: DialectRules, base: URIReference, library: SchemaLibrary,
    noting faults: FaultList? = nil, isNew: Bool = false
  ) throws(SchemaFault) {
    mostAddressBytes = SchemaLimits.bound(SchemaLimits.addressBytes, isNew: isNew)
    self.library = library
    self.faults = faults ?? FaultList()
    resources[LocalName(document: 0, uri: base.resource)] = 0
    _ = try add(
      root, pointer: "#",
      in: Surroundings(document: 0, base: base, rules: rules, resource: nil))
    if faults == nil { try self.faults.check() }
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

  /// Whether the text or a part of it has this URI.
  func isKnown(_ uri: String) -> Bool { resources[LocalName(document: 0, uri: uri)] != nil }

  /// The URIs that the text has and gives its parts.
  var identifiers: [String] {
    resources.keys.filter { $0.document == 0 && !$0.uri.isEmpty }.map(\.uri.text).sorted()
  }

  /// Counts a pointer or a URI: each holds all names on its way, so that a long one may come to
  /// stand in thousands of them.
  mutating func charge(_ address: String) throws(SchemaFault) {
    addressBytes += address.utf8.count
    guard addressBytes <= mostAddressBytes else {
      throw SchemaFault(
        at: "#", .limitExceeded(what: "bytes of pointers and URIs", limit: mostAddressBytes))
    }
  }

  mutating func add(
    _ node: JSONNode, pointer: String, in surroundings: Surroundings
  ) throws(SchemaFault) -> Int {
    if let known = place(of: node, in: surroundings.document) { return known }
    try charge(pointer)
    guard places.count < SchemaLimits.nodes else {
      throw SchemaFault(at: pointer, .limitExceeded(what: "schemas", limit: SchemaLimits.nodes))
    }
    let isObject = node.kind == .object
    guard isObject || node.bool != nil else { throw SchemaFault(at: pointer, .notASchema) }
    let number = places.count
    placeAtLocation[Location(document: surroundings.document, offset: node.offset)] = number
    guard isObject else {
      places.append(
        Place(
          node: node, document: surroundings.document, pointer: pointer,
          base: surroundings.base, rules: surroundings.rules,
          resource: surroundings.resource ?? number))
      return number
    }
    var inner = surroundings
    do throws(SchemaFault) {
      inner = try identify(node, number, pointer: pointer, in: surroundings)
    } catch {
      try faults.note(error)
    }
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
      try addChild(value, pointer, in: surroundings, to: &children)
    case .schemaOrList where value.kind != .array:
      try addChild(value, pointer, in: surroundings, to: &children)
    case .list, .schemaOrList:
      guard value.kind == .array, role == .schemaOrList || value.count > 0 else {
        try faults.note(
          SchemaFault(at: pointer, .wrongValue(expected: "a non-empty array of schemas")))
        return
      }
      for (index, element) in value.elements.enumerated() {
        try addChild(element, pointer + "/\(index)", in: surroundings, to: &children)
      }
    case .map, .dependencies:
      guard value.kind == .object else {
        try faults.note(SchemaFault(at: pointer, .wrongValue(expected: "an object")))
        return
      }
      for (key, element) in value.members where role == .map || element.kind != .array {
        try addChild(
          element, pointer + "/" + Self.escaped(key.text), in: surroundings, to: &children)
      }
    }
  }

  /// Adds a subschema; one that is none is among the faults.
  private mutating func addChild(
    _ value: JSONNode, _ pointer: String, in surroundings: Surroundings, to children: inout [Int]
  ) throws(SchemaFault) {
    do throws(SchemaFault) {
      children.append(try add(value, pointer: pointer, in: surroundings))
    } catch {
      try faults.note(error)
    }
  }
}
