import Bytes
import HTTPWire
import Metrics
import Schemas
import Tenancy
import Topics

/// Who may change what is classified, and who may look at all of it.
extension GatewayResponder {
  /// Refuses a change of a topic's schemas that would show more than is shown now; whoever holds
  /// `admin` may. On a worker, unless it is known that nothing concerned is labelled.
  func checkClassification(
    _ edit: SchemaEdit, of book: SchemaBook, at address: TopicAddress
  ) async throws {
    if address.caller.isOperator { return }
    let lines = book.labelledLines(concernedBy: edit)
    if lines.isEmpty { return }
    let work = SchemaWork(engine: parts.engine, address: address.detached, book: book)
    try await inOneTurn(of: address.caller) { try work.checkClassification(edit, of: lines) }
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

extension SchemaWork {
  /// Refuses a version that would show more than the one in force; whoever holds `admin` may.
  ///
  /// - Parameter version: the one that comes into force; nil: none.
  func checkClassification(
    of version: CompiledSchema?, for subject: SchemaSubject
  ) throws(Refusal) {
    guard !address.caller.isOperator, let standing = try classification(of: subject) else { return }
    let found = ClassificationComparison.loosenings(from: standing, to: version?.classification)
    guard found.isEmpty else { throw Refusal(loosening: found) }
  }

  /// The same of any other change.
  ///
  /// - Parameter lines: those that it concerns.
  fileprivate func checkClassification(_ edit: SchemaEdit, of lines: [SchemaSubject]) throws {
    for subject in lines {
      switch edit {
      case .setDefault(let version):
        guard let stored = book.version(version), try classification(of: subject) != nil else {
          continue
        }
        try checkClassification(of: try program(of: stored), for: subject)
      case .bind:
        guard try classification(of: subject) != nil else { continue }
        throw Refusal(loosening: [
          Loosening(
            place: "", label: nil,
            message: "the rules say which events are checked against what is classified")
        ])
      default: try checkClassification(of: nil, for: subject)
      }
    }
  }

  /// What the default version of a line labels; compiled where nobody knows it.
  private func classification(of subject: SchemaSubject) throws(Refusal) -> SchemaClassification? {
    guard let stored = book.defaultVersion(of: subject) else { return nil }
    switch book.labelling(of: stored) {
    case .unlabelled: return nil
    case .classified(let classification): return classification
    case .unknown, .unreadable: break
    }
    do throws(SchemaFault) {
      return try program(of: stored, keeping: true).classification
    } catch {
      throw Refusal(loosening: [
        Loosening(
          place: "", label: nil,
          message: "the version in force does not compile any more: nobody knows what it labels")
      ])
    }
  }
}

extension SchemaBook {
  /// The lines whose default versions label something, or may, as far as a change could show more
  /// of what is checked against them.
  fileprivate func labelledLines(concernedBy edit: SchemaEdit) -> [SchemaSubject] {
    let lines: [SchemaSubject]
    switch edit {
    case .setDefault(let number): lines = version(number).map { [$0.subject] } ?? []
    case .deleteSubject(let subject), .retire(let subject), .erase(let subject): lines = [subject]
    case .clear: lines = defaults.keys.sorted()
    case .bind(let new): lines = terms?.ways ?? [] == new?.ways ?? [] ? [] : defaults.keys.sorted()
    // What names a version that is gone is shown to nobody but readers of every class.
    case .setState, .remove: lines = []
    }
    return lines.filter { subject in
      guard let stored = defaultVersion(of: subject) else { return false }
      if case .unlabelled = labelling(of: stored) { return false }
      return true
    }
  }
}

extension SchemaBindingTerms {
  /// Which types go to which lines, in order, and what becomes of others.
  fileprivate var ways: [String] {
    rules.map { "\($0.type) \($0.subject)" } + (rules.isEmpty ? [] : ["\(unmatched)"])
  }
}
