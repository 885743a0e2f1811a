public import Bytes
public import Schemas

/// All that the catalogue knows of one topic's schemas: lines of immutable versions, which version
/// of each line is its default, and how events are bound to lines.
///
/// A value: engines keep one for each topic, change it by `SchemaEdit` and store what changed. Of
/// each version it has the cell where its program is while it is in memory: it is compiled when
/// somebody needs it first.
public struct SchemaBook: Sendable {
  /// In the order of their numbers, softly deleted ones included.
  public internal(set) var versions: [StoredSchema]
  /// The default version of each line that has one.
  public internal(set) var defaults: [SchemaSubject: UInt32]
  /// What the owner set; nil where nothing is.
  public internal(set) var terms: SchemaBindingTerms?
  /// Rises with each change.
  public internal(set) var revision: UInt64
  /// The number that was given out last.
  public internal(set) var lastVersion: UInt32
  /// Of all versions.
  var cells: [UInt32: ProgramCell]
  /// Text of all versions, in bytes.
  public private(set) var bytes: Int

  public static let empty = SchemaBook(
    versions: [], defaults: [:], terms: nil, revision: 0, lastVersion: 0, cells: [:])

  /// As an engine found it on disk.
  ///
  /// - Parameter programs: where the programs are kept once they are compiled.
  public init(
    versions: [StoredSchema], defaults: [SchemaSubject: UInt32], terms: SchemaBindingTerms?,
    revision: UInt64, lastVersion: UInt32, programs: ProgramCache
  ) {
    var cells: [UInt32: ProgramCell] = [:]
    for stored in versions { cells[stored.version] = programs.cell(for: stored.programKey) }
    self.init(
      versions: versions, defaults: defaults, terms: terms, revision: revision,
      lastVersion: lastVersion, cells: cells)
  }

  private init(
    versions: [StoredSchema], defaults: [SchemaSubject: UInt32], terms: SchemaBindingTerms?,
    revision: UInt64, lastVersion: UInt32, cells: [UInt32: ProgramCell]
  ) {
    self.versions = versions
    self.defaults = defaults
    self.terms = terms
    self.revision = revision
    self.lastVersion = lastVersion
    self.cells = cells
    bytes = versions.reduce(0) { $0 + $1.text.count }
  }

  /// Appends a version.
  mutating func append(_ stored: StoredSchema, in cell: ProgramCell) {
    versions.append(stored)
    cells[stored.version] = cell
    bytes += stored.text.count
  }

  /// Takes a version away for good.
  mutating func remove(_ version: UInt32) {
    guard let index = index(of: version) else { return }
    bytes -= versions.remove(at: index).text.count
    cells[version] = nil
  }

  /// A version, softly deleted or not.
  public func version(_ number: UInt32) -> StoredSchema? {
    index(of: number).map { versions[$0] }
  }

  /// Live versions of a line, oldest first.
  public func live(_ subject: SchemaSubject) -> [StoredSchema] {
    versions.filter { $0.subject == subject && $0.state.isLive }
  }

  /// What a candidate of a line is held against: the versions that are live, and those that are
  /// softly deleted but have events which are still kept, oldest first; the one in force comes
  /// last, which after a step back is not the newest.
  ///
  /// - Parameter retained: versions that kept events may name.
  public func judged(_ subject: SchemaSubject, retained: Set<UInt32>) -> [StoredSchema] {
    let inForce = defaultVersion(of: subject)
    let others = versions.filter {
      $0.subject == subject && $0.version != inForce?.version
        && ($0.state.isLive || retained.contains($0.version))
    }
    return others + [inForce].compactMap(\.self)
  }

  /// Whether every rule that binds events to a line lets publishers name a version of it, once it
  /// is no longer the default.
  public func mayBeNamed(_ version: UInt32, of subject: SchemaSubject) -> Bool {
    let rules = (terms?.rules ?? []).filter { $0.subject == subject }
    return !rules.isEmpty && rules.allSatisfy { $0.versions?.contains(version) == true }
  }

  /// Whether a line has softly deleted versions.
  public func hasDeleted(_ subject: SchemaSubject) -> Bool {
    versions.contains { $0.subject == subject && !$0.state.isLive }
  }

  /// The newest live version of a line.
  public func newest(of subject: SchemaSubject) -> StoredSchema? {
    versions.last { $0.subject == subject && $0.state.isLive }
  }

  /// The version of a line that events are checked against; nil where it has none.
  public func defaultVersion(of subject: SchemaSubject) -> StoredSchema? {
    defaults[subject].flatMap { version($0) }
  }

  /// The live version of a line with this fingerprint and these references, if there is one:
  /// registering it again changes nothing.
  public func identical(
    to fingerprint: ByteSlice, references: [SchemaPin], in subject: SchemaSubject
  ) -> StoredSchema? {
    versions.last {
      $0.subject == subject && $0.state.isLive && $0.fingerprint == fingerprint
        && $0.references == references
    }
  }

  /// All lines that have a live version, in byte order of their names.
  public var subjects: [SchemaSubject] {
    Set(versions.lazy.filter(\.state.isLive).map(\.subject)).sorted()
  }

  /// The program of a version; nil while it is not compiled.
  public func program(of version: UInt32) -> CompiledSchema? { cells[version]?.program }

  /// What a version labels, as far as that is known without compiling it.
  public func labelling(of version: UInt32) -> Labelling { cells[version]?.labelling ?? .unknown }

  /// Remembers that a version labels nothing, which its text has shown.
  public func noteUnlabelled(_ version: UInt32) { cells[version]?.noteUnlabelled() }

  /// Keeps the program of a version for those who publish or read, as long as there is room for it.
  public func keep(_ program: CompiledSchema, of version: UInt32) { cells[version]?.keep(program) }

  /// Gives back the room of programs that no event is checked against any more; of those that other
  /// topics may check theirs against, the cache decides by their use. For books that are in force.
  public func releaseUnused() {
    let used = Set(defaults.values)
    for stored in versions where !used.contains(stored.version) {
      guard let cell = cells[stored.version], !cell.mayBeShared else { continue }
      let isChosen =
        terms?.rules.contains {
          $0.subject == stored.subject && $0.versions?.contains(stored.version) == true
        } ?? false
      if !(isChosen && stored.state.isLive) { cell.release() }
    }
  }

  func index(of number: UInt32) -> Int? {
    var (low, high) = (0, versions.count)
    while low < high {
      let middle = (low + high) / 2
      if versions[middle].version < number { low = middle + 1 } else { high = middle }
    }
    return low < versions.count && versions[low].version == number ? low : nil
  }

  // MARK: - What events are checked against

  /// The binding that all this comes to; nil where the topic takes anything.
  ///
  /// - Parameter untyped: the type of events that name none: `<namespace>.<topic>`.
  public func binding(untyped: ByteSlice) -> SchemaBinding? {
    let terms = terms ?? SchemaBindingTerms()
    guard !terms.rules.isEmpty else {
      return bound(.topic, range: nil, enforcement: terms.enforcement).map {
        SchemaBinding($0, terms: terms)
      }
    }
    var bound: [BoundSchema] = []
    for rule in terms.rules {
      guard
        let schema = self.bound(
          rule.subject, range: rule.versions, enforcement: rule.enforcement ?? terms.enforcement)
      else { preconditionFailure("a rule's line keeps a default version while it is bound") }
      bound.append(schema)
    }
    return SchemaBinding(rules: bound, terms: terms, untyped: untyped)
  }

  private func bound(
    _ subject: SchemaSubject, range: SchemaVersionRange?, enforcement: SchemaEnforcement
  ) -> BoundSchema? {
    guard let stored = defaultVersion(of: subject), let cell = cells[stored.version] else {
      return nil
    }
    let choices = versions.filter {
      $0.subject == subject && $0.state.isLive && $0.version != stored.version
        && range?.contains($0.version) == true
    }
    return BoundSchema(
      subject: subject, version: stored.version, in: cell, deprecated: stored.deprecated,
      enforcement: enforcement,
      choices: choices.compactMap { stored in
        cells[stored.version].map {
          BoundSchema.Choice(version: stored.version, deprecated: stored.deprecated, in: $0)
        }
      })
  }
}
