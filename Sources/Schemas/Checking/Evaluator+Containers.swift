import Bytes
import JSONText

// Objects and arrays.
extension Evaluator {
  /// The slot of the string token `at` in a table, or nil.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func find(_ at: Int, in table: NameTable) -> UInt32? {
    let token = value.token(at)
    // One comparison for both: an escape counts as a length of two billion.
    if token.length | UInt32(token.flags.rawValue & 1) &<< 31 > UInt32(NameTable.shortReach)
      || Int(token.offset) &+ NameTable.shortReach > value.bytes.count
    {
      return findSlowly(token, in: table)
    }
    let found = table.findShort(
      value.bytes.raw, at: Int(token.offset), count: Int(token.length), slots: slots,
      fuel: &fuel)
    // A large table does not fit into the caches that small ones stay in.
    return spend(table.distance) ? found : nil
  }

  /// Looks for a name that is long, has escapes, or stands at the end of the text.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func findSlowly(_ token: JSONToken, in table: NameTable) -> UInt32? {
    guard spend(token.isEscaped ? 4 &+ Int(token.length) >> 1 : Int(token.length) >> 3) else {
      return nil
    }
    var found: UInt32?
    if token.isEscaped {
      let unescaped = scratch.unescape(value.text(token))
      found = table.find(
        unescaped.span.raw, at: 0, count: unescaped.count, slots: slots, names: names,
        fuel: &fuel)
    } else {
      found = table.find(
        value.bytes.raw, at: Int(token.offset), count: Int(token.length), slots: slots,
        names: names, fuel: &fuel)
    }
    return spend(table.distance) ? found : nil
  }

  /// The token of the value of the member whose name is in a table, or nil.
  @_lifetime(self: copy self)
  mutating func member(in object: Int, named table: NameTable) -> Int? {
    let end = object &+ Int(value.token(object).extent)
    var key = object &+ 1
    while key < end {
      guard spend(1) else { return nil }
      if find(key, in: table) != nil { return key &+ 1 }
      key = key &+ 1 &+ Int(value.token(key &+ 1).extent)
    }
    return nil
  }

  /// Whether an object keeps its rule: one walk over its members, one probe for each.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsObject(_ index: UInt32, _ at: Int) -> Bool {
    guard descend() else { return false }
    defer { depth &-= 1 }
    let rule = objects[index]
    let end = at &+ Int(value.token(at).extent)
    let looksAtNames = rule.patternCount > 0 || rule.names != ProgramNode.anything
    var key = at &+ 1
    var members: UInt32 = 0
    var required: UInt32 = 0
    while key < end {
      guard spend(2) else { return false }
      members &+= 1
      var isKnown = false
      if let index = find(key, in: rule.table) {
        let slot = slots[index]
        required &+= slot.required
        if slot.schema != ProgramNode.none {
          isKnown = true
          guard accepts(slot.schema, key &+ 1) else { return false }
        }
      }
      if looksAtNames {
        guard acceptsName(rule, key, &isKnown) else { return false }
      }
      if !isKnown, rule.additional != ProgramNode.anything {
        guard !rule.isClosed, accepts(rule.additional, key &+ 1) else { return false }
      }
      key = key &+ 1 &+ Int(value.token(key &+ 1).extent)
    }
    // Names are unique, so as many required ones as there are means all of them.
    guard required == rule.requiredCount, members >= rule.minimum, members <= rule.maximum else {
      return false
    }
    return rule.dependencyCount == 0 || acceptsDependencies(rule, at)
  }

  /// Whether a member's name keeps the schema for names, and the member those of the patterns that
  /// its name matches.
  @_lifetime(self: copy self)
  private mutating func acceptsName(
    _ rule: ObjectRule, _ key: Int, _ isKnown: inout Bool
  ) -> Bool {
    if rule.patternCount > 0 {
      guard let matched = acceptsPatternMember(rule, key) else { return false }
      isKnown = isKnown || matched
    }
    return accepts(rule.names, key)
  }

  /// Whether a member keeps the schemas of the patterns its name matches; nil where not, else
  /// whether any pattern matched.
  @_lifetime(self: copy self)
  private mutating func acceptsPatternMember(_ rule: ObjectRule, _ key: Int) -> Bool? {
    var matched = false
    for index in 0..<rule.patternCount {
      let pattern = patternRules[rule.firstPattern &+ index]
      guard spend(1) else { return nil }
      if nameMatches(pattern.pattern, key) {
        matched = true
        guard accepts(pattern.schema, key &+ 1) else { return nil }
      }
      if halt != nil { return nil }
    }
    return matched
  }

  /// Whether the member name at token `key` matches a pattern.
  @_lifetime(self: copy self)
  mutating func nameMatches(_ pattern: UInt32, _ key: Int) -> Bool {
    let token = value.token(key)
    if token.isEscaped {
      guard spend(4 &+ Int(token.length) >> 1) else { return false }
      let unescaped = scratch.unescape(value.text(token))
      return matches(pattern, unescaped.span)
    }
    return matches(pattern, value.text(token))
  }

  @_lifetime(self: copy self)
  private mutating func acceptsDependencies(_ rule: ObjectRule, _ at: Int) -> Bool {
    for index in 0..<rule.dependencyCount {
      let dependency = dependencies[rule.firstDependency &+ index]
      if member(in: at, named: dependency.trigger) != nil {
        if dependency.schema != ProgramNode.none {
          guard accepts(dependency.schema, at) else { return false }
        } else {
          guard hasRequired(dependency, at) else { return false }
        }
      }
      if halt != nil { return false }
    }
    return true
  }

  /// Whether every name that a dependency requires is there.
  @_lifetime(self: copy self)
  mutating func hasRequired(_ dependency: DependencyRule, _ at: Int) -> Bool {
    let end = at &+ Int(value.token(at).extent)
    var key = at &+ 1
    var found: UInt32 = 0
    while key < end {
      guard spend(1) else { return false }
      if find(key, in: dependency.required) != nil { found &+= 1 }
      key = key &+ 1 &+ Int(value.token(key &+ 1).extent)
    }
    return found == dependency.requiredCount
  }

  /// Whether an array keeps its rule.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsArray(_ index: UInt32, _ at: Int) -> Bool {
    guard descend() else { return false }
    defer { depth &-= 1 }
    let rule = arrays[index]
    let end = at &+ Int(value.token(at).extent)
    var item = at &+ 1
    var items: UInt32 = 0
    var contained: UInt32 = 0
    while item < end {
      guard spend(1) else { return false }
      let schema =
        items < rule.prefixCount ? lists[rule.firstPrefix &+ items] : rule.rest
      guard schema == ProgramNode.anything || acceptsItem(schema, item) else { return false }
      if rule.contains != ProgramNode.none {
        if accepts(rule.contains, item) { contained &+= 1 }
        guard spend(1) else { return false }
      }
      items &+= 1
      item = item &+ Int(value.token(item).extent)
    }
    guard items >= rule.minimum, items <= rule.maximum else { return false }
    if rule.contains != ProgramNode.none {
      guard contained >= rule.minimumContains, contained <= rule.maximumContains else {
        return false
      }
    }
    return !rule.unique || items < 2 || hasUniqueItems(at, count: Int(items))
  }

  /// As `accepts`. Of arrays most are long that hold short integers: those are compared with their
  /// bounds here, at no further cost.
  @inline(__always)
  @_lifetime(self: copy self)
  private mutating func acceptsItem(_ index: UInt32, _ at: Int) -> Bool {
    let node = nodes[index]
    let token = value.token(at)
    let kind = token.kindNumber
    if UInt32(node.settled) &>> kind & 1 != 0 { return true }
    if UInt32(node.possible) &>> kind & 1 == 0 { return false }
    if kind == UInt32(JSONKind.number.rawValue), token.length < 8, node.branchCount == 0 {
      // Without branches it is the number's rule that has not settled the matter.
      let rule = numbers[node.number]
      if rule.isInterval, rule.divisor == 1, rule.scale == 0 {
        let number = value.shortInteger(token)
        return number >= rule.lowest && number <= rule.highest
      }
    }
    return acceptsNode(index, at)
  }

  /// Whether no two items are equal. Up to eight are compared in pairs, more by sorted hashes.
  @_lifetime(self: copy self)
  mutating func hasUniqueItems(_ at: Int, count: Int) -> Bool {
    switch equalItems(at, count: count) {
    case .unique: return true
    case .equal: return false
    case .fuelExhausted:
      stop(.fuelExhausted)
      return false
    }
  }

  /// Looks for two equal items.
  @_lifetime(self: copy self)
  mutating func equalItems(_ at: Int, count: Int) -> UniquenessSet.Outcome {
    var left = fuel
    let scratch = scratch
    let outcome = scratch.uniqueness.search(value, at, count: count, fuel: &left)
    fuel = left
    return outcome
  }
}
