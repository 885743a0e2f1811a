public import Bytes
public import Schemas
public import Tenancy

/// The schema documents of one namespace and the rules of changing them.
///
/// A value: engines keep one for each namespace, change a copy and store what changed. Copies share
/// the documents, so that readers take one and never wait.
public struct DocumentShelf: Sendable {
  /// Softly deleted ones included.
  public private(set) var documents: [DocumentName: SchemaDocument] = [:]
  /// Live documents by the identifiers of their current version.
  private var named: [String: DocumentName] = [:]
  /// Text of all versions kept, in bytes.
  public private(set) var bytes = 0
  /// The highest version of a document that went for good: new documents count on from it, so that
  /// no version of a name means two texts.
  public private(set) var floor: UInt32 = 0

  public static let empty = DocumentShelf()

  private init() {}

  /// As an engine found them on disk.
  public init(loading found: [SchemaDocument], floor: UInt32) {
    self.floor = floor
    for document in found {
      documents[document.name] = document
      bytes += document.versions.reduce(0) { $0 + $1.text.count }
      index(document)
    }
  }

  /// A document that is not deleted.
  public func live(_ name: DocumentName) -> SchemaDocument? {
    documents[name].flatMap { $0.current == nil ? nil : $0 }
  }

  /// The document whose current version has an identifier, absolute and without fragment.
  public func document(identifiedBy uri: String) -> SchemaDocument? {
    named[uri].flatMap { documents[$0] }
  }

  /// Documents in byte order of their names, those behind `after`, at most `limit`.
  ///
  /// - Parameter deleted: softly deleted ones instead of those that are live.
  public func page(after: DocumentName?, limit: Int, deleted: Bool = false) -> [SchemaDocument] {
    documents.values
      .filter { document in
        (document.current == nil) == deleted && after.map { document.name > $0 } != false
      }
      .sorted { $0.name < $1.name }.prefix(limit).map(\.self)
  }
}

// MARK: - The rules

extension DocumentShelf {
  /// Makes a candidate its document's next version.
  ///
  /// - Parameters:
  ///   - current: the current version that the caller looked at, 0 none: another one is
  ///     `documentChanged`. Nil: whatever it is.
  ///   - number: gives a new document its number; called at most once, when nothing is refused any
  ///     more.
  public mutating func put(
    _ candidate: DocumentCandidate, replacing current: UInt32?, by author: ByteSlice,
    at now: UnixTime, number: () -> UInt32
  ) throws(CatalogueFailure) -> DocumentVersion {
    let known = documents[candidate.name]
    let inForce = known?.current?.version ?? 0
    guard current == nil || current == inForce else { throw .documentChanged(current: inForce) }
    try checkNames(
      candidate.links.identifiers + [candidate.uri?.text].compactMap(\.self), candidate.name)
    guard known != nil || documents.count < DocumentLimits.perNamespace else {
      throw .tooMany(.documents, limit: DocumentLimits.perNamespace)
    }
    guard known.map({ $0.versions.count < DocumentLimits.versions }) ?? true else {
      throw .tooMany(.documentVersions, limit: DocumentLimits.versions)
    }
    guard bytes + candidate.text.count <= DocumentLimits.bytesPerNamespace else {
      throw .tooMany(.documentBytes, limit: DocumentLimits.bytesPerNamespace)
    }
    var document =
      known
      ?? SchemaDocument(name: candidate.name, number: number(), versions: [], lastVersion: floor)
    document.lastVersion += 1
    let version = DocumentVersion(
      version: document.lastVersion, text: ByteSlice(copying: candidate.text.span),
      dialect: candidate.dialect, uri: candidate.uri.map { ByteSlice(copying: $0.span) },
      fingerprint: ByteSlice(copying: candidate.fingerprint.span), links: candidate.links,
      registered: now, author: ByteSlice(copying: author.span))
    document.versions.append(version)
    document.chosen = 0
    bytes += version.text.count
    replace(document)
    return version
  }

  /// The versions that a deletion is about, in the state it needs: live ones for a soft deletion,
  /// softly deleted ones for a permanent one.
  ///
  /// - Parameter current: as in `put`.
  public func versions(
    goingBy deletion: DocumentDeletion, replacing current: UInt32? = nil
  ) throws(CatalogueFailure) -> [UInt32] {
    guard let document = documents[deletion.name] else { throw .unknownDocument }
    let inForce = document.current?.version ?? 0
    guard current == nil || current == inForce else { throw .documentChanged(current: inForce) }
    var meant = document.versions
    if let number = deletion.version {
      guard let version = document.version(number) else { throw .unknownDocument }
      meant = [version]
    }
    if deletion.isPermanent {
      if let live = meant.last(where: { !$0.isDeleted }) {
        throw .documentInUse(.isLive(version: live.version))
      }
    } else {
      meant = meant.filter { !$0.isDeleted }
      guard !meant.isEmpty else { throw .unknownDocument }
      let going = meant.map(\.version)
      let next = document.current(without: going)
      // An older version that becomes current again takes its identifiers with it.
      if let next, next.version != inForce { try checkNames(of: next, deletion.name) }
    }
    return meant.map(\.version)
  }

  /// Makes one change. What becomes current takes its identifiers with it.
  ///
  /// - Parameters:
  ///   - current: as in `put`.
  ///   - state: as in `DocumentCatalogue.editDocument`.
  public mutating func apply(
    _ edit: DocumentEdit, replacing current: UInt32?, expecting state: SchemaState?,
    at now: UnixTime
  ) throws(CatalogueFailure) -> SchemaDocument {
    guard var document = documents[edit.name],
      let index = document.versions.firstIndex(where: { $0.version == edit.version })
    else { throw .unknownDocument }
    let inForce = document.current?.version ?? 0
    guard current == nil || current == inForce else { throw .documentChanged(current: inForce) }
    switch edit {
    case .setCurrent(_, let version):
      guard state == nil || state == document.current?.state else { throw .changed }
      guard !document.versions[index].isDeleted else {
        throw .schemaAbsent(.isDeleted(version: version))
      }
      document.chosen = version
    case .setState(_, _, let new):
      guard state == nil || state == document.versions[index].state else { throw .changed }
      if document.versions[index].state != new {
        document.versions[index].state = new
        document.versions[index].changed = now
      }
    }
    if let next = document.current, next.version != inForce {
      try checkNames(of: next, edit.name)
    }
    replace(document)
    return document
  }

  private func checkNames(
    of version: DocumentVersion, _ name: DocumentName
  ) throws(CatalogueFailure) {
    try checkNames(version.links.identifiers + [version.uri?.text].compactMap(\.self), name)
  }

  /// Refuses identifiers that other documents have.
  private func checkNames(
    _ identifiers: [String], _ name: DocumentName
  ) throws(CatalogueFailure) {
    for uri in identifiers {
      if let owner = named[uri], owner != name { throw .identifierTaken(uri, by: owner) }
    }
  }

  /// Deletes versions of a document, once nobody needs them. A document without versions goes.
  public mutating func delete(
    _ versions: [UInt32], by deletion: DocumentDeletion, at now: UnixTime
  ) {
    guard var document = documents[deletion.name] else { return }
    if deletion.isPermanent {
      let gone = document.versions.filter { versions.contains($0.version) }
      bytes -= gone.reduce(0) { $0 + $1.text.count }
      document.versions.removeAll { versions.contains($0.version) }
      if document.versions.isEmpty { floor = max(floor, document.lastVersion) }
    } else {
      for index in document.versions.indices
      where versions.contains(document.versions[index].version) {
        document.versions[index].state = .deleted
        document.versions[index].changed = now
      }
      if versions.contains(document.chosen) { document.chosen = 0 }
    }
    replace(document)
  }

  /// Whether a soft deletion would leave the document without a version that references find.
  public func isLast(_ versions: [UInt32], of name: DocumentName) -> Bool {
    documents[name]?.versions.allSatisfy { $0.isDeleted || versions.contains($0.version) } ?? true
  }

  private mutating func replace(_ document: SchemaDocument) {
    for (uri, owner) in named where owner == document.name { named[uri] = nil }
    documents[document.name] = document.versions.isEmpty ? nil : document
    index(document)
  }

  private mutating func index(_ document: SchemaDocument) {
    guard let current = document.current else { return }
    if let uri = current.uri?.text { named[uri] = document.name }
    for uri in current.links.identifiers { named[uri] = document.name }
  }
}
