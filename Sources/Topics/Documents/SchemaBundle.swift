public import Bytes
public import Schemas
public import Tenancy

/// A schema and everything that it refers to, as one text that means the same and needs nobody
/// (JSON Schema 2020-12 §9.3): references are rewritten to absolute URIs, and the documents that
/// they lead to stand under `$defs` with the `$id`s that they go by.
///
/// A dialect of one's own is no part of a bundle: whoever reads it must know its metaschema.
public struct SchemaBundle {
  private struct Item {
    let part: BundlePart
    /// The document, `namespace/name`; empty for a topic's schema.
    let key: String
  }

  private let tenant: Name
  private let places: [String: DocumentPlace]
  private let library: SchemaLibrary
  private let home: String
  private var items: [Item] = []

  /// - Parameters:
  ///   - places: what references mean, by URI without fragment.
  ///   - library: the same documents.
  ///   - home: the gateway's own absolute URI, under which documents without one are named.
  private init(
    tenant: Name, places: [String: DocumentPlace], library: SchemaLibrary, home: String
  ) {
    self.tenant = tenant
    self.places = places
    self.library = library
    self.home = home
  }

  /// The bundle of a document, as its references are now. Takes milliseconds.
  public static func text(
    of place: DocumentPlace, _ finder: DocumentFinder, home: String
  ) throws(SchemaFault) -> ByteSlice {
    let base = place.base(in: finder.tenant)
    let assembly = try SchemaAssembly(
      of: place.version.text, base: base, dialect: place.version.dialect, in: place.namespace,
      finder, as: place.name)
    var bundle = SchemaBundle(
      tenant: finder.tenant, places: assembly.places, library: assembly.library, home: home)
    return try bundle.join(
      place.version.text, base: base, dialect: place.version.dialect, key: place.document)
  }

  /// The bundle of a topic's schema, with what it was registered with. Takes milliseconds.
  public static func text(
    of schema: StoredSchema, _ pinned: [DocumentPlace?], of topic: TopicAddress, home: String
  ) throws(SchemaFault) -> ByteSlice {
    var places: [String: DocumentPlace] = [:]
    for (pin, place) in zip(schema.references, pinned) { places[pin.uri.text] = place }
    let library = try SchemaLibrary.pinned(schema.references, pinned, tenant: topic.tenant)
    var bundle = SchemaBundle(tenant: topic.tenant, places: places, library: library, home: home)
    return try bundle.join(
      schema.text, base: DocumentPath.folder(topic.tenant, topic.namespace),
      dialect: schema.dialect, key: nil)
  }

  private mutating func join(
    _ text: ByteSlice, base: String, dialect: SchemaDialect?, key: String?
  ) throws(SchemaFault) -> ByteSlice {
    let outermost = try BundlePart(
      text, base: base, dialect: dialect, home: home, library: library)
    items = [Item(part: outermost, key: key ?? "")]
    var taken = outermost.addresses
    var next = 0
    while next < items.count {
      for reference in items[next].part.outline.references {
        guard let place = places[DocumentLinks.plain(reference.uri)],
          !items.contains(where: { $0.key == place.document })
        else { continue }
        let part = try BundlePart(
          place.version.text, base: place.base(in: tenant),
          dialect: place.version.dialect ?? outermost.outline.dialect, home: home,
          library: library, avoiding: taken,
          path: DocumentPath.text(tenant, place.namespace, place.name))
        taken.formUnion(part.addresses)
        items.append(Item(part: part, key: place.document))
      }
      next += 1
    }
    let parts = items.dropFirst().map { item in
      (
        uri: item.part.canonical,
        text: item.part.text(address: address(_:), isNamed: true, holding: [])
      )
    }
    // A topic's schema is no document: nobody else refers to it by a name that we would give it.
    return outermost.text(address: address(_:), isNamed: key != nil, holding: parts)
  }

  /// What a reference to `uri` says in the bundle.
  private func address(_ uri: String) -> String? {
    guard let place = places[uri] else { return nil }
    return items.first { $0.key == place.document }?.part.address(of: uri)
  }
}
