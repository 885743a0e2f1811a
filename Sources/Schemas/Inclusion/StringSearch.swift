import Bytes

/// What a string must be like, apart from its length.
struct StringRules {
  var matches: [Pattern] = []
  var mismatches: [Pattern] = []
  var formats: [StringFormat] = []
  var notFormats: [StringFormat] = []
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
    where rules.matches.contains(where: { $0.source == pattern.source }) {
      return Findings()
    }
    for format in rules.notFormats where rules.formats.contains(where: { $0.implies(format) }) {
      return Findings()
    }
    // What is no automaton is left out, and only checked afterwards.
    let isRegular = { (pattern: String) in search.machine(pattern) != nil }
    let matches = rules.matches.map(\.source).filter(isRegular)
    let mismatches = rules.mismatches.map(\.source).filter(isRegular)
    let isExact =
      rules.formats.isEmpty && rules.notFormats.isEmpty && matches.count == rules.matches.count
      && mismatches.count == rules.mismatches.count
    let outlines = rules.formats.compactMap(\.outline)
    let notOutlines = rules.notFormats.filter(\.isExactlyOutlined).compactMap(\.outline)
    let examples = rules.formats.flatMap(\.examples).map { Instance.string(ByteSlice(utf8: $0)) }
    var found = Findings(values: examples.filter { keeps($0) }, isComplete: false)
    if found.values.count >= wanted { return found }
    let ask = wanted + rules.excluded.count + (isExact ? 0 : 32)
    let product = search.product(
      accepting: matches + outlines, refusing: mismatches + notOutlines)
    guard let product else { return found }
    var words = product.words(lengths, ask, search)
    if words.isEmpty { return words }
    words.values = words.values.filter { keeps($0) }
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
      && rules.matches.allSatisfy { search.judge.matches($0, text) == true }
      && !rules.mismatches.contains { search.judge.matches($0, text) == true }
  }
}

extension StringFormat {
  /// Whether every text of this format is one of the other too.
  func implies(_ other: StringFormat) -> Bool {
    self == other || (self == .uri && other == .uriReference)
  }

  /// A pattern that every text of the format has; nil where none is worth its while.
  var outline: String? {
    switch self {
    case .date: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    case .time: "^[0-9]{2}:[0-9]{2}:[0-9]{2}.*[Zz0-9]$"
    case .dateTime: "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}.*[Zz0-9]$"
    case .uuid:
      "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    case .ipv4: "^[0-9.]{7,15}$"
    case .ipv6: "^[0-9a-fA-F:.]{2,45}$"
    case .email: "^[^]+@[^]+$"
    case .uri: "^[A-Za-z][A-Za-z0-9+.-]*:"
    default: nil
    }
  }

  /// Whether the outline says all.
  var isExactlyOutlined: Bool { self == .uuid }

  /// Texts of the format that most bounds let pass.
  var examples: [String] {
    switch self {
    case .date: ["2026-03-14", "1999-12-31"]
    case .time: ["09:30:00Z", "23:59:59.5+01:00"]
    case .dateTime: ["2026-03-14T09:30:00Z", "1999-12-31T23:59:59.5+01:00"]
    case .uuid: ["123e4567-e89b-42d3-a456-426614174000"]
    case .ipv4: ["192.0.2.1", "198.51.100.200"]
    case .ipv6: ["2001:db8::1", "::"]
    case .email: ["a@b.example", "someone.else@mail.example"]
    case .uri: ["a:b", "https://a.example/b?c#d"]
    case .uriReference: ["b", "/a/b?c#d"]
    }
  }
}
