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
    guard !address.caller.isOperator, let standing = book.classification(of: subject) else {
      return
    }
    let next = version?.classification
    let found = try await parts.workers.run {
      ClassificationComparison.loosenings(from: standing, to: next)
    }
    guard found.isEmpty else { throw Refusal(loosening: found) }
  }

  /// The same of any other change of a topic's schemas.
  func checkClassification(
    _ edit: SchemaEdit, of book: SchemaBook, at address: TopicAddress
  ) async throws {
    switch edit {
    case .setDefault(let version, let program):
      guard let stored = book.version(version) else { return }
      try await checkClassification(of: program, for: stored.subject, in: book, at: address)
    case .deleteSubject(let subject), .retire(let subject):
      try await checkClassification(of: nil, for: subject, in: book, at: address)
    case .clear:
      for subject in book.defaults.keys.sorted() {
        try await checkClassification(of: nil, for: subject, in: book, at: address)
      }
    case .bind(let terms):
      guard !address.caller.isOperator, book.terms?.ways ?? [] != terms?.ways ?? [] else { return }
      let labels = book.defaults.keys.flatMap { book.classification(of: $0)?.labels ?? [] }
      guard labels.isEmpty else {
        throw Refusal(loosening: [
          Loosening(
            place: "", label: nil,
            message: "the rules say which events are checked against what is classified")
        ])
      }
    case .setState, .remove: return
    }
  }

  /// Refuses what would answer questions about values: only who may see all that the topic's
  /// versions label may ask.
  func checkSeesAll(of topic: TopicAddress) async throws {
    let classes = topic.classes
    if classes.isAll { return }
    let book = parts.engine.schemaBook(of: topic)
    var hidden: Set<ClassLabel> = []
    for stored in book.versions {
      if let program = book.program(of: stored.version) {
        hidden.formUnion(program.classification?.labels(hiddenFrom: classes) ?? [])
      } else if stored.mayHaveLabels {
        let program = try? await compile(stored, of: topic)
        hidden.formUnion(
          program.map { $0.classification?.labels(hiddenFrom: classes) ?? [] } ?? [.unreadable])
      }
    }
    guard hidden.isEmpty else {
      let names = hidden.sorted().map(\.description).joined(separator: ",")
      throw Refusal(
        classRequired: ByteSlice(utf8: names),
        "the answer would tell about values that you may not see")
    }
  }

  /// The labels of a topic's schemas in force, sorted.
  func labels(of topic: TopicAddress) -> [ClassLabel] {
    guard let binding = parts.engine.binding(of: topic) else { return [] }
    let schemas = binding.sole.map { [$0] } ?? binding.bound
    return Set(schemas.flatMap { $0.program.classification?.labels ?? [] }).sorted()
  }
}

extension SchemaBook {
  /// What the default version of a line labels.
  fileprivate func classification(of subject: SchemaSubject) -> SchemaClassification? {
    defaultVersion(of: subject).flatMap { program(of: $0.version) }?.classification
  }
}

extension SchemaBindingTerms {
  /// Which types go to which lines, in order, and what becomes of others.
  fileprivate var ways: [String] {
    rules.map { "\($0.type) \($0.subject)" } + (rules.isEmpty ? [] : ["\(unmatched)"])
  }
}
