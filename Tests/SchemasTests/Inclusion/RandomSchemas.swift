import TestSupport

/// JSON of a small world, so that random schemas and values meet: few names, short strings, small
/// numbers.
indirect enum RandomJSON {
  case object([(name: String, value: RandomJSON)])
  case array([RandomJSON])
  case text(String)

  var json: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\"\($0.name)\":\($0.value.json)" }.joined(separator: ",") + "}"
    case .array(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
    case .text(let text): text
    }
  }
}

/// Makes schemas of 2020-12 and values for them; a seed repeats everything.
struct RandomSchemas {
  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed) }

  private mutating func pick<Element>(_ list: [Element]) -> Element { list[dice.below(list.count)] }
  private mutating func oneIn(_ bound: Int) -> Bool { dice.below(bound) == 0 }

  /// A schema, with two definitions that it may refer to.
  mutating func schema() -> RandomJSON {
    guard case .object(let members) = typed(depth: 3) else { return .text("true") }
    return .object(
      members + [("$defs", .object([("p", typed(depth: 2)), ("q", typed(depth: 1))]))])
  }

  /// The same schema with one thing changed somewhere.
  mutating func changed(_ schema: RandomJSON) -> RandomJSON {
    switch schema {
    case .object(var members):
      guard !members.isEmpty else { return typed(depth: 1) }
      let index = dice.below(members.count)
      let (name, value) = members[index]
      switch dice.below(8) {
      case 0 where name != "$defs" && name != "p" && name != "q": members.remove(at: index)
      case 1: members += keywords(depth: 1).filter { new in !members.contains { $0.0 == new.0 } }
      default: members[index] = (name, changed(value))
      }
      return .object(members)
    case .array(var items):
      guard !items.isEmpty else { return schema }
      let index = dice.below(items.count)
      if items.count > 1, oneIn(3) {
        items.remove(at: index)
      } else {
        items[index] = changed(items[index])
      }
      return .array(items)
    case .text(let text):
      if Int(text) != nil { return .text("\(dice.below(4))") }
      if text == "true" || text == "false" { return .text(pick(["true", "false"])) }
      return schema
    }
  }

  private mutating func sub(_ depth: Int) -> RandomJSON {
    if depth <= 0 || oneIn(8) {
      return pick([
        .text("true"), .text("false"), .object([]), .object([("type", .text("\"integer\""))]),
        .object([("type", .text("\"string\""))]), .object([("const", .text("1"))]),
        .object([("enum", .text("[\"a\",\"b\",0]"))]),
      ])
    }
    if oneIn(9) { return .object([("$ref", .text(pick(["\"#/$defs/p\"", "\"#/$defs/q\""])))]) }
    return typed(depth: depth)
  }

  private mutating func typed(depth: Int) -> RandomJSON {
    var members = keywords(depth: depth)
    if oneIn(3) { members += keywords(depth: depth - 1) }
    var seen: Set<String> = []
    members = members.filter { seen.insert($0.name).inserted }
    return .object(members)
  }

  private mutating func keywords(depth: Int) -> [(name: String, value: RandomJSON)] {
    switch dice.below(11) {
    case 0, 1: return strings()
    case 2, 3: return numbers()
    case 4, 5, 6: return objects(depth)
    case 7, 8: return arrays(depth)
    case 9: return constants()
    default: return unions(depth)
    }
  }

  private mutating func count(_ bound: Int) -> RandomJSON { .text("\(dice.below(bound))") }

  private mutating func strings() -> [(name: String, value: RandomJSON)] {
    var members: [(name: String, value: RandomJSON)] = []
    if !oneIn(4) { members.append(("type", .text(pick(["\"string\"", "[\"string\",\"null\"]"])))) }
    if oneIn(2) { members.append(("minLength", count(3))) }
    if oneIn(2) { members.append(("maxLength", count(4))) }
    if oneIn(3) { members.append(("pattern", .text(pattern()))) }
    return members
  }

  private mutating func pattern() -> String {
    pick([
      "\"^a\"", "\"b$\"", "\"^[ab]*$\"", "\"a\"", "\"^a+$\"", "\"^.b\"", "\"[0-9]\"", "\"^$\"",
      "\"^(a|bc?){1,2}$\"", "\"^(?!a)\"", "\"\\\\bab\"",
    ])
  }

  private mutating func number() -> RandomJSON {
    .text(pick(["-1", "0", "1", "2", "3", "1.5", "2.5", "0.5", "4"]))
  }

  private mutating func numbers() -> [(name: String, value: RandomJSON)] {
    var members: [(name: String, value: RandomJSON)] = []
    if !oneIn(4) { members.append(("type", .text(pick(["\"integer\"", "\"number\""])))) }
    if oneIn(2) { members.append((pick(["minimum", "exclusiveMinimum"]), number())) }
    if oneIn(2) { members.append((pick(["maximum", "exclusiveMaximum"]), number())) }
    if oneIn(3) { members.append(("multipleOf", .text(pick(["2", "3", "0.5", "1.5", "1"])))) }
    return members
  }

  private mutating func constants() -> [(name: String, value: RandomJSON)] {
    if oneIn(2) { return [("const", value(depth: 1))] }
    return [("enum", .array((0...dice.below(4)).map { _ in value(depth: 1) }))]
  }

  private mutating func name() -> String { pick(["a", "b", "c", "ab"]) }

  private mutating func names() -> RandomJSON {
    var seen: Set<String> = []
    for _ in 0...dice.below(2) { seen.insert(name()) }
    return .array(seen.sorted().map { .text("\"\($0)\"") })
  }

  private mutating func map(_ depth: Int, _ name: (inout Self) -> String) -> RandomJSON {
    var members: [(name: String, value: RandomJSON)] = []
    for _ in 0...dice.below(3) {
      let name = name(&self)
      if !members.contains(where: { $0.name == name }) { members.append((name, sub(depth - 1))) }
    }
    return .object(members)
  }

  private mutating func objects(_ depth: Int) -> [(name: String, value: RandomJSON)] {
    var members: [(name: String, value: RandomJSON)] = []
    if !oneIn(4) { members.append(("type", .text("\"object\""))) }
    if !oneIn(3) { members.append(("properties", map(depth) { $0.name() })) }
    if oneIn(5) {
      members.append(
        ("patternProperties", map(depth) { $0.pick(["^a", "b$", "^[ab]+$", "^(?!a)"]) }))
    }
    if oneIn(2) { members.append(("required", names())) }
    if oneIn(3) { members.append(("additionalProperties", sub(depth - 1))) }
    if oneIn(8) { members.append(("unevaluatedProperties", sub(depth - 1))) }
    if oneIn(6) { members.append(("minProperties", count(3))) }
    if oneIn(6) { members.append(("maxProperties", count(4))) }
    if oneIn(8) { members.append(("propertyNames", .object(strings()))) }
    if oneIn(8) { members.append(("dependentRequired", .object([(name(), names())]))) }
    if oneIn(8) { members.append(("dependentSchemas", .object([(name(), sub(depth - 1))]))) }
    return members
  }

  private mutating func arrays(_ depth: Int) -> [(name: String, value: RandomJSON)] {
    var members: [(name: String, value: RandomJSON)] = []
    if !oneIn(4) { members.append(("type", .text("\"array\""))) }
    if oneIn(3) {
      members.append(("prefixItems", .array((0...dice.below(2)).map { _ in sub(depth - 1) })))
    }
    if oneIn(2) { members.append(("items", sub(depth - 1))) }
    if oneIn(4) { members.append(("contains", sub(depth - 1))) }
    if oneIn(6) { members.append(("minContains", count(3))) }
    if oneIn(6) { members.append(("maxContains", count(3))) }
    if oneIn(4) { members.append(("uniqueItems", .text("true"))) }
    if oneIn(4) { members.append(("minItems", count(3))) }
    if oneIn(4) { members.append(("maxItems", count(4))) }
    if oneIn(8) { members.append(("unevaluatedItems", sub(depth - 1))) }
    return members
  }

  private mutating func unions(_ depth: Int) -> [(name: String, value: RandomJSON)] {
    func some(_ generator: inout Self) -> RandomJSON {
      .array((0...generator.dice.below(3)).map { _ in generator.sub(depth - 1) })
    }
    switch dice.below(6) {
    case 0, 1: return [("anyOf", some(&self))]
    case 2: return [("oneOf", some(&self))]
    case 3: return [("allOf", some(&self))]
    case 4: return [("not", sub(depth - 1))]
    default:
      var members = [(name: "if", value: sub(depth - 1))]
      if !oneIn(3) { members.append(("then", sub(depth - 1))) }
      if oneIn(2) { members.append(("else", sub(depth - 1))) }
      return members
    }
  }

  /// A value that schemas of this world may take.
  mutating func value(depth: Int) -> RandomJSON {
    switch dice.below(depth > 0 ? 10 : 6) {
    case 0: return .text(pick(["null", "true", "false"]))
    case 1, 2, 3:
      return .text(
        pick(["\"\"", "\"a\"", "\"b\"", "\"ab\"", "\"bc\"", "\"1\"", "\"aab\"", "\"cb1\"", "\"é\""])
      )
    case 4, 5: return .text(pick(["-1", "0", "1", "2", "3", "1.5", "2.5", "0.5", "4", "6", "1.0"]))
    case 6, 7:
      return .array((0..<dice.below(4)).map { _ in value(depth: depth - 1) })
    default:
      var members: [(name: String, value: RandomJSON)] = []
      for _ in 0..<dice.below(4) {
        let name = pick(["a", "b", "c", "ab", "ba", "x"])
        if !members.contains(where: { $0.name == name }) {
          members.append((name, value(depth: depth - 1)))
        }
      }
      return .object(members)
    }
  }
}
