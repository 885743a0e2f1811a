import Bytes
public import Schemas
public import Tenancy

/// Named schema documents, as part of the catalogue; its rules hold here too. A namespace's
/// documents are looked at with any grant on the namespace and changed with `manage`.
public protocol DocumentCatalogue: Sendable {
  /// The documents of a namespace as they are now; empty where there are none.
  func documents(in namespace: NamespaceAddress) -> DocumentShelf

  /// Makes a candidate its document's next version, and the document if it is new.
  ///
  /// - Parameter current: the current version that the caller looked at, 0 none: another one is
  ///   `documentChanged`. Nil: whatever it is.
  func putDocument(
    _ candidate: DocumentCandidate, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> DocumentVersion

  /// Deletes a document or one version of it, unless somebody refers to it: `documentInUse`.
  ///
  /// - Returns: the versions that went.
  @discardableResult
  func deleteDocument(
    _ deletion: DocumentDeletion, in namespace: NamespaceAddress, replacing current: UInt32?
  ) async throws(CatalogueFailure) -> [UInt32]

  /// Makes one change of a document. `current` as in `putDocument`.
  ///
  /// - Parameter state: that the caller saw the version in which is looked at: the one whose state
  ///   is to change, else the current one. Another state is `changed`. Nil: whatever it is.
  /// - Returns: the document after it.
  func editDocument(
    _ edit: DocumentEdit, in namespace: NamespaceAddress, replacing current: UInt32?,
    expecting state: SchemaState?
  ) async throws(CatalogueFailure) -> SchemaDocument

  /// Who refers to a document: live documents of the tenant, and topics' schemas that were
  /// registered with one of its versions. Looks at everything of the tenant: cold.
  func referrers(to name: DocumentName, in namespace: NamespaceAddress) -> [DocumentReferrer]

  /// The versions that a topic's schema was registered with, deleted ones included, for the pins'
  /// order; nil for one that is gone.
  func pinned(_ pins: [SchemaPin], by topic: TopicAddress) -> [DocumentPlace?]
}

extension DocumentCatalogue {
  /// What a topic's schema was registered with, to compile it again in the same meaning. Parses the
  /// documents: call it off the event loops.
  public func library(
    of pins: [SchemaPin], by topic: TopicAddress
  ) throws(SchemaFault) -> SchemaLibrary {
    try SchemaLibrary.pinned(pins, pinned(pins, by: topic), tenant: topic.tenant)
  }
}

extension SchemaLibrary {
  /// The documents that pins name, under the URIs that led to them.
  public static func pinned(
    _ pins: [SchemaPin], _ places: [DocumentPlace?], tenant: Name
  ) throws(SchemaFault) -> SchemaLibrary {
    var found: [(place: DocumentPlace, uris: [String])] = []
    for (pin, place) in zip(pins, places) {
      guard let place else { continue }
      if let index = found.firstIndex(where: { $0.place.document == place.document }) {
        found[index].uris.append(pin.uri.text)
      } else {
        found.append((place, [pin.uri.text]))
      }
    }
    return try holding(found, tenant: tenant)
  }
}

/// A document as a pin names it: `namespace/name`.
public struct PinnedDocument: Sendable, Hashable {
  public let namespace: Name
  public let name: DocumentName

  public init?(_ pin: SchemaPin) {
    guard let slash = pin.document.firstIndex(of: ASCII.slash),
      let namespace = Name(pin.document.prefix(slash)),
      let name = DocumentName(pin.document.dropFirst(slash + 1))
    else { return nil }
    self.namespace = namespace
    self.name = name
  }

  /// Whether a pin means a version of this document.
  public static func means(
    _ pin: SchemaPin, _ name: DocumentName, in namespace: Name, _ versions: [UInt32]?
  ) -> Bool {
    let path = pin.document
    guard path.count == namespace.bytes.count + 1 + name.bytes.count,
      path.dropFirst(namespace.bytes.count + 1) == name.bytes,
      path.prefix(namespace.bytes.count) == namespace.bytes
    else { return false }
    return versions?.contains(pin.version) ?? true
  }
}
