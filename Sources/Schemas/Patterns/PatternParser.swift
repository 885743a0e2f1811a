import Bytes

/// Reads the regular expressions of ECMA-262 (§22.2, Unicode mode) into a `PatternTree`.
///
/// Lenient where Annex B is and patterns in the wild rely on it (escaped punctuation, a lone `{`,
/// `}` or `]`); strict about everything that other engines would read in another way: what is not
/// ECMA-262 is refused, never passed on.
struct PatternParser {
  private let text: [UInt32]
  private var index = 0
  private var depth = 0
  /// Capturing groups seen so far.
  private(set) var groups = 0
  /// Group numbers by name.
  private(set) var names: [String: Int] = [:]
  private(set) var hasReferences = false
  private var highestReference = (number: 0, at: 0)

  /// Repetition counts that PCRE2 can hold.
  static let maximumRepeat = 65_535

  private init(_ pattern: String) { text = pattern.unicodeScalars.map(\.value) }

  /// The tree of `pattern`, with the group names it defines.
  static func parse(
    _ pattern: String, bytes: Int = SchemaLimits.patternBytes
  ) throws(PatternFault) -> (PatternTree, PatternParser) {
    guard pattern.utf8.count <= bytes else { throw .tooLong(limit: bytes) }
    var parser = PatternParser(pattern)
    let tree = try parser.alternatives()
    guard parser.index == parser.text.count else {
      throw .notECMAScript(what: "an unmatched )", at: parser.index)
    }
    guard parser.highestReference.number <= parser.groups else {
      throw .unknownGroup(at: parser.highestReference.at)
    }
    return (tree, parser)
  }

  /// Whether `text` is a regular expression that a schema could have, whatever its length: what
  /// the format `regex` asks.
  static func isPattern(_ text: Span<UInt8>) -> Bool {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    for index in 0..<text.count { bytes.append(text[index]) }
    do throws(PatternFault) {
      let (tree, parser) = try parse(
        String(decoding: bytes, as: UTF8.self), bytes: SchemaLimits.patternSubjectBytes)
      _ = try PatternRendering.render(tree, names: parser.names)
      return true
    } catch {
      return false
    }
  }

  private var next: UInt32? { index < text.count ? text[index] : nil }

  private func isNext(_ character: Unicode.Scalar, ahead: Int = 0) -> Bool {
    index + ahead < text.count && text[index + ahead] == character.value
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard isNext(character) else { return false }
    index += 1
    return true
  }

  private mutating func alternatives() throws(PatternFault) -> PatternTree {
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(PatternFault) -> PatternTree {
    var items: [PatternTree] = []
    while let character = next, character != 0x7C, character != 0x29 {
      let at = index
      let item = try atom()
      items.append(try repeated(item, at: at))
    }
    return .sequence(items)
  }

  /// `item` with the quantifier that follows it.
  private mutating func repeated(_ item: PatternTree, at: Int) throws(PatternFault) -> PatternTree {
    let bounds: (minimum: Int, maximum: Int?)
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else if let braces = try bracedBounds() {
      bounds = braces
    } else {
      return item
    }
    switch item {
    case .start, .end, .wordBoundary: throw .notECMAScript(what: "a repeated assertion", at: at)
    case .look(_, behind: true, _): throw .notECMAScript(what: "a repeated look-behind", at: at)
    default: break
    }
    let lazy = take("?")
    if isNext("*") || isNext("+") || isNext("?") {
      throw .notECMAScript(what: "a quantifier without anything to repeat", at: index)
    }
    return .repeated(item, minimum: bounds.minimum, maximum: bounds.maximum, lazy: lazy)
  }

  /// `{n}`, `{n,}` or `{n,m}`; nil, with nothing consumed, for any other brace.
  private mutating func bracedBounds() throws(PatternFault) -> (Int, Int?)? {
    guard isNext("{") else { return nil }
    let start = index
    index += 1
    guard let minimum = try count() else {
      index = start
      return nil
    }
    var maximum: Int? = minimum
    if take(",") { maximum = try count() }
    guard take("}") else {
      index = start
      return nil
    }
    if let maximum, maximum < minimum { throw .badRange(at: start) }
    return (minimum, maximum)
  }

  private mutating func count() throws(PatternFault) -> Int? {
    let start = index
    var value = 0
    while let digit = next, digit >= 0x30, digit <= 0x39 {
      value = value * 10 + Int(digit - 0x30)
      guard value <= Self.maximumRepeat else {
        throw .repeatTooLarge(at: start, limit: Self.maximumRepeat)
      }
      index += 1
    }
    return index > start ? value : nil
  }

  private mutating func atom() throws(PatternFault) -> PatternTree {
    let at = index
    let character = text[index]
    index += 1
    switch character {
    case 0x5E: return .start
    case 0x24: return .end
    case 0x2E: return .characters(CharacterSet(ranges: CharacterSet.lineTerminators, negated: true))
    case 0x28: return try group(at: at)
    case 0x5B: return .characters(try characterClass(at: at))
    case 0x5C: return try escape(at: at)
    case 0x2A, 0x2B, 0x3F:
      throw .notECMAScript(what: "a quantifier without anything to repeat", at: at)
    case 0x7B:
      index = at
      if try bracedBounds() != nil {
        throw .notECMAScript(what: "a quantifier without anything to repeat", at: at)
      }
      index = at + 1
      return .characters(CharacterSet(character))
    default: return .characters(CharacterSet(character))
    }
  }

  private mutating func group(at: Int) throws(PatternFault) -> PatternTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= SchemaLimits.patternDepth else {
      throw .nestedTooDeep(limit: SchemaLimits.patternDepth)
    }
    let opening = try groupKind(at: at)
    let inner = try alternatives()
    guard take(")") else { throw .unfinished(what: "group", at: at) }
    switch opening {
    case .plain: return .group(inner, number: nil)
    case .capture(let number): return .group(inner, number: number)
    case .look(let behind, let negative): return .look(inner, behind: behind, negative: negative)
    }
  }

  private enum GroupKind {
    case plain
    case capture(Int)
    case look(behind: Bool, negative: Bool)
  }

  private mutating func groupKind(at: Int) throws(PatternFault) -> GroupKind {
    guard take("?") else {
      groups += 1
      return .capture(groups)
    }
    if take(":") { return .plain }
    if take("=") { return .look(behind: false, negative: false) }
    if take("!") { return .look(behind: false, negative: true) }
    guard take("<") else { throw .notECMAScript(what: "a group (?…", at: at) }
    if take("=") { return .look(behind: true, negative: false) }
    if take("!") { return .look(behind: true, negative: true) }
    let name = try groupName(at: at)
    groups += 1
    guard names.updateValue(groups, forKey: name) == nil else {
      throw .duplicateGroup(name: name)
    }
    return .capture(groups)
  }

  /// The name up to `>`, which is consumed.
  private mutating func groupName(at: Int) throws(PatternFault) -> String {
    var name = String.UnicodeScalarView()
    while let character = next, character != 0x3E {
      guard let scalar = Unicode.Scalar(character),
        scalar == "$" || scalar == "_" || scalar.properties.isIDContinue
      else { throw .notECMAScript(what: "a bad group name", at: at) }
      name.append(scalar)
      index += 1
    }
    guard take(">"), !name.isEmpty else { throw .unfinished(what: "group name", at: at) }
    return String(name)
  }
}

// MARK: - Escapes

extension PatternParser {
  private mutating func escape(at: Int) throws(PatternFault) -> PatternTree {
    guard let character = next else { throw .unfinished(what: "escape", at: at) }
    switch character {
    case 0x62, 0x42:  // b B
      index += 1
      return .wordBoundary(negated: character == 0x42)
    case 0x31...0x39:
      guard let number = try count() else { throw .unfinished(what: "escape", at: at) }
      if number > highestReference.number { highestReference = (number, at) }
      hasReferences = true
      return .reference(number)
    case 0x6B:  // k
      index += 1
      guard take("<") else { throw .notECMAScript(what: "the escape \\k", at: at) }
      hasReferences = true
      return .namedReference(try groupName(at: at))
    default:
      return .characters(try setEscape(at: at))
    }
  }

  /// An escape that stands for code points, inside a class or outside; `index` is at its letter.
  private mutating func setEscape(at: Int) throws(PatternFault) -> CharacterSet {
    guard let letter = next else { throw .unfinished(what: "escape", at: at) }
    index += 1
    switch letter {
    case 0x64: return CharacterSet(ranges: CharacterSet.digits)
    case 0x44: return CharacterSet(ranges: CharacterSet.complement(CharacterSet.digits))
    case 0x77: return CharacterSet(ranges: CharacterSet.word)
    case 0x57: return CharacterSet(ranges: CharacterSet.complement(CharacterSet.word))
    case 0x73: return CharacterSet(ranges: CharacterSet.space)
    case 0x53: return CharacterSet(ranges: CharacterSet.complement(CharacterSet.space))
    case 0x70, 0x50: return try property(negated: letter == 0x50, at: at)
    case 0x74: return CharacterSet(0x09)
    case 0x6E: return CharacterSet(0x0A)
    case 0x76: return CharacterSet(0x0B)
    case 0x66: return CharacterSet(0x0C)
    case 0x72: return CharacterSet(0x0D)
    case 0x30:
      if let digit = next, digit >= 0x30, digit <= 0x39 {
        throw .notECMAScript(what: "an octal escape", at: at)
      }
      return CharacterSet(0)
    case 0x63:  // c
      guard let control = next, control < 0x80, (control | 0x20) &- 0x61 < 26 else {
        throw .notECMAScript(what: "the escape \\c", at: at)
      }
      index += 1
      return CharacterSet(control % 32)
    case 0x78: return CharacterSet(try hexadecimal(digits: 2, at: at))
    case 0x75: return CharacterSet(try unicodeEscape(at: at))
    default:
      // Annex B: escaped punctuation stands for itself; letters and digits never do.
      let scalar = Unicode.Scalar(letter)
      guard letter > 0x7F || scalar.map({ !Self.isASCIIAlphanumeric($0) }) ?? false else {
        let name = scalar.map(String.init) ?? "?"
        throw .notECMAScript(what: "the escape \\\(name)", at: at)
      }
      return CharacterSet(letter)
    }
  }

  private static func isASCIIAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  private mutating func hexadecimal(digits: Int, at: Int) throws(PatternFault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = next.flatMap({ UInt8(exactly: $0) }).flatMap(ASCII.hexValue) else {
        throw .unfinished(what: "hexadecimal escape", at: at)
      }
      value = value * 16 + UInt32(digit)
      index += 1
    }
    return value
  }

  /// `\uHHHH`, a surrogate pair of two of them, or `\u{H…}`; `index` is behind the `u`.
  private mutating func unicodeEscape(at: Int) throws(PatternFault) -> UInt32 {
    if take("{") {
      var value: UInt32 = 0
      let start = index
      while !isNext("}") {
        value = value &* 16 &+ (try hexadecimal(digits: 1, at: at))
        guard value <= CharacterSet.last else {
          throw .notECMAScript(what: "a code point beyond U+10FFFF", at: at)
        }
      }
      guard index > start, take("}"), Unicode.Scalar(value) != nil else {
        throw .notECMAScript(what: "a surrogate", at: at)
      }
      return value
    }
    let first = try hexadecimal(digits: 4, at: at)
    guard first & 0xF800 == 0xD800 else { return first }
    guard first < 0xDC00, isNext("\\"), isNext("u", ahead: 1) else {
      throw .notECMAScript(what: "a lone surrogate", at: at)
    }
    index += 2
    let second = try hexadecimal(digits: 4, at: at)
    guard second & 0xFC00 == 0xDC00 else {
      throw .notECMAScript(what: "a lone surrogate", at: at)
    }
    return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
  }

  private mutating func property(negated: Bool, at: Int) throws(PatternFault) -> CharacterSet {
    guard take("{") else { throw .notECMAScript(what: "\\p without braces", at: at) }
    var name = ""
    while let scalar = next.flatMap(Unicode.Scalar.init), scalar != "}" {
      guard Self.isASCIIAlphanumeric(scalar) || scalar == "_" || scalar == "=" else {
        throw .unknownProperty(name: name + String(scalar))
      }
      name.unicodeScalars.append(scalar)
      index += 1
    }
    guard take("}") else { throw .unfinished(what: "property", at: at) }
    var set = CharacterSet()
    set.properties = [
      CharacterSet.Property(name: try UnicodePropertyNames.engineName(of: name), negated: negated)
    ]
    return set
  }

  /// A class; `index` is behind its opening bracket.
  private mutating func characterClass(at: Int) throws(PatternFault) -> CharacterSet {
    var set = CharacterSet()
    set.negated = take("^")
    while !isNext("]") {
      let first = try classAtom(at: at)
      guard isNext("-"), !isNext("]", ahead: 1), let low = first.single else {
        set.add(first)
        continue
      }
      let hyphen = index
      index += 1
      let second = try classAtom(at: at)
      guard let high = second.single else {
        // Annex B: a hyphen beside a set stands for itself.
        set.add(first)
        set.add(CharacterSet(0x2D))
        set.add(second)
        continue
      }
      guard low <= high else { throw .badRange(at: hyphen) }
      set.ranges.append(low...high)
    }
    index += 1
    return set
  }

  private mutating func classAtom(at: Int) throws(PatternFault) -> CharacterSet {
    guard let character = next else { throw .unfinished(what: "class", at: at) }
    let start = index
    index += 1
    guard character == 0x5C else { return CharacterSet(character) }
    if take("b") { return CharacterSet(0x08) }
    return try setEscape(at: start)
  }
}

extension CharacterSet {
  fileprivate mutating func add(_ other: CharacterSet) {
    ranges += other.ranges
    properties += other.properties
  }
}
