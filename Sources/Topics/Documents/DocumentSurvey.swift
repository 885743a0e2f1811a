public import Schemas
public import Tenancy

/// Everything of one tenant that can refer to a document, looked at once: its documents, and those
/// of its topics' schemas that were registered with documents.
public struct DocumentSurvey: Sendable {
  private struct Pinning: Sendable {
    let namespace: Name
    let topic: Name
    let version: UInt32
    let isLive: Bool
    let pins: [SchemaPin]
  }

  private let tenant: Name
  private let shelves: [Name: DocumentShelf]
  private var pinnings: [Pinning] = []

  public init(tenant: Name, shelves: [Name: DocumentShelf]) {
    self.tenant = tenant
    self.shelves = shelves
  }

  /// Takes in what one topic's schemas were registered with.
  public mutating func add(_ schemas: [StoredSchema], of topic: Name, in namespace: Name) {
    for schema in schemas where !schema.references.isEmpty {
      pinnings.append(
        Pinning(
          namespace: namespace, topic: topic, version: schema.version,
          isLive: schema.state.isLive, pins: schema.references))
    }
  }

  /// Who refers to a document, in order.
  ///
  /// - Parameter versions: only to these versions of it; nil: to any.
  public func referrers(
    to name: DocumentName, _ versions: [UInt32]? = nil, in namespace: Name
  ) -> [DocumentReferrer] {
    finder.referrers(to: name, versions, in: namespace, among: shelves)
      + topics(pinning: name, versions, in: namespace)
  }

  /// Refuses a deletion of what somebody needs. A soft one: of what live documents and live schemas
  /// refer to. A permanent one: of what any schema that is kept was registered with.
  public func check(
    _ deletion: DocumentDeletion, _ versions: [UInt32], in namespace: Name, _ shelf: DocumentShelf
  ) throws(CatalogueFailure) {
    var users: [DocumentReferrer]
    if deletion.isPermanent {
      users = topics(pinning: deletion.name, versions, in: namespace)
    } else {
      // While another version stays, references without a number mean that one.
      let only = shelf.isLast(versions, of: deletion.name) ? nil : versions
      users = finder.referrers(to: deletion.name, only, in: namespace, among: shelves)
      users += topics(pinning: deletion.name, versions, in: namespace).filter(\.isLive)
    }
    guard users.isEmpty else { throw .documentInUse(.referredTo(by: users)) }
  }

  /// That the versions which a schema is about to be registered with are still there.
  public static func check(
    _ pins: [SchemaPin], in shelves: [Name: DocumentShelf]
  ) throws(CatalogueFailure) {
    for pin in pins {
      guard let place = pin.place(in: shelves), !place.version.isDeleted else {
        throw .referencesChanged
      }
    }
  }

  private var finder: DocumentFinder {
    let shelves = shelves
    return DocumentFinder(tenant: tenant) { shelves[$0] }
  }

  private func topics(
    pinning name: DocumentName, _ versions: [UInt32]?, in namespace: Name
  ) -> [DocumentReferrer] {
    pinnings.compactMap { pinning in
      pinning.pins.first { PinnedDocument.means($0, name, in: namespace, versions) }.map {
        .topic(
          namespace: pinning.namespace, topic: pinning.topic, version: pinning.version,
          pinned: $0.version, isLive: pinning.isLive)
      }
    }
    .sorted()
  }
}

extension DocumentReferrer {
  fileprivate var isLive: Bool {
    switch self {
    case .document: true
    case .topic(_, _, _, _, let isLive): isLive
    }
  }
}

extension SchemaPin {
  /// The version it names, deleted or not.
  public func place(in shelves: [Name: DocumentShelf]) -> DocumentPlace? {
    guard let document = PinnedDocument(self),
      let version = shelves[document.namespace]?.documents[document.name]?.version(version)
    else { return nil }
    return DocumentPlace(namespace: document.namespace, name: document.name, version: version)
  }
}
