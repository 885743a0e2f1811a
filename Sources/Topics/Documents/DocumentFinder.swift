public import Tenancy

/// Where a reference leads: one version of one document.
public struct DocumentPlace: Sendable {
  public let namespace: Name
  public let name: DocumentName
  public let version: DocumentVersion

  public init(namespace: Name, name: DocumentName, version: DocumentVersion) {
    self.namespace = namespace
    self.name = name
    self.version = version
  }
}

/// Finds what references in one tenant's documents and schemas mean. The two ways: by path in any
/// namespace that may be looked into, by identifier in the namespace of the one who refers.
public struct DocumentFinder: Sendable {
  public let tenant: Name
  /// The documents of a namespace; nil where they may not be looked at.
  private let shelf: @Sendable (Name) -> DocumentShelf?

  public init(tenant: Name, shelf: @escaping @Sendable (Name) -> DocumentShelf?) {
    self.tenant = tenant
    self.shelf = shelf
  }

  /// The document that `uri`, absolute and without fragment, means to one who refers to it from
  /// `namespace`; nil when there is none. A path always means what lies there, so that no
  /// identifier can stand before it; where nothing lies, it may be the `$id` of a part of a
  /// document of that namespace, relative to the document's own path.
  public func find(_ uri: String, from namespace: Name) -> DocumentPlace? {
    guard let path = DocumentPath(uri: uri), path.tenant == tenant else {
      return place(identifiedBy: uri, in: namespace)
    }
    guard let document = shelf(path.namespace)?.live(path.name) else {
      return path.version == nil ? place(identifiedBy: uri, in: path.namespace) : nil
    }
    guard let version = path.version.map({ document.version($0) }) ?? document.current,
      !version.isDeleted
    else { return nil }
    return DocumentPlace(namespace: path.namespace, name: path.name, version: version)
  }

  private func place(identifiedBy uri: String, in namespace: Name) -> DocumentPlace? {
    guard let document = shelf(namespace)?.document(identifiedBy: uri),
      let version = document.current
    else { return nil }
    return DocumentPlace(namespace: namespace, name: document.name, version: version)
  }

  /// The documents among `namespaces` that refer to one in `namespace`, but for itself.
  ///
  /// - Parameter versions: only those who name one of these versions by its number, since all
  ///   others would mean another one; nil: all who mean the document.
  public func referrers(
    to name: DocumentName, _ versions: [UInt32]? = nil, in namespace: Name,
    among namespaces: [Name: DocumentShelf]
  ) -> [DocumentReferrer] {
    var found: [DocumentReferrer] = []
    for (home, shelf) in namespaces {
      for document in shelf.documents.values
      where home != namespace || document.name != name {
        for version in document.versions where !version.isDeleted {
          let means = version.links.targets.contains { uri in
            if let versions {
              guard let path = DocumentPath(uri: uri), let number = path.version else {
                return false
              }
              return path.tenant == tenant && path.namespace == namespace && path.name == name
                && versions.contains(number)
            }
            return find(uri, from: home).map { $0.name == name && $0.namespace == namespace }
              ?? false
          }
          guard means else { continue }
          found.append(
            .document(namespace: home, name: document.name, version: version.version))
        }
      }
    }
    return found.sorted()
  }
}

extension DocumentReferrer: Comparable {
  /// Topics after documents, otherwise by namespace, name and version.
  public static func < (left: DocumentReferrer, right: DocumentReferrer) -> Bool {
    switch (left, right) {
    case (.document(let a, let b, let c), .document(let x, let y, let z)):
      (a, b, c) < (x, y, z)
    case (.topic(let a, let b, let c, _, _), .topic(let x, let y, let z, _, _)):
      (a, b, c) < (x, y, z)
    case (.document, .topic): true
    case (.topic, .document): false
    }
  }
}
