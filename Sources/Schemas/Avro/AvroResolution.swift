import Bytes
import JSONText

/// Whether what is written under one Avro definition can be read under another (specification,
/// "Schema Resolution"), as Avro's own checkers of compatibility decide it.
///
/// A type that contains itself is taken to be readable while the answer is being looked for.
struct AvroResolution {
  private struct Pair: Hashable {
    let writer: Int
    let reader: Int
  }

  private enum Failure: Error {
    case outOfBudget
  }

  private let writer: AvroDefinition
  private let reader: AvroDefinition
  private var known: [Pair: Bool] = [:]
  /// Pairs that are not readable and whose reasons were noted.
  private var told: Set<Pair> = []
  /// Pairs found readable, in the order in which they were entered: those that rest on one that
  /// turns out not to be are forgotten with it.
  private var trail: [Pair] = []
  private var reasons: [Incompatibility] = []
  /// Inside a union the other branches may do.
  private var isTrying = false
  private var depth = 0
  private var fuel: Int

  /// Compares within `fuel`, from which what it took is subtracted.
  static func compare(
    writer: AvroDefinition, reader: AvroDefinition, fuel: inout Int
  ) -> SchemaInclusion.Verdict {
    var resolution = AvroResolution(writer: writer, reader: reader, fuel: fuel)
    defer { fuel = resolution.fuel }
    do throws(Failure) {
      return try resolution.reads(0, 0) ? .included : .refused(reasons: resolution.reasons)
    } catch {
      let root = Incompatibility.Place(pointer: "#")
      return .unknown(reasons: [
        Incompatibility(
          rule: "undecided", message: "is too large to be compared", writer: root, reader: root)
      ])
    }
  }

  private init(writer: AvroDefinition, reader: AvroDefinition, fuel: Int) {
    self.writer = writer
    self.reader = reader
    self.fuel = fuel
  }

  /// Whether the reader's type `second` takes values of the writer's type `first`.
  private mutating func reads(_ first: Int, _ second: Int) throws(Failure) -> Bool {
    let pair = Pair(writer: first, reader: second)
    if let answer = known[pair] {
      // Reasons of an answer that was found while trying were not kept: it is looked for once more,
      // and only once, since every look may be as long as all before it.
      if answer || isTrying || told.contains(pair) { return answer }
    }
    try spend(1)
    guard depth < SchemaLimits.inclusionFrames else { throw .outOfBudget }
    depth += 1
    defer { depth -= 1 }
    let entered = trail.count
    known[pair] = true
    trail.append(pair)
    let answer = try resolve(first, second)
    if !answer {
      for pair in trail[entered...] { known[pair] = nil }
      trail.removeSubrange(entered...)
      known[pair] = false
      if !isTrying { told.insert(pair) }
    }
    return answer
  }

  private mutating func spend(_ units: Int) throws(Failure) {
    fuel -= units
    guard fuel > 0 else { throw .outOfBudget }
  }

  private mutating func resolve(_ first: Int, _ second: Int) throws(Failure) -> Bool {
    let (old, new) = (writer[first], reader[second])
    if case .union(let branches) = old.kind {
      var answer = true
      for branch in branches where try !reads(branch, second) { answer = false }
      return answer
    }
    if case .union(let branches) = new.kind {
      return try someBranch(of: branches, reads: first, second)
    }
    if let written = old.decimal, let known = new.decimal, written != known {
      return refuse(
        "logicalType",
        "must be a decimal with the precision \(written.precision) and the scale \(written.scale)",
        first, second)
    }
    switch (old.kind, new.kind) {
    case (.record(let name, let written), .record(let readerName, let fields)):
      guard try takes(name, as: readerName) else {
        return refuse("name", nameRule(name), first, second)
      }
      return try reads(fields, from: written, first, second)
    case (.enumeration(let name, let written, _), .enumeration(let other, let known, let fallback)):
      guard try takes(name, as: other) else {
        return refuse("name", nameRule(name), first, second)
      }
      try spend(written.count + known.count)
      let symbols = Set(known.elements.compactMap(\.string))
      let lost = written.elements.compactMap(\.string).filter { !symbols.contains($0) }
      guard lost.isEmpty || fallback != nil else {
        let names = lost.prefix(8).map { "'\($0.text)'" }.joined(separator: ", ")
        return refuse(
          "symbols", "must have the symbols \(names) or a default", first, second)
      }
      return true
    case (.fixed(let name, let size), .fixed(let other, let otherSize)):
      guard try takes(name, as: other) else {
        return refuse("name", nameRule(name), first, second)
      }
      return size == otherSize
        || refuse("size", "must have the size \(size)", first, second)
    case (.array(let items), .array(let others)), (.map(let items), .map(let others)):
      return try reads(items, others)
    case (.null, .null), (.boolean, .boolean), (.int, .int), (.long, .long), (.float, .float),
      (.double, .double), (.bytes, .bytes), (.string, .string), (.int, .long), (.int, .float),
      (.int, .double), (.long, .float), (.long, .double), (.float, .double), (.string, .bytes),
      (.bytes, .string):
      return true
    default:
      return refuse("type", "must be a type that reads \(old.word)", first, second)
    }
  }

  /// Whether a reader's name takes what was written under another one.
  private mutating func takes(
    _ writer: AvroName, as reader: AvroName
  ) throws(Failure) -> Bool {
    try spend(reader.aliases.count / 8)
    return reader.reads(writer)
  }

  private mutating func someBranch(
    of branches: [Int], reads first: Int, _ second: Int
  ) throws(Failure) -> Bool {
    let wasTrying = isTrying
    isTrying = true
    defer { isTrying = wasTrying }
    for branch in branches where try reads(first, branch) { return true }
    isTrying = wasTrying
    return refuse("union", "must have a branch that reads \(writer[first].word)", first, second)
  }

  private mutating func reads(
    _ fields: [AvroField], from written: [AvroField], _ first: Int, _ second: Int
  ) throws(Failure) -> Bool {
    try spend(fields.reduce(written.count) { $0 + 1 + $1.aliases.count })
    let positions = Dictionary(
      written.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var answer = true
    for field in fields {
      if let position = ([field.name] + field.aliases).lazy.compactMap({ positions[$0] }).first {
        if try !reads(written[position].type, field.type) { answer = false }
      } else if field.fallback == nil {
        note(
          "default", "must have a default: what was written has no field '\(field.name.text)'",
          writer[first].pointer, field.pointer)
        answer = false
      }
    }
    return answer
  }

  // MARK: - Reasons

  private func nameRule(_ name: AvroName) -> String {
    "must be named '\(name.plain)' or have the alias '\(name.full)'"
  }

  private mutating func refuse(
    _ rule: String, _ message: String, _ first: Int, _ second: Int
  ) -> Bool {
    note(rule, message, writer[first].pointer, reader[second].pointer)
    return false
  }

  private mutating func note(
    _ rule: String, _ message: String, _ old: String, _ new: String
  ) {
    guard !isTrying, reasons.count < SchemaLimits.incompatibilities else { return }
    reasons.append(
      Incompatibility(
        rule: rule, message: message, writer: Incompatibility.Place(pointer: old),
        reader: Incompatibility.Place(pointer: new, keyword: rule)))
  }
}
