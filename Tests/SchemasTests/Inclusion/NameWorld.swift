import Bytes
import TestSupport

/// Schemas that tell members apart by their names, and all objects of few and short ones; a seed
/// repeats everything.
struct NameWorld {
  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed) }

  private mutating func pick(_ list: [String]) -> String { list[dice.below(list.count)] }

  private mutating func names() -> String {
    pick([
      #"{"minLength":1}"#, #"{"minLength":2}"#, #"{"maxLength":1}"#, #"{"maxLength":2}"#,
      #"{"pattern":"^a"}"#, #"{"pattern":"z$"}"#, #"{"pattern":"^[^z]"}"#,
    ])
  }

  private mutating func value() -> String {
    pick([#"{"type":"string"}"#, #"{"type":"integer"}"#])
  }

  private mutating func rule() -> String {
    switch dice.below(4) {
    case 0: return #"{"patternProperties":{"^a":\#(value())}}"#
    case 1: return #"{"additionalProperties":\#(value())}"#
    default: return #"{"propertyNames":\#(names())}"#
    }
  }

  /// Takes objects of at most two members.
  mutating func writer() -> String {
    let least = dice.below(2)
    let most = 1 + dice.below(2)
    let named = names()
    let others = pick(["true", #"{"type":"string"}"#])
    return #"{"type":"object","minProperties":\#(least),"maxProperties":\#(most),"#
      + #""propertyNames":\#(named),"additionalProperties":\#(others)}"#
  }

  /// Takes what keeps one of two or three rules.
  mutating func reader() -> String {
    let count = 2 + dice.below(2)
    var rules: [String] = []
    for _ in 0..<count { rules.append(rule()) }
    return #"{"anyOf":[\#(rules.joined(separator: ","))]}"#
  }

  /// Every object of at most two members whose names have up to three of three letters.
  static let objects: [ByteSlice] = {
    let letters = ["a", "b", "z"]
    let two = letters.flatMap { first in letters.map { first + $0 } }
    let three = two.flatMap { first in letters.map { first + $0 } }
    let members = ([""] + letters + two + three).map { name in
      ["\"s\"", "1"].map { "\"\(name)\":\($0)" }
    }
    var texts = [""] + members.joined()
    for (index, some) in members.enumerated() {
      for others in members[..<index] {
        for one in some { texts += others.map { "\(one),\($0)" } }
      }
    }
    return texts.map { ByteSlice(utf8: "{\($0)}") }
  }()
}
