import Bytes
import JSONText

/// Which members or items of values are evaluated, a bit each: a stack, since values inside may ask
/// while an outer one is still being asked about. Allocates only while it grows. Part of one
/// `SchemaScratch`, and like it confined to one thread at a time.
final class EvaluatedMarks {
  private var words: [UInt64] = []

  /// Opens a set of `count` clear bits; returns its first word.
  func open(_ count: Int) -> Int {
    let first = words.count
    for _ in 0..<((count + 63) / 64) { words.append(0) }
    return first
  }

  /// Drops the set that was opened last.
  func close(_ first: Int) { words.removeLast(words.count - first) }

  func mark(_ position: Int, _ first: Int) {
    words[first + position / 64] |= 1 << UInt64(position % 64)
  }

  func isMarked(_ position: Int, _ first: Int) -> Bool {
    words[first + position / 64] >> UInt64(position % 64) & 1 != 0
  }
}

// `unevaluatedProperties` and `unevaluatedItems`. Only schemas that have them come here: once all
// other keywords of a node have accepted a value, the node is walked again for what they looked at.
// Branches that need not have accepted are asked once more.
extension Evaluator {
  /// One question: which children of the value at `at` are evaluated.
  struct Inquiry {
    let at: Int
    /// The first word of the answer.
    let marks: Int
    /// Whether the children are items, else members.
    let isArray: Bool
    /// Whether all that may apply to the value counts, whether it takes the value or not: then what
    /// is left unmarked is right under none of it.
    var takesAllBranches = false
  }

  /// Whether everything that node `branch.second` has left keeps the schema `branch.first`.
  @_lifetime(self: copy self)
  mutating func acceptsUnevaluated(_ branch: ProgramBranch, _ at: Int) -> Bool {
    let isArray = branch.operation == .unevaluatedItems
    let kind = value.token(at).kind
    guard kind == (isArray ? .array : .object), value.token(at).extent > 1 else { return true }
    guard spend(Int(value.token(at).extent) >> 9) else { return false }
    let inquiry = Inquiry(
      at: at, marks: scratch.evaluated.open(Int(value.token(at).extent)), isArray: isArray)
    defer { scratch.evaluated.close(inquiry.marks) }
    mark(branch.second, inquiry, isAsking: true)
    guard halt == nil else { return false }
    let end = at &+ Int(value.token(at).extent)
    var child = at &+ 1
    var position = 0
    while child < end {
      guard spend(1) else { return false }
      let target = isArray ? child : child &+ 1
      if !scratch.evaluated.isMarked(position, inquiry.marks) {
        guard branch.third == 0, accepts(branch.first, target) else { return false }
      }
      position &+= 1
      child = target &+ Int(value.token(target).extent)
    }
    return true
  }

  /// Marks what a node, which has accepted the value, has evaluated.
  ///
  /// - Parameter isAsking: whether the node is the one whose rest is asked for.
  @_lifetime(self: copy self)
  mutating func mark(_ index: UInt32, _ inquiry: Inquiry, isAsking: Bool = false) {
    if index == ProgramNode.anything || halt != nil { return }
    guard spend(1), depth < SchemaLimits.evaluationDepth else {
      stop(.fuelExhausted)
      return
    }
    depth &+= 1
    defer { depth &-= 1 }
    let node = nodes[index]
    if inquiry.isArray {
      if node.array != ProgramNode.none { markItems(arrays[node.array], inquiry) }
    } else if node.object != ProgramNode.none {
      let rule = objects[node.object]
      markMembers(rule, inquiry)
      markDependencies(rule, inquiry)
    }
    for offset in 0..<UInt32(node.branchCount) {
      markBranch(branches[node.firstBranch &+ offset], inquiry, isAsking: isAsking)
    }
  }

  @_lifetime(self: copy self)
  private mutating func markBranch(
    _ branch: ProgramBranch, _ inquiry: Inquiry, isAsking: Bool
  ) {
    if halt != nil { return }
    switch branch.operation {
    case .constant, .enumeration, .indexed, .words, .content, .negation: return
    case .reference: mark(branch.first, inquiry)
    case .all:
      for index in 0..<branch.second {
        mark(lists[branch.first &+ index], inquiry)
      }
    case .any, .one:
      for index in 0..<branch.second {
        let schema = lists[branch.first &+ index]
        if inquiry.takesAllBranches || accepts(schema, inquiry.at) { mark(schema, inquiry) }
        guard spend(1) else { return }
      }
    case .chosenAny, .chosenOne:
      if inquiry.takesAllBranches {
        for index in 0..<branch.second { mark(lists[branch.first &+ index], inquiry) }
      } else if let chosen = chosen(discriminators[branch.third], inquiry.at) {
        mark(chosen, inquiry)
      }
    case .condition where inquiry.takesAllBranches:
      for schema in [branch.first, branch.second, branch.third] { mark(schema, inquiry) }
    case .condition:
      let holds = accepts(branch.first, inquiry.at)
      if halt != nil { return }
      if holds { mark(branch.first, inquiry) }
      mark(holds ? branch.second : branch.third, inquiry)
    case .unevaluatedProperties: if !isAsking, !inquiry.isArray { markAll(inquiry) }
    case .unevaluatedItems: if !isAsking, inquiry.isArray { markAll(inquiry) }
    }
  }

  @_lifetime(self: copy self)
  private mutating func markDependencies(_ rule: ObjectRule, _ inquiry: Inquiry) {
    for index in 0..<Int(rule.dependencyCount) {
      let dependency = dependencies[rule.firstDependency &+ UInt32(index)]
      guard dependency.schema != ProgramNode.none,
        member(in: inquiry.at, named: dependency.trigger) != nil
      else { continue }
      mark(dependency.schema, inquiry)
    }
  }

  /// Marks the members that `properties`, `patternProperties` and `additionalProperties` look at.
  @_lifetime(self: copy self)
  private mutating func markMembers(_ rule: ObjectRule, _ inquiry: Inquiry) {
    if rule.evaluatesAll {
      markAll(inquiry)
      return
    }
    let end = inquiry.at &+ Int(value.token(inquiry.at).extent)
    var key = inquiry.at &+ 1
    var position = 0
    while key < end, spend(1) {
      var isKnown = false
      if let index = find(key, in: rule.table) {
        isKnown = slots[index].schema != ProgramNode.none
      }
      var pattern = 0
      while !isKnown, pattern < Int(rule.patternCount), spend(1) {
        let entry = patternRules[rule.firstPattern &+ UInt32(pattern)]
        isKnown = nameMatches(entry.pattern, key)
        pattern &+= 1
      }
      if isKnown { scratch.evaluated.mark(position, inquiry.marks) }
      position &+= 1
      key = key &+ 1 &+ Int(value.token(key &+ 1).extent)
    }
  }

  /// Marks the items that `prefixItems`, `items` and `contains` look at.
  @_lifetime(self: copy self)
  private mutating func markItems(_ rule: ArrayRule, _ inquiry: Inquiry) {
    let mayTakeAny =
      inquiry.takesAllBranches && rule.containsEvaluates && rule.contains != ProgramNode.none
    if rule.evaluatesAll || mayTakeAny {
      markAll(inquiry)
      return
    }
    let end = inquiry.at &+ Int(value.token(inquiry.at).extent)
    var item = inquiry.at &+ 1
    var position = 0
    let contains = rule.containsEvaluates ? rule.contains : ProgramNode.none
    while item < end, position < Int(rule.prefixCount) || contains != ProgramNode.none, spend(1) {
      if position < Int(rule.prefixCount)
        || (contains != ProgramNode.none && accepts(contains, item))
      {
        scratch.evaluated.mark(position, inquiry.marks)
      }
      position &+= 1
      item = item &+ Int(value.token(item).extent)
    }
  }

  @_lifetime(self: copy self)
  private mutating func markAll(_ inquiry: Inquiry) {
    let end = inquiry.at &+ Int(value.token(inquiry.at).extent)
    var child = inquiry.at &+ 1
    var position = 0
    while child < end, spend(1) {
      scratch.evaluated.mark(position, inquiry.marks)
      position &+= 1
      if !inquiry.isArray { child &+= 1 }
      child = child &+ Int(value.token(child).extent)
    }
  }
}
