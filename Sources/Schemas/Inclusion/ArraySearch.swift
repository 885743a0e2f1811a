import Bytes

/// Arrays that keep the rules of one case.
///
/// Items behind all prefixes are alike, so an array need not be longer than its least length, or
/// the longest prefix, and one item for each demand: longer ones exist only if such a one does.
struct ArraySearch {
  private let rules: Case
  private let search: InclusionSearch
  /// Items that some prefix or demand tells apart.
  private let prefix: Int
  private let demands: Int

  /// Items that are looked at one by one; those behind them are alike.
  private static let mostDemands = 24
  private static let longestPrefix = 1_024
  private static let mostApart = 8

  init(_ rules: Case, _ search: InclusionSearch) {
    self.rules = rules
    self.search = search
    var prefix = 0
    for shape in rules.arrayShapes {
      prefix = max(prefix, search.pair[shape].array?.prefix.count ?? 0)
    }
    for (index, _) in rules.itemsAt { prefix = max(prefix, index + 1) }
    for (index, _) in rules.itemsFrom { prefix = max(prefix, index) }
    for (index, _) in rules.restFrom { prefix = max(prefix, index) }
    self.prefix = prefix
    var demands = rules.itemsFrom.count + (rules.hasDuplicates ? 2 : 0)
    for (_, least, _) in rules.contains { demands += min(least, 1 << 20) }
    self.demands = demands
  }

  func values(_ wanted: Int) -> Findings {
    if rules.isUnique && rules.hasDuplicates { return Findings() }
    for (_, least, most) in rules.contains where least > most { return Findings() }
    let longest = min(rules.maximum, max(rules.minimum, prefix) + demands)
    var found = Findings()
    // More items than are ever wanted: the case is left undecided.
    guard demands <= Self.mostDemands, prefix <= Self.longestPrefix, rules.minimum <= 1 << 16
    else { return .unknown }
    guard rules.minimum <= longest else { return found }
    for length in rules.minimum...longest {
      guard search.spend(1) else { return .unknown }
      fill(length, wanted, into: &found)
      if found.values.count >= wanted { break }
    }
    // Longer ones and other items exist unless the array must be empty.
    if !found.values.isEmpty, rules.maximum > 0 { found.isComplete = false }
    return found
  }

  /// What every item at a position must agree with.
  private func literals(at index: Int) -> [Literal] {
    var literals: [Literal] = []
    for shape in rules.arrayShapes {
      guard let rule = search.pair[shape].array else { continue }
      if index < rule.prefix.count {
        literals.append(shape.other(rule.prefix[index], isKept: true))
      } else if let rest = rule.rest {
        literals.append(shape.other(rest, isKept: true))
      }
    }
    for (from, literal) in rules.restFrom where index >= from { literals.append(literal) }
    for (at, literal) in rules.itemsAt where at == index { literals.append(literal) }
    return literals
  }

  /// A distribution of the demands over the items.
  private struct Plan {
    /// What each item that is looked at must agree with.
    var slots: [[Literal]]
    /// What all items behind those must agree with.
    var filler: [Literal]
    var fillers: Int
  }

  private func fill(_ length: Int, _ wanted: Int, into found: inout Findings) {
    // Where one way for all of them may not do, as many as possible are looked at one by one.
    let bounded = rules.contains.filter { $0.maximum < .max }.count
    let differ = bounded > 1 || (bounded == 1 && rules.isUnique)
    let slots = min(length, prefix + demands + (differ ? Self.mostApart : 0))
    if differ, slots < length { found.isComplete = false }
    let plan = Plan(
      slots: (0..<slots).map { literals(at: $0) }, filler: literals(at: slots),
      fillers: length - slots)
    distribute(plan, from: 0, wanted, into: &found)
  }

  /// Gives each demand from the `from`-th on its item, in every way.
  private func distribute(
    _ plan: Plan, from: Int, _ wanted: Int, into found: inout Findings
  ) {
    guard found.values.count < wanted else { return }
    guard search.spend(1) else {
      found.isComplete = false
      return
    }
    if from < rules.itemsFrom.count {
      let (first, literal) = rules.itemsFrom[from]
      for index in plan.slots.indices where index >= first {
        var next = plan
        next.slots[index].append(literal)
        distribute(next, from: from + 1, wanted, into: &found)
      }
      return
    }
    let contains = from - rules.itemsFrom.count
    if contains < rules.contains.count {
      distribute(plan, rules.contains[contains], from: from + 1, wanted, into: &found)
      return
    }
    if rules.hasDuplicates {
      pair(plan, wanted, into: &found)
    } else {
      found.add(arrays(plan, wanted - found.values.count))
    }
  }

  /// Says of every item whether it is one of those that `contains` counts, in every way that keeps
  /// its bounds. Without an upper bound only those that are needed are named.
  private func distribute(
    _ plan: Plan, _ rule: (literal: Literal, minimum: Int, maximum: Int), from: Int,
    _ wanted: Int, into found: inout Findings
  ) {
    func choose(_ index: Int, _ counted: Int, _ plan: Plan) {
      guard found.values.count < wanted else { return }
      guard search.spend(1) else {
        found.isComplete = false
        return
      }
      let left = plan.slots.count - index
      if counted + left < rule.minimum || counted > rule.maximum { return }
      if index == plan.slots.count {
        var last = plan
        if rule.maximum < .max {
          // Those behind are not counted, or all of them are.
          if plan.fillers > 0, plan.fillers <= rule.maximum - counted {
            distribute(last, from: from, wanted, into: &found)
          }
          last.filler.append(rule.literal.opposite)
        }
        distribute(last, from: from, wanted, into: &found)
        return
      }
      if counted < rule.minimum || rule.maximum < .max {
        var next = plan
        next.slots[index].append(rule.literal)
        choose(index + 1, counted + 1, next)
      }
      var next = plan
      if rule.maximum < .max { next.slots[index].append(rule.literal.opposite) }
      choose(index + 1, counted, next)
    }
    choose(0, 0, plan)
  }

  /// Makes two items equal, in every way.
  private func pair(_ plan: Plan, _ wanted: Int, into found: inout Findings) {
    var plan = plan
    if plan.fillers > 0 {
      plan.slots.append(plan.filler)
      plan.fillers -= 1
    }
    if plan.fillers > 0 {
      plan.slots.append(plan.filler)
      plan.fillers -= 1
    }
    for (index, literals) in plan.slots.enumerated() {
      for other in 0..<index {
        var next = plan
        next.slots[index] = literals + plan.slots[other]
        next.slots[other] = next.slots[index]
        let found1 = arrays(next, wanted - found.values.count, equal: (other, index))
        found.add(found1)
        if found.values.count >= wanted { return }
      }
    }
  }

  /// Arrays of a plan.
  private func arrays(_ plan: Plan, _ wanted: Int, equal: (Int, Int)? = nil) -> Findings {
    let length = plan.slots.count + plan.fillers
    let ask = rules.isUnique ? length : 1
    guard length <= 1_024 || !rules.isUnique, search.spend(1 + length / 16) else {
      return .unknown
    }
    var lists: [Findings] = []
    for slot in plan.slots {
      let values = search.values(slot, max(ask, 1))
      if values.values.isEmpty { return values }
      lists.append(values)
    }
    if plan.fillers > 0 {
      let values = search.values(plan.filler, max(ask, 1))
      if values.values.isEmpty { return values }
      lists += Array(repeating: values, count: plan.fillers)
    }
    guard rules.isUnique else {
      var items = lists.map { $0.values[0] }
      if let (one, other) = equal { items[one] = items[other] }
      var found = Findings(values: [.array(items)], isComplete: length == 0)
      vary(items, plan, wanted, equal, into: &found)
      return found
    }
    guard let items = Matching.different(lists.map(\.values)) else {
      return Findings(isComplete: lists.allSatisfy(\.isComplete))
    }
    return Findings(values: [.array(items)], isComplete: length == 0)
  }

  /// Adds arrays that differ in one item.
  private func vary(
    _ items: [Instance], _ plan: Plan, _ wanted: Int, _ equal: (Int, Int)?,
    into found: inout Findings
  ) {
    guard equal == nil else { return }
    for (index, slot) in plan.slots.enumerated() where found.values.count < wanted {
      for value in search.values(slot, wanted).values where found.values.count < wanted {
        var other = items
        other[index] = value
        found.insert(.array(other))
      }
    }
  }
}

/// Picks from lists.
enum Matching {
  /// One value of each list, all different; nil where that is not possible. Augmenting paths.
  static func different(_ lists: [[Instance]]) -> [Instance]? {
    var owner: [Instance: Int] = [:]
    var picked = [Instance?](repeating: nil, count: lists.count)
    func place(_ list: Int, _ tried: inout Set<Instance>) -> Bool {
      for value in lists[list] where owner[value] == nil {
        owner[value] = list
        picked[list] = value
        return true
      }
      for value in lists[list] where tried.insert(value).inserted {
        guard let holder = owner[value], place(holder, &tried) else { continue }
        owner[value] = list
        picked[list] = value
        return true
      }
      return false
    }
    for list in lists.indices {
      var tried: Set<Instance> = []
      guard place(list, &tried) else { return nil }
    }
    return picked.compactMap { $0 }
  }
}
