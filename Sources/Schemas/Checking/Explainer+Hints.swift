import Bytes
import JSONText

// What makes a violation easier to mend, as far as the budget of the explanation goes: a hint that
// would cost too much is left out, and nothing else is.
extension Explainer {
  /// Takes `units` of fuel for a hint; false where there is not enough to spare.
  mutating func affords(_ units: Int) -> Bool {
    guard evaluator.fuel > units else { return false }
    evaluator.fuel -= units
    return true
  }

  /// The filled slots of a table in the order of the schema; none where they are too many.
  mutating func declared(_ table: NameTable) -> [Int] {
    guard affords(Int(table.mask) * 16 + 16) else { return [] }
    let first = Int(table.firstSlot)
    return (first...(first + Int(table.mask)))
      .filter { program.slots[$0].length != .max }
      .sorted { program.slots[$0].nameOffset < program.slots[$1].nameOffset }
  }

  /// The tokens of a table's values that are no strings, in the order of the schema; none where
  /// they are too many.
  mutating func declaredValues(_ table: ValueTable) -> [Int] {
    guard table.index != ProgramNode.none else { return [] }
    let index = program.valueIndexes[Int(table.index)]
    let first = Int(program.valueBuckets[Int(index.firstBucket)])
    let end = Int(program.valueBuckets[Int(index.firstBucket + index.bucketCount)])
    guard affords(6 * (end - first)) else { return [] }
    return program.valueRows[first..<end].map { Int($0.token) }.sorted()
  }

  /// The name of a table that has one.
  func soleName(_ table: NameTable) -> String {
    let first = Int(table.firstSlot)
    let slot = (first...(first + Int(table.mask))).first { program.slots[$0].length != .max }
    return slot.map { program.name(ofSlot: $0) } ?? ""
  }

  /// Those of some slots whose names no member of the object at a token has; none where looking
  /// costs too much.
  mutating func absent(_ slots: [Int], in object: Int) -> [Int] {
    guard !slots.isEmpty, let present = names(of: object) else { return [] }
    return slots.filter { slot in
      affords(32 + Int(program.slots[slot].length) >> 2)
        && !present.contains(program.nameBytes(ofSlot: slot))
    }
  }

  /// The names of an object's members, which are kept for the next question about the same object;
  /// nil where collecting them costs too much.
  private mutating func names(of object: Int) -> Set<[UInt8]>? {
    if let known = collected, known.object == object { return known.names }
    let end = object + Int(evaluator.value.tokens[object].extent)
    var names: Set<[UInt8]> = []
    var key = object + 1
    while key < end {
      let token = evaluator.value.tokens[key]
      guard affords(64 + Int(token.length) >> (token.isEscaped ? 0 : 2)) else { return nil }
      names.insert(nameBytes(key))
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    collected = (object, names)
    return names
  }

  /// Explains what is wrong with the name at token `key` by the schema for names. Type, length and
  /// what is expected are the name's.
  @_lifetime(self: copy self)
  mutating func explainName(_ schema: UInt32, _ index: UInt32, _ key: Int) {
    path.append(.member(key))
    defer { path.removeLast() }
    let found = rehearse(schema, key, upTo: 4)
    guard !found.isEmpty else {
      report(
        index, key, keyword: "propertyNames", code: .propertyName,
        "has a name that is not allowed")
      return
    }
    for violation in found {
      var named = violation
      named.code = .propertyName
      named.message =
        program.authorTexts[violation.node]?[violation.keyword]
        ?? program.authorTexts[index]?["propertyNames"] ?? "has a name that " + violation.message
      named.keyword = "propertyNames"
      add(named)
    }
  }

  /// "; item 2 comes nearest, where …", of the first items of the array at a token and a schema
  /// that some must keep; nil where several come as near, or looking would cost too much.
  @_lifetime(self: copy self)
  mutating func nearestItem(to schema: UInt32, _ array: Int, among count: Int) -> String? {
    var best: (position: Int, found: [Violation])?
    var isTied = false
    var item = array + 1
    for position in 0..<count {
      let extent = Int(evaluator.value.tokens[item].extent)
      guard affords(16 + 4 * extent) else { break }
      if takesKind(program.nodes[Int(schema)].types, evaluator.value.tokens[item]) {
        path.append(.item(position))
        let found = rehearse(schema, item, upTo: 8)
        path.removeLast()
        guard evaluator.halt == nil else { return nil }
        if !found.isEmpty, found.count <= best?.found.count ?? .max {
          isTied = found.count == best?.found.count
          if !isTied { best = (position, found) }
        }
      }
      item += extent
    }
    guard let best, !isTied, let first = best.found.first else { return nil }
    return "; item \(best.position) comes nearest, where \(first.pointer) \(first.message)"
  }

  /// The name among some slots that comes closest to the name or word at token `at`, or nil.
  mutating func closest(to at: Int, among slots: [Int]) -> String? {
    guard evaluator.value.tokens[at].length <= 6 * UInt32(Suggestion.longest) else { return nil }
    let name = nameBytes(at)
    guard name.count >= 2, name.count <= Suggestion.longest else { return nil }
    var best: (distance: Int, slot: Int)?
    for slot in slots.prefix(256) {
      let length = Int(program.slots[slot].length)
      guard affords(1) else { break }
      guard abs(length - name.count) <= Suggestion.farthest(name) else { continue }
      // A unit is some nanoseconds, and so is a cell of the table that compares two names.
      guard affords(64 + name.count * length) else { break }
      let distance = Suggestion.distance(name, program.nameBytes(ofSlot: slot))
      guard distance <= Suggestion.farthest(name) else { continue }
      if distance < best?.distance ?? .max { best = (distance, slot) }
    }
    return best.map { program.name(ofSlot: $0.slot) }
  }
}
