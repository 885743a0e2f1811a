import JSONText

// What no keyword has looked at.
extension Explainer {
  @_lifetime(self: copy self)
  mutating func explainUnevaluated(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isArray = branch.operation == .unevaluatedItems
    let token = evaluator.value.tokens[at]
    guard token.kind == (isArray ? .array : .object) else { return }
    // Where something else is wrong, nobody knows yet which branches will count: then only what
    // none of them looks at is told.
    let isRight = isOtherwiseRight(index, at)
    guard evaluator.halt == nil else { return }
    let inquiry = Evaluator.Inquiry(
      at: at, marks: evaluator.scratch.evaluated.open(Int(token.extent)), isArray: isArray,
      takesAllBranches: !isRight)
    evaluator.mark(branch.second, inquiry, isAsking: true)
    let end = at + Int(token.extent)
    var child = at + 1
    var unmarked: [(position: Int, child: Int)] = []
    var position = 0
    while child < end, evaluator.spend(1) {
      if !evaluator.scratch.evaluated.isMarked(position, inquiry.marks) {
        unmarked.append((position, child))
      }
      position += 1
      if !isArray { child += 1 }
      child += Int(evaluator.value.tokens[child].extent)
    }
    evaluator.scratch.evaluated.close(inquiry.marks)
    for (position, child) in unmarked where !isDone {
      switch (isArray, branch.third == 1) {
      case (false, true):
        let known = violations.count < 4 ? names(inPlaceOf: index, depth: 3) : []
        let suggestion = closest(to: child, among: absent(Array(known.prefix(64)), in: at))
        reportMember(
          index, child, keyword: "unevaluatedProperties", code: .unknownProperty,
          "is not a known property", suggestion: suggestion)
      case (false, false): explainMember(branch.first, child)
      case (true, true):
        reportItem(
          index, position, child, keyword: "unevaluatedItems", code: .unexpectedItem,
          "is one item more than the schema knows")
      case (true, false): explainItem(branch.first, position, child)
      }
    }
  }

  /// Slots of names that the schema and those applied to the same value declare, as far as a few
  /// steps reach: enough for a suggestion.
  private mutating func names(inPlaceOf index: UInt32, depth: Int) -> [Int] {
    let node = program.nodes[Int(index)]
    var found: [Int] = []
    if node.object != ProgramNode.none {
      found = declared(program.objects[Int(node.object)].table)
    }
    guard depth > 0, affords(Int(node.branchCount)) else { return found }
    for offset in 0..<Int(node.branchCount) where found.count < 256 {
      let branch = program.branches[Int(node.firstBranch) + offset]
      switch branch.operation {
      case .reference: found += names(inPlaceOf: branch.first, depth: depth - 1)
      case .all, .any, .one, .chosenAll, .chosenAny, .chosenOne:
        for position in 0..<min(Int(branch.second), 16) {
          let schema = program.lists[Int(branch.first) + position]
          found += names(inPlaceOf: schema, depth: depth - 1)
        }
      case .condition:
        for schema in [branch.first, branch.second, branch.third] {
          found += names(inPlaceOf: schema, depth: depth - 1)
        }
      default: continue
      }
    }
    return found
  }

  /// Whether the value keeps everything else that the node says: then it is known what is left.
  @_lifetime(self: copy self)
  private mutating func isOtherwiseRight(_ index: UInt32, _ at: Int) -> Bool {
    let node = program.nodes[Int(index)]
    guard evaluator.acceptsKind(node, at) else { return false }
    for offset in 0..<Int(node.branchCount) {
      let other = program.branches[Int(node.firstBranch) + offset]
      if other.operation == .unevaluatedProperties || other.operation == .unevaluatedItems {
        continue
      }
      guard evaluator.acceptsBranch(other, at) else { return false }
    }
    return true
  }
}
