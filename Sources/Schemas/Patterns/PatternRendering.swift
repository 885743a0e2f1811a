/// Writes a `PatternTree` for PCRE2, in a spelling whose meaning no option or release changes.
struct PatternRendering {
  private(set) var text = ""
  private let names: [String: Int]

  private init(names: [String: Int]) { self.names = names }

  /// PCRE2's text for `tree`; `names` are the groups that `\k` may name.
  static func render(_ tree: PatternTree, names: [String: Int]) throws(PatternFault) -> String {
    var rendering = PatternRendering(names: names)
    try rendering.write(tree)
    return rendering.text
  }

  private mutating func write(_ tree: PatternTree) throws(PatternFault) {
    switch tree {
    case .sequence(let items): for item in items { try write(item) }
    case .alternatives(let branches):
      text += "(?:"
      for (index, branch) in branches.enumerated() {
        if index > 0 { text += "|" }
        try write(branch)
      }
      text += ")"
    case .characters(let set): write(set)
    case .group(let inner, let number):
      text += number == nil ? "(?:" : "("
      try write(inner)
      text += ")"
    case .look(let inner, let behind, let negative):
      text += behind ? "(?<" : "(?"
      text += negative ? "!" : "="
      try write(inner)
      text += ")"
    case .repeated(let item, let minimum, let maximum, let lazy):
      try write(item, from: minimum, to: maximum, lazy: lazy)
    case .start: text += "\\A"
    case .end: text += "\\z"
    case .wordBoundary(let negated): text += negated ? "\\B" : "\\b"
    case .reference(let number): text += "\\g{\(number)}"
    case .namedReference(let name):
      guard let number = names[name] else { throw .unknownGroup(at: 0) }
      text += "\\g{\(number)}"
    }
  }

  /// The engine runs through a set of characters at once, but not through a group. Where it must
  /// have many of the set, it looks for them without calling back, and again at each character of
  /// the text: these are a group, and what may follow is a set once more.
  private mutating func write(
    _ item: PatternTree, from minimum: Int, to maximum: Int?, lazy: Bool
  ) throws(PatternFault) {
    guard case .characters(let set) = item, !set.isEmpty else {
      text += "(?:"
      try write(item)
      text += ")"
      writeCount(minimum, maximum, lazy: lazy)
      return
    }
    guard minimum > Self.mostAtOnce else {
      write(set)
      writeCount(minimum, maximum, lazy: lazy)
      return
    }
    text += "(?:(?:"
    write(set)
    text += ")"
    writeCount(minimum, minimum, lazy: false)
    if maximum != minimum {
      write(set)
      writeCount(0, maximum.map { $0 - minimum }, lazy: lazy)
    }
    text += ")"
  }

  /// Characters that an item of the pattern may ask for at once: about what its fuel pays
  /// for.
  private static let mostAtOnce = 16

  private mutating func writeCount(_ minimum: Int, _ maximum: Int?, lazy: Bool) {
    text += "{\(minimum),\(maximum.map(String.init) ?? "")}"
    if lazy { text += "?" }
  }

  private mutating func write(_ set: CharacterSet) {
    if let single = set.single {
      write(codePoint: single)
      return
    }
    if set.isEmpty {
      text += set.negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)"
      return
    }
    text += set.negated ? "[^" : "["
    for range in set.ranges {
      write(codePoint: range.lowerBound)
      if range.upperBound > range.lowerBound {
        text += "-"
        write(codePoint: range.upperBound)
      }
    }
    for property in set.properties {
      text += property.negated ? "\\P{" : "\\p{"
      text += property.name + "}"
    }
    text += "]"
  }

  private mutating func write(codePoint: UInt32) {
    let isPlain =
      (codePoint >= 0x30 && codePoint <= 0x39) || (codePoint >= 0x41 && codePoint <= 0x5A)
      || (codePoint >= 0x61 && codePoint <= 0x7A)
    if isPlain, let scalar = Unicode.Scalar(codePoint) {
      text.unicodeScalars.append(scalar)
    } else {
      text += "\\x{" + String(codePoint, radix: 16) + "}"
    }
  }
}
