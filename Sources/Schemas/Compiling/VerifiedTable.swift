import JSONText

/// A table of a program that `verify` has been through: its rows are read without checking the
/// index, since every index that the program holds was checked once, when it was made.
struct VerifiedTable<Row>: ~Escapable {
  private let rows: Span<Row>

  @_lifetime(copy rows)
  init(_ rows: Span<Row>) { self.rows = rows }

  /// SAFETY: indices come from the program itself, and `SchemaProgram.verify` has compared all of
  /// them with the tables that they point into.
  @inline(__always)
  subscript(_ index: UInt32) -> Row { unsafe rows[unchecked: Int(index)] }
}

extension SchemaProgram {
  /// Checks once what the evaluator takes for granted: that the program points into itself only.
  /// Traps where it does not.
  func verify() {
    for node in nodes {
      expect(node.string, in: strings)
      expect(node.number, in: numbers)
      expect(node.array, in: arrays)
      expect(node.object, in: objects)
      expect(node.firstBranch, UInt32(node.branchCount), in: branches)
    }
    for rule in strings { expect(rule.pattern, in: patterns) }
    for rule in numbers {
      for token in [
        rule.minimum, rule.exclusiveMinimum, rule.maximum, rule.exclusiveMaximum, rule.multipleOf,
      ] { expectConstant(token) }
    }
    for rule in arrays {
      expect(rule.firstPrefix, rule.prefixCount, in: lists)
      expect(rule.rest, 1, in: nodes)
      expect(rule.contains, in: nodes)
    }
    for rule in objects {
      expect(rule.table)
      for slot in filled(rule.table) { expect(slot.schema, in: nodes) }
      expect(rule.additional, 1, in: nodes)
      expect(rule.names, 1, in: nodes)
      expect(rule.firstPattern, rule.patternCount, in: patternRules)
      expect(rule.firstDependency, rule.dependencyCount, in: dependencies)
    }
    for rule in patternRules {
      expect(rule.pattern, 1, in: patterns)
      expect(rule.schema, 1, in: nodes)
    }
    for rule in dependencies {
      expect(rule.trigger)
      expect(rule.required)
      expect(rule.schema, in: nodes)
    }
    for selection in selections {
      expect(selection.path.first, selection.path.count, in: tables)
      expect(selection.values)
      for slot in filled(selection.values.strings) { expect(slot.schema, slot.required, in: lists) }
      for range in [selection.rest, selection.absent, selection.others] {
        expect(range.first, range.count, in: lists)
      }
    }
    for row in valueRows {
      expectConstant(row.token)
      expect(row.choice.first, row.choice.count, in: lists)
    }
    for bucket in valueBuckets { expect(bucket, 0, in: valueRows) }
    for table in tables { expect(table) }
    for slot in slots where slot.length != .max {
      expect(slot.nameOffset, slot.length, in: names)
    }
    for node in lists { expect(node, in: nodes) }
    precondition(chains.count == patterns.count, "a pattern without its place")
    for place in chains {
      expect(place.firstLink, place.linkCount, in: links)
      precondition(
        place.literalLength <= place.linkCount
          && (place.repeatsFrom == .max || place.repeatsFrom < place.linkCount),
        "a chain that goes on beyond itself")
    }
    for branch in branches { expect(branch) }
    precondition(Int(root) < nodes.count, "a program without its root")
  }

  private func expect(_ branch: ProgramBranch) {
    switch branch.operation {
    case .constant, .enumeration: expectConstant(branch.first)
    case .indexed:
      expectConstant(branch.first)
      expect(branch.second, branch.third + 1, in: index)
      // A probe ends at a free slot.
      precondition(
        index[Int(branch.second)...Int(branch.second + branch.third)].contains(0),
        "an index without a free slot")
    case .words: expect(branch.first, 1, in: tables)
    case .content: break
    case .reference, .negation: expect(branch.first, 1, in: nodes)
    case .all, .any, .one: expect(branch.first, branch.second, in: lists)
    case .chosenAll, .chosenAny, .chosenOne:
      expect(branch.first, branch.second, in: lists)
      expect(branch.third, 1, in: selections)
    case .condition:
      for node in [branch.first, branch.second, branch.third] { expect(node, 1, in: nodes) }
    case .unevaluatedProperties, .unevaluatedItems:
      expect(branch.first, 1, in: nodes)
      expect(branch.second, 1, in: nodes)
    }
  }

  /// An index that may be absent.
  private func expect<Row>(_ index: UInt32, in rows: [Row]) {
    precondition(
      index == ProgramNode.none || Int(index) < rows.count, "an index beyond its table")
  }

  private func expect<Row>(_ first: UInt32, _ count: UInt32, in rows: [Row]) {
    precondition(Int(first) + Int(count) <= rows.count, "a range beyond its table")
  }

  private func expectConstant(_ token: UInt32) {
    precondition(
      token == ProgramNode.none || Int(token) < constants.tokens.count,
      "a constant beyond the pool")
  }

  /// A table lies among the slots, and has a free one where probes end.
  private func expect(_ table: NameTable) {
    expect(table.firstSlot, table.mask + 1, in: slots)
    precondition(filled(table).count <= Int(table.mask), "a table without a free slot")
  }

  private func expect(_ table: ValueTable) {
    expect(table.strings)
    guard table.index != ProgramNode.none else { return }
    expect(table.index, 1, in: valueIndexes)
    let index = valueIndexes[Int(table.index)]
    precondition(index.shift < 64, "an index without buckets")
    expect(index.firstBucket, index.bucketCount + 1, in: valueBuckets)
  }

  private func filled(_ table: NameTable) -> [NameTable.Slot] {
    slots[Int(table.firstSlot)...Int(table.firstSlot + table.mask)].filter { $0.length != .max }
  }
}
