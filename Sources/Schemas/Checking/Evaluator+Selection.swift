import JSONText

// Unions whose branches are told apart by a value, and lists of values.
extension Evaluator {
  /// Whether the value keeps a union, or a conjunction, with a selection.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsSelected(_ branch: ProgramBranch, _ at: Int) -> Bool {
    fuel &-= 2
    let rest = selections[branch.third].rest
    let chosen = chosen(selections[branch.third], at)
    switch branch.operation {
    case .chosenAll: return acceptsAll(chosen, at) && acceptsAll(rest, at)
    case .chosenOne:
      let count = accepting(chosen, at, upTo: 2)
      if rest.isEmpty || count > 1 || halt != nil { return count == 1 && halt == nil }
      return count &+ accepting(rest, at, upTo: 2) == 1 && halt == nil
    default: return acceptsAny(chosen, at) || (halt == nil && acceptsAny(rest, at))
    }
  }

  /// The schemas that the value may keep beside the selection's rest.
  @_lifetime(self: copy self)
  mutating func chosen(_ selection: Selection, _ at: Int) -> NodeRange {
    if selection.path.isEmpty { return choice(at, in: selection.values) ?? NodeRange() }
    guard value.token(at).kind == .object else { return selection.others }
    guard let told = end(of: selection.path, at) else { return selection.absent }
    return choice(told, in: selection.values) ?? NodeRange()
  }

  /// The token of the value at the end of a path, or nil where the path ends early.
  @_lifetime(self: copy self)
  mutating func end(of path: NodeRange, _ at: Int) -> Int? {
    var place = at
    for step in 0..<path.count {
      guard value.token(place).kind == .object,
        let member = member(in: place, named: tables[path.first &+ step])
      else { return nil }
      place = member
    }
    return place
  }

  /// What the value chooses in a table, or nil where the table does not have it.
  @_lifetime(self: copy self)
  mutating func choice(_ at: Int, in table: ValueTable) -> NodeRange? {
    let token = value.token(at)
    if token.kind == .string {
      guard let slot = find(at, in: table.strings) else { return nil }
      return NodeRange(first: slots[slot].schema, count: slots[slot].required)
    }
    guard table.index != ProgramNode.none else { return nil }
    let index = valueIndexes[table.index]
    guard index.mayHave(token) else { return nil }
    return row(at, in: index)?.choice
  }

  /// The row of an index that has the value, or nil.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func row(_ at: Int, in index: ValueIndex) -> ValueIndex.Row? {
    let hash = ValueHash.hash(value, at, fuel: &fuel)
    guard spend(6 &+ Int(min(12, index.bucketCount &>> 12))) else { return nil }
    let bucket = index.firstBucket &+ UInt32(truncatingIfNeeded: hash &>> UInt64(index.shift))
    var number = valueBuckets[bucket]
    let end = valueBuckets[bucket &+ 1]
    while number < end {
      guard spend(1) else { return nil }
      let row = valueRows[number]
      if row.hash == hash, equalsConstant(Int(row.token), at) { return row }
      number &+= 1
    }
    return nil
  }
}
