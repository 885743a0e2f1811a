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
    guard affords(Int(table.mask) * 6 + 6) else { return [] }
    let first = Int(table.firstSlot)
    return (first...(first + Int(table.mask)))
      .filter { program.slots[$0].length != .max }
      .sorted { program.slots[$0].nameOffset < program.slots[$1].nameOffset }
  }

  /// The name of a table that has one.
  func soleName(_ table: NameTable) -> String {
    let first = Int(table.firstSlot)
    let slot = (first...(first + Int(table.mask))).first { program.slots[$0].length != .max }
    return slot.map { program.name(ofSlot: $0) } ?? ""
  }

  /// Whether the object at a token has a member named as a slot; nil where looking costs too much.
  mutating func hasMember(_ object: Int, named slot: Int) -> Bool? {
    guard affords(16 + Int(program.slots[slot].length) >> 2) else { return nil }
    let name = program.nameBytes(ofSlot: slot)
    let end = object + Int(evaluator.value.tokens[object].extent)
    var key = object + 1
    while key < end {
      guard affords(2) else { return nil }
      let token = evaluator.value.tokens[key]
      if token.isEscaped
        ? nameBytes(key) == name
        : ValueEquality.equalBytes(evaluator.value.text(token), name.span)
      {
        return true
      }
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    return false
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
