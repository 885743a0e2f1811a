public import Bytes
public import Schemas

/// All that the catalogue knows of one topic's schemas: lines of immutable versions, which version
/// of each line is its default, and how events are bound to lines.
///
/// A value: engines keep one for each topic, change it by `SchemaEdit` and store what changed. The
/// programs of the default versions are part of it, since every publish needs one of them; those of
/// other versions are compiled when a publisher chooses one.
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
  /// Of the default versions.
  var programs: [UInt32: CompiledSchema]

  public static let empty = SchemaBook(
    versions: [], defaults: [:], terms: nil, revision: 0, lastVersion: 0, programs: [:])

  /// As an engine found it on disk.
  ///
  /// - Parameter programs: of all default versions.
  public init(
    versions: [StoredSchema], defaults: [SchemaSubject: UInt32], terms: SchemaBindingTerms?,
    revision: UInt64, lastVersion: UInt32, programs: [UInt32: CompiledSchema]
  ) {
    self.versions = versions
    self.defaults = defaults
    self.terms = terms
    self.revision = revision
    self.lastVersion = lastVersion
    self.programs = programs
  }

  /// A version, softly deleted or not.
  public func version(_ number: UInt32) -> StoredSchema? {
    index(of: number).map { versions[$0] }
  }

  /// Live versions of a line, oldest first.
  public func live(_ subject: SchemaSubject) -> [StoredSchema] {
    versions.filter { $0.subject == subject && $0.state.isLive }
  }

  /// The newest live version of a line: what a candidate is held against.
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

  /// The program of a default version.
  public func program(of version: UInt32) -> CompiledSchema? { programs[version] }

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
    guard let stored = defaultVersion(of: subject), let program = programs[stored.version] else {
      return nil
    }
    let choices = versions.filter {
      $0.subject == subject && $0.state.isLive && $0.version != stored.version
        && range?.contains($0.version) == true
    }
    return BoundSchema(
      subject: subject, version: stored.version, program: program,
      deprecated: stored.deprecated, enforcement: enforcement,
      choices: choices.map {
        BoundSchema.Choice(version: $0.version, deprecated: $0.deprecated)
      })
  }
}
