import Bytes
import HTTPWire
import Metrics
import Schemas
import Tenancy
import Topics

/// Who may change what is classified, and who may look at all of it.
extension GatewayResponder {
  /// Refuses a version that would show more than the one in force; whoever holds `admin` may.
  ///
  /// - Parameter version: the one that comes into force; nil: none.
  func checkClassification(
    of version: CompiledSchema?, for subject: SchemaSubject, in book: SchemaBook,
    at address: TopicAddress
  ) async throws {
    guard !address.caller.isOperator,
      let standing = try await classification(of: subject, in: book, at: address)
    else { return }
    try await refuseLoosening(from: standing, to: version?.classification, at: address)
  }

  private func refuseLoosening(
    from standing: SchemaClassification, to next: SchemaClassification?, at address: TopicAddress
  ) async throws {
    let found = try await longWork(for: address.caller).run {
      ClassificationComparison.loosenings(from: standing, to: next)
    }
    guard found.isEmpty else { throw Refusal(loosening: found) }
  }

  /// The same of any other change of a topic's schemas.
  func checkClassification(
    _ edit: SchemaEdit, of book: SchemaBook, at address: TopicAddress
  ) async throws {
    if address.caller.isOperator { return }
    switch edit {
    case .setDefault(let version):
      guard let stored = book.version(version),
        let standing = try await classification(of: stored.subject, in: book, at: address)
      else { return }
      let next = try await program(of: stored, in: book, at: address)
      try await refuseLoosening(from: standing, to: next.classification, at: address)
    case .deleteSubject(let subject), .retire(let subject), .erase(let subject):
      try await checkClassification(of: nil, for: subject, in: book, at: address)
    case .clear:
      for subject in book.defaults.keys.sorted() {
        try await checkClassification(of: nil, for: subject, in: book, at: address)
      }
    case .bind(let terms):
      guard book.terms?.ways ?? [] != terms?.ways ?? [] else { return }
      for subject in book.defaults.keys.sorted()
      where try await classification(of: subject, in: book, at: address) != nil {
        throw Refusal(loosening: [
          Loosening(
            place: "", label: nil,
            message: "the rules say which events are checked against what is classified")
        ])
      }
    // What names a version that is gone is shown to nobody but readers of every class.
    case .setState, .remove: return
    }
  }

  /// What the default version of a line labels; compiled on a worker where nobody knows it.
  private func classification(
    of subject: SchemaSubject, in book: SchemaBook, at address: TopicAddress
  ) async throws -> SchemaClassification? {
    guard let stored = book.defaultVersion(of: subject) else { return nil }
    switch book.labelling(of: stored) {
    case .unlabelled: return nil
    case .classified(let classification): return classification
    case .unknown, .unreadable: break
    }
    do {
      return try await program(of: stored, in: book, at: address, keeping: true).classification
    } catch is SchemaFault {
      throw Refusal(loosening: [
        Loosening(
          place: "", label: nil,
          message: "the version in force does not compile any more: nobody knows what it labels")
      ])
    }
  }

  /// Refuses what would answer questions about values: only who may see all that the topic's
  /// versions label may ask. What is found out on the way is remembered for others.
  func checkSeesAll(of topic: TopicAddress, until deadline: MonotonicTime) async throws {
    let classes = topic.classes
    if classes.isAll { return }
    let book = parts.engine.schemaBook(of: topic)
    var hidden: Set<ClassLabel> = []
    for stored in book.versions where !hidden.contains(.unreadable) {
      guard !Task.isCancelled else { throw Refusal.cutShort }
      guard timers.clocks.monotonic() < deadline else {
        throw Refusal(
          .overloaded,
          "finding out what you may see here took too long; it goes on from there the next time"
        ).retrying(after: ReplayLimits.pause)
      }
      let labelling = try await labels.learn(stored, in: book, of: topic, isPassing: true)
      hidden.formUnion(labelling.classes.filter { !classes.covers($0) })
    }
    guard hidden.isEmpty else {
      let names = hidden.sorted().map(\.description).joined(separator: ",")
      throw Refusal(
        classRequired: ByteSlice(utf8: names),
        "the answer would tell about values that you may not see")
    }
  }
}

extension SchemaBindingTerms {
  /// Which types go to which lines, in order, and what becomes of others.
  fileprivate var ways: [String] {
    rules.map { "\($0.type) \($0.subject)" } + (rules.isEmpty ? [] : ["\(unmatched)"])
  }
}
