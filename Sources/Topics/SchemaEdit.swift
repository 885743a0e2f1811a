public import Bytes
public import Schemas

/// One change of a topic's schemas besides registering a version.
public enum SchemaEdit: Sendable {
  /// Makes a live version its line's default: forward or back.
  case setDefault(version: UInt32)
  /// Deprecates a version, makes it active again, deletes it softly or brings it back. Only of a
  /// deprecated one something is said.
  case setState(version: UInt32, SchemaState, SchemaNotice = .none)
  /// Takes a softly deleted version away for good. Its number is not given out again.
  case remove(version: UInt32)
  /// Softly deletes all versions of a line.
  case deleteSubject(SchemaSubject)
  /// The same, and uses a number up that no version has, as Pulsar's mark of a deletion does.
  case retire(SchemaSubject)
  /// Takes all versions of a line away for good, live ones too: none if a kept event may name one
  /// of them. Their numbers are not given out again.
  case erase(SchemaSubject)
  /// Sets how events are bound to lines; nil: all events to the line `default`, enforced.
  case bind(SchemaBindingTerms?)
  /// Softly deletes all versions of all lines, and the binding's terms.
  case clear
}

/// What a change of a book has to be written for: numbers of versions.
public struct SchemaBookChange: Sendable, Equatable {
  /// Whose records are new or have another state.
  public var written: [UInt32] = []
  /// Whose records go.
  public var removed: [UInt32] = []
}

/// The rules of the registry, for both engines.
extension SchemaBook {
  /// Appends a version to its line and makes it the line's default.
  ///
  /// - Parameters:
  ///   - expected: the revision of the book that the candidate was judged by.
  ///   - limit: of versions kept, softly deleted ones included.
  ///   - others: bytes of text of the other topics of the namespace.
  ///   - programs: where the candidate's program is kept.
  public mutating func register(
    _ candidate: SchemaCandidate, at expected: UInt64, by author: ByteSlice,
    now: UnixTime, limit: Int, beside others: Int, in programs: ProgramCache
  ) throws(CatalogueFailure) -> StoredSchema {
    guard expected == revision else { throw .schemaBookChanged(revision: revision) }
    guard versions.count < limit else { throw .tooMany(.schemaVersions, limit: limit) }
    guard bytes + candidate.text.count <= SchemaLimits.topicBytes else {
      throw .tooMany(.schemaBytes, limit: SchemaLimits.topicBytes)
    }
    guard others + bytes + candidate.text.count <= SchemaLimits.namespaceBytes else {
      throw .tooMany(.namespaceSchemaBytes, limit: SchemaLimits.namespaceBytes)
    }
    try checkRoom(for: candidate.subject)
    lastVersion += 1
    let stored = StoredSchema(
      version: lastVersion, subject: candidate.subject.detached, type: candidate.type,
      text: candidate.text.detached, dialect: candidate.dialect, formats: candidate.formats,
      fingerprint: candidate.fingerprint.detached, references: candidate.references.map(\.detached),
      properties: candidate.properties.map {
        SchemaProperty(key: $0.key.detached, value: $0.value.detached)
      }, registered: now, author: author.detached, isOverridden: candidate.isOverridden)
    let cell = programs.cell(for: stored.programKey)
    cell.keep(candidate.program)
    append(stored, in: cell)
    defaults[stored.subject] = stored.version
    revision += 1
    return stored
  }

  /// Makes one change.
  ///
  /// - Parameter mayBeNamed: whether an event that is still kept may name a version; answers of an
  ///   engine that cannot know are yes.
  public mutating func apply(
    _ edit: SchemaEdit, at expected: UInt64?, now: UnixTime,
    mayBeNamed: (UInt32) -> Bool
  ) throws(CatalogueFailure) -> SchemaBookChange {
    if let expected, expected != revision { throw .schemaBookChanged(revision: revision) }
    var change = SchemaBookChange()
    switch edit {
    case .setDefault(let version):
      let stored = try known(version)
      guard stored.state.isLive else { throw .schemaAbsent(.isDeleted(version: version)) }
      try checkRoom(for: stored.subject)
      defaults[stored.subject] = version
    case .setState(let version, let state, let notice):
      let stored = try known(version)
      if state == .deleted, defaults[stored.subject] == version {
        throw .schemaInUse(.isDefault(version: version))
      }
      set(state, of: version, saying: notice, now, &change)
    case .remove(let version):
      guard try known(version).state == .deleted else {
        throw .schemaInUse(.isLive(version: version))
      }
      guard !mayBeNamed(version) else { throw .schemaInUse(.retainedEvents(version: version)) }
      remove(version)
      change.removed = [version]
    case .deleteSubject(let subject), .retire(let subject):
      try checkUnbound(subject)
      delete(subject, now, &change)
      if case .retire = edit { lastVersion += 1 }
    case .erase(let subject):
      try checkUnbound(subject)
      let all = versions.filter { $0.subject == subject }.map(\.version)
      for version in all where mayBeNamed(version) {
        throw .schemaInUse(.retainedEvents(version: version))
      }
      for version in all { remove(version) }
      defaults[subject] = nil
      change.removed = all
    case .bind(let terms):
      for rule in terms?.rules ?? [] where defaults[rule.subject] == nil {
        throw .schemaAbsent(.subject(rule.subject))
      }
      self.terms = terms
    case .clear:
      terms = nil
      // Lines without a default too, whose versions were brought back one by one.
      for subject in subjects { delete(subject, now, &change) }
    }
    revision += 1
    return change
  }

  private func checkUnbound(_ subject: SchemaSubject) throws(CatalogueFailure) {
    if terms?.rules.contains(where: { $0.subject == subject }) == true {
      throw .schemaInUse(.boundSubject(subject))
    }
  }

  private func known(_ version: UInt32) throws(CatalogueFailure) -> StoredSchema {
    guard let stored = self.version(version) else { throw .unknownSchema(version: version) }
    return stored
  }

  /// Whether the line has a default, or may get one.
  private func checkRoom(for subject: SchemaSubject) throws(CatalogueFailure) {
    guard defaults[subject] != nil || defaults.count < SchemaLimits.subjects else {
      throw .tooMany(.schemaSubjects, limit: SchemaLimits.subjects)
    }
  }

  private mutating func set(
    _ state: SchemaState, of version: UInt32, saying notice: SchemaNotice = .none,
    _ now: UnixTime, _ change: inout SchemaBookChange
  ) {
    guard let index = index(of: version),
      versions[index].state != state || versions[index].notice != notice
    else { return }
    if versions[index].state != state { versions[index].changed = now }
    versions[index].state = state
    versions[index].notice = notice.detached
    change.written.append(version)
  }

  private mutating func delete(
    _ subject: SchemaSubject, _ now: UnixTime, _ change: inout SchemaBookChange
  ) {
    for stored in live(subject) { set(.deleted, of: stored.version, now, &change) }
    defaults[subject] = nil
  }
}

extension ByteSlice {
  /// The same bytes in storage of their own: a request's bytes must not live as long as the
  /// catalogue.
  fileprivate var detached: ByteSlice { ByteSlice(copying: span) }
}

extension SchemaPin {
  fileprivate var detached: SchemaPin {
    SchemaPin(uri: uri.detached, document: document.detached, version: version)
  }
}
