import Bytes
import HTTPWire
import Schemas
import Tenancy
import Topics

/// What versions of schemas label. Compiled schemas come and go: what had to be compiled for
/// readers is remembered here, the latest that fit in `GatewayLimits.labelBytes`. Loop-confined;
/// one per loop, for all of its readers.
final class LabelMemory<Engine: EventEngine> {
  /// A number names another version once a topic was made anew; a fingerprint does not know the
  /// editions that documents are read in, and those are a tenant's own.
  struct Key: Hashable {
    let fingerprint: ByteSlice
    let references: [SchemaPin]
    private(set) var tenant: Name

    init(_ stored: StoredSchema, of topic: TopicAddress) {
      fingerprint = stored.fingerprint
      references = stored.references
      tenant = topic.tenant
    }

    /// The same in storage of its own.
    var detached: Key {
      var key = self
      key.tenant = tenant.detached
      return key
    }
  }

  private struct Known {
    let labelling: Labelling
    /// What a version that labels nothing describes.
    let described: SchemaClassification?
    let bytes: Int
  }

  /// What is asked for, and in whose turn: nobody waits in the line of another tenant.
  private struct Question: Hashable {
    let key: Key
    let tenant: Name

    init(_ stored: StoredSchema, of topic: TopicAddress) {
      key = Key(stored, of: topic).detached
      tenant = topic.caller.tenant.detached
    }
  }

  private let engine: Engine
  private let lane: WorkerLane
  private let labellings = SharedWaits<Question, Labelling, ReadFailure>()
  private let descriptions = SharedWaits<Question, SchemaClassification?, ReadFailure>()
  private var learned: [Key: Known] = [:]
  /// The keys of all, oldest first.
  private var order: ArraySlice<Key> = []
  private(set) var bytes = 0

  init(_ engine: Engine, _ lane: WorkerLane) {
    self.engine = engine
    self.lane = lane
  }

  /// What is known of a version without compiling it.
  func labelling(
    of stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) -> Labelling {
    learned[Key(stored, of: topic)]?.labelling ?? book.labelling(of: stored)
  }

  /// Finds out what a version labels: compiles it on a worker, if nobody knows.
  ///
  /// - Parameter isPassing: whether nobody is expected to need the program soon.
  func learn(
    _ stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress, isPassing: Bool = false
  ) async throws(ReadFailure) -> Labelling {
    let known = labelling(of: stored, in: book, of: topic)
    guard case .unknown = known else { return known }
    let found = try await labellings.answer(to: Question(stored, of: topic)) {
      () async throws(ReadFailure) -> Labelling in
      let program = try await program(of: stored, in: book, of: topic, isPassing: isPassing)
      let labelling = program.map { Labelling($0) } ?? .unreadable
      if case .unlabelled = labelling { return labelling }
      keep(labelling, nil, program, of: stored, topic)
      return labelling
    }
    if case .unlabelled = found { book.noteUnlabelled(stored.version) }
    return found
  }

  /// Which values a version describes that labels none; nil where it does not compile.
  func described(
    by stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) async throws(ReadFailure) -> SchemaClassification? {
    if let known = description(of: stored, topic) { return known }
    return try await descriptions.answer(to: Question(stored, of: topic)) {
      () async throws(ReadFailure) -> SchemaClassification? in
      let engine = engine
      let found = try await onWorker(for: topic) {
        () -> (program: CompiledSchema, described: SchemaClassification)? in
        guard let program = engine.program(of: stored, in: book, of: topic),
          let described = program.describedValues
        else { return nil }
        return (program, described)
      }
      guard let found else { return nil }
      keep(.unlabelled, found.described, found.program, of: stored, topic)
      return found.described
    }
  }

  /// The same, as far as it is known.
  func description(of stored: StoredSchema, _ topic: TopicAddress) -> SchemaClassification? {
    learned[Key(stored, of: topic)]?.described
  }

  private func program(
    of stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress, isPassing: Bool
  ) async throws(ReadFailure) -> CompiledSchema? {
    let engine = engine
    return try await onWorker(for: topic) {
      guard isPassing else { return engine.program(of: stored, in: book, of: topic) }
      return book.program(of: stored.version) ?? (try? engine.recompileSchema(stored, of: topic))
    }
  }

  private func keep(
    _ labelling: Labelling, _ described: SchemaClassification?, _ program: CompiledSchema?,
    of stored: StoredSchema, _ topic: TopicAddress
  ) {
    let key = Key(stored, of: topic).detached
    if let old = learned[key] {
      bytes -= old.bytes
      order.removeAll { $0 == key }
    }
    let kept = described ?? program?.classification
    // Names lie in the texts that they were read from.
    let size = 512 + (kept?.memory ?? 0) + (program?.bytes ?? 0)
    learned[key] = Known(labelling: labelling, described: described, bytes: size)
    order.append(key)
    bytes += size
    while bytes > GatewayLimits.labelBytes, order.count > 1, let oldest = order.popFirst() {
      bytes -= learned.removeValue(forKey: oldest)?.bytes ?? 0
    }
  }

  /// In a turn of the reader's tenant, ahead of those who register schemas.
  private func onWorker<Answer: Sendable>(
    for topic: TopicAddress, _ work: @escaping @Sendable () -> Answer
  ) async throws(ReadFailure) -> Answer {
    do throws(WorkersBusy) {
      return try await lane.of(topic.caller.tenant.bytes, isUrgent: true).run(work)
    } catch {
      throw ReadFailure(error)
    }
  }
}

extension ReadFailure {
  /// A piece of work that could not be done.
  init(_ busy: WorkersBusy) {
    self = busy == .stopping ? .closing : .unavailable(retryAfter: .seconds(1))
  }
}

extension Catalogue {
  /// The program of a version, compiled unless it is in memory, and kept there for others; nil
  /// where it does not compile. On a worker.
  func program(
    of stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) -> CompiledSchema? {
    if let program = book.program(of: stored.version) { return program }
    guard let program = try? recompileSchema(stored, of: topic) else { return nil }
    book.keep(program, of: stored.version)
    return program
  }
}

extension SchemaBook {
  /// What a version labels, as far as that is known without compiling it. Its text is looked at
  /// once.
  func labelling(of stored: StoredSchema) -> Labelling {
    let known = labelling(of: stored.version)
    guard case .unknown = known, !stored.mayHaveLabels else { return known }
    noteUnlabelled(stored.version)
    return .unlabelled
  }
}

extension StoredSchema {
  /// Whether its text, or a document it refers to, could label anything. A look at the bytes alone:
  /// where escapes could spell the keyword it is yes.
  var mayHaveLabels: Bool {
    if !references.isEmpty { return true }
    var index = 0
    while let found = text.firstIndex(of: 0x78, from: index) {
      if text.dropFirst(found).starts(with: "x-classification") { return true }
      index = found + 1
    }
    index = 0
    while let found = text.firstIndex(of: ASCII.backslash, from: index) {
      if found + 1 < text.count, text[found + 1] == 0x75 { return true }
      index = found + 2
    }
    return false
  }
}
