public import Bytes
public import Schemas
public import Tenancy

/// A schema's text with everything that it refers to, directly or through others, as the documents
/// are at one moment: what is needed to compile it, and to compile it again in the same meaning.
///
/// Works out of the tenant's documents alone and parses some of them: call it off the event loops.
public struct SchemaAssembly: Sendable {
  /// The text's own names and references.
  public let outline: SchemaOutline
  /// All documents that it comes to.
  public let library: SchemaLibrary
  /// The same documents by name and version, in byte order of the URIs that lead to them.
  public let pins: [SchemaPin]
  /// The same by the URIs that lead to them.
  public let places: [String: DocumentPlace]
  /// What leads to no document, the text's own references first.
  public let missing: [MissingReference]

  /// Reads `text` and gathers what it refers to.
  ///
  /// - Parameters:
  ///   - base: what its relative references are resolved against where it has no `$id`.
  ///   - namespace: where it lives.
  ///   - name: the document that it is, or is to be; nil: a topic's schema.
  public init(
    of text: ByteSlice, base: String, dialect: SchemaDialect?, in namespace: Name,
    _ finder: DocumentFinder, as name: DocumentName? = nil
  ) throws(SchemaFault) {
    var gathering = Gathering(finder, root: name.map { DocumentPlace.document(namespace, $0) })
    if let uri = SchemaOutline.metaschema(of: text) {
      try gathering.follow([(uri, "#/$schema", uri)], from: namespace, by: nil)
    }
    let preface = try gathering.library()
    outline = try SchemaOutline.read(text, base: base, dialect: dialect, library: preface)
    let own = outline.references.map {
      (uri: DocumentLinks.plain($0.uri), pointer: $0.pointer, reference: $0.text)
    }
    try gathering.follow(own, from: namespace, by: nil)
    library = try gathering.library()
    pins = gathering.pins(of: finder.tenant)
    places = gathering.places
    missing = gathering.missing
  }

  /// What a document put under `base` is known by and needs: kept with it, so that nobody has to
  /// read it again.
  public func links(of text: ByteSlice, base: String) throws(SchemaFault) -> DocumentLinks {
    let identifiers = Set(outline.identifiers).filter { $0 != base && !$0.isEmpty }
    var targets = Set(outline.references.map { DocumentLinks.plain($0.uri) })
    if let uri = SchemaOutline.metaschema(of: text) { targets.insert(uri) }
    targets = targets.filter { !SchemaLibrary.isBuiltIn($0) }
    guard identifiers.count <= DocumentLimits.identifiers else {
      throw .limitExceeded("identifiers", DocumentLimits.identifiers)
    }
    guard targets.count <= DocumentLimits.targets else {
      throw .limitExceeded("other documents to refer to", DocumentLimits.targets)
    }
    return DocumentLinks(identifiers: identifiers.sorted(), targets: targets.sorted())
  }
}

/// A reference that leads to no document.
public struct MissingReference: Sendable, Hashable {
  /// The document that holds it, as `namespace/name`; nil: the text itself.
  public let holder: String?
  /// Where it stands there; nil where only the holder is known.
  public let pointer: String?
  /// As it is written; nil likewise.
  public let reference: String?
  /// What it means, without fragment.
  public let uri: String
}

/// The walk from reference to document to reference.
private struct Gathering {
  private struct Item {
    let place: DocumentPlace
    /// The URIs that lead to it.
    var uris: [String]
  }

  private let finder: DocumentFinder
  /// The document whose text is read: it needs no other version of itself.
  private let root: String?
  private var items: [Item] = []
  private var itemOf: [String: Int] = [:]
  private(set) var places: [String: DocumentPlace] = [:]
  private(set) var missing: [MissingReference] = []
  private var bytes = 0

  init(_ finder: DocumentFinder, root: String?) {
    self.finder = finder
    self.root = root
  }

  mutating func follow(
    _ references: [(uri: String, pointer: String, reference: String)], from namespace: Name,
    by holder: String?
  ) throws(SchemaFault) {
    for (uri, pointer, reference) in references {
      guard try !reach(uri, from: namespace) else { continue }
      missing.append(
        MissingReference(holder: holder, pointer: pointer, reference: reference, uri: uri))
    }
    var next = 0
    while next < items.count {
      let place = items[next].place
      next += 1
      let holder = "\(place.namespace)/\(place.name)"
      for uri in place.version.links.targets {
        guard try !reach(uri, from: place.namespace) else { continue }
        let found = MissingReference(holder: holder, pointer: nil, reference: nil, uri: uri)
        if !missing.contains(found) { missing.append(found) }
      }
    }
  }

  /// Whether something is there; takes it in.
  private mutating func reach(_ uri: String, from namespace: Name) throws(SchemaFault) -> Bool {
    if SchemaLibrary.isBuiltIn(uri) { return true }
    guard let place = finder.find(uri, from: namespace) else { return false }
    if let known = places[uri] {
      // One text refers by this URI to what another text of another namespace means differently.
      guard known.isSame(as: place) else { throw .ambiguous(uri) }
      return true
    }
    let key = place.document
    if key == root, DocumentPath(uri: uri)?.version == nil {
      places[uri] = place
      return true
    }
    // Two versions of one document in one schema would have the same names.
    guard key != root, itemOf[key].map({ items[$0].place.isSame(as: place) }) ?? true else {
      throw .ambiguous(uri)
    }
    guard places.count < DocumentLimits.pins else {
      throw .limitExceeded("URIs of documents referred to", DocumentLimits.pins)
    }
    places[uri] = place
    if let index = itemOf[key] {
      items[index].uris.append(uri)
      return true
    }
    bytes += place.version.text.count
    guard items.count < SchemaLimits.libraryDocuments else {
      throw .limitExceeded("documents referred to", SchemaLimits.libraryDocuments)
    }
    guard bytes <= SchemaLimits.libraryBytes else {
      throw .limitExceeded("bytes in documents referred to", SchemaLimits.libraryBytes)
    }
    itemOf[key] = items.count
    items.append(Item(place: place, uris: [uri]))
    return true
  }

  func library() throws(SchemaFault) -> SchemaLibrary {
    try SchemaLibrary.holding(items.map { ($0.place, $0.uris) }, tenant: finder.tenant)
  }

  func pins(of tenant: Name) -> [SchemaPin] {
    places.map { uri, place in
      SchemaPin(
        uri: ByteSlice(utf8: uri), document: place.pinned, version: place.version.version)
    }
    .sorted { $0.uri < $1.uri }
  }
}

extension SchemaLibrary {
  /// A library of documents under the URIs that lead to them, and no others: what else their texts
  /// name may mean something else elsewhere. Those that are others' metaschemas are taken in before
  /// them, whatever the order.
  static func holding(
    _ documents: [(place: DocumentPlace, uris: [String])], tenant: Name
  ) throws(SchemaFault) -> SchemaLibrary {
    var library = SchemaLibrary()
    var waiting = documents
    while !waiting.isEmpty {
      var left: [(place: DocumentPlace, uris: [String])] = []
      var fault: SchemaFault?
      for document in waiting {
        do throws(SchemaFault) {
          let version = document.place.version
          try library.add(
            version.text, under: document.place.roots(among: document.uris, in: tenant),
            dialect: version.dialect, parts: document.uris)
        } catch {
          left.append(document)
          fault = fault ?? error
        }
      }
      if let fault, left.count == waiting.count { throw fault }
      waiting = left
    }
    return library
  }
}

extension DocumentPlace {
  /// `namespace/name`: no schema refers to two versions of a document.
  var document: String { Self.document(namespace, name) }

  fileprivate static func document(_ namespace: Name, _ name: DocumentName) -> String {
    "\(namespace)/\(name)"
  }

  fileprivate func isSame(as other: DocumentPlace) -> Bool {
    version.version == other.version.version && document == other.document
  }

  /// The document as a pin names it.
  public var pinned: ByteSlice { ByteSlice(utf8: document) }

  /// Its base, and those of `uris` that mean it as a whole and that its text does not say itself.
  func roots(among uris: [String], in tenant: Name) -> [String] {
    let base = base(in: tenant)
    let identifiers = version.links.identifiers
    return [base] + uris.filter { $0 != base && !identifiers.contains($0) }
  }

  /// What its relative references are resolved against.
  public func base(in tenant: Name) -> String {
    version.uri?.text ?? DocumentPath.text(tenant, namespace, name)
  }
}

extension DocumentLinks {
  /// A URI without its fragment.
  public static func plain(_ uri: String) -> String {
    uri.firstIndex(of: "#").map { String(uri[..<$0]) } ?? uri
  }
}
