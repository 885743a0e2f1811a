import Bytes

/// What a string must be like, apart from its length.
struct StringRules {
  var matches: [Pattern] = []
  var mismatches: [Pattern] = []
  var formats: [StringFormat] = []
  var notFormats: [StringFormat] = []
  var contents: [StringContent] = []
  var notContents: [StringContent] = []

  /// Whether patterns and lengths say everything.
  var arePlain: Bool {
    formats.isEmpty && notFormats.isEmpty && contents.isEmpty && notContents.isEmpty
  }

  /// Texts that it must not be.
  var excluded: Set<ByteSlice> = []
}

/// Strings that keep some rules: words of a product of automata, held against patterns and formats.
struct StringSearch {
  private let rules: StringRules
  private let lengths: ClosedRange<Int>
  private let search: InclusionSearch

  init(_ rules: StringRules, _ lengths: ClosedRange<Int>, _ search: InclusionSearch) {
    self.rules = rules
    self.lengths = lengths
    self.search = search
  }

  func values(_ wanted: Int) -> Findings {
    for pattern in rules.mismatches
    where rules.matches.contains(where: { $0.isSame(as: pattern) }) {
      return Findings()
    }
    for format in rules.notFormats where rules.formats.contains(where: { $0.implies(format) }) {
      return Findings()
    }
    for content in rules.notContents where rules.contents.contains(where: { $0.implies(content) }) {
      return Findings()
    }
    // What is no automaton is left out, and only checked afterwards.
    let isRegular = { (pattern: String) in search.machine(pattern) != nil }
    let matches = rules.matches.map(\.source).filter(isRegular)
    let mismatches = rules.mismatches.map(\.source).filter(isRegular)
    let isExact =
      rules.arePlain && matches.count == rules.matches.count
      && mismatches.count == rules.mismatches.count
    let outlines = rules.formats.compactMap(\.outline)
    let notOutlines = rules.notFormats.filter(\.isExactlyOutlined).compactMap(\.outline)
    let texts = rules.formats.flatMap(\.examples) + rules.contents.flatMap(\.examples)
    let examples = texts.map { Instance.string(ByteSlice(utf8: $0)) }
    var found = Findings(values: examples.filter { keeps($0) }, isComplete: false)
    if found.values.count >= wanted { return found }
    let ask = wanted + rules.excluded.count + (isExact ? 0 : 32)
    let product = search.product(
      accepting: matches + outlines, refusing: mismatches + notOutlines)
    guard let product else { return found }
    var words = product.words(lengths, ask, search)
    if words.isEmpty { return words }
    words = words.filter { keeps($0) }
    if !examples.isEmpty { words.isComplete = false }
    found.isComplete = true
    found.add(words)
    return found
  }

  /// Whether the engine would say so: patterns and formats that are no automata included.
  func keeps(_ value: Instance) -> Bool {
    guard case .string(let text) = value, !rules.excluded.contains(text) else { return false }
    let length = Evaluator.codePoints(text.span)
    return lengths.contains(length)
      && rules.formats.allSatisfy { $0.accepts(text.span) }
      && !rules.notFormats.contains { $0.accepts(text.span) }
      && rules.contents.allSatisfy { $0.accepts(text) }
      && !rules.notContents.contains { $0.accepts(text) }
      && rules.matches.allSatisfy { search.judge.matches($0, text) == true }
      && !rules.mismatches.contains { search.judge.matches($0, text) == true }
  }
}
