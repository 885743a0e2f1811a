import Bytes
import JSONText

/// Hashes that equal JSON values share: numbers by value, objects without order.
enum ValueHash {
  /// The hash of the value at a token; one unit of fuel for each token. Void once fuel is below 0.
  static func hash(_ tape: borrowing TapeView, _ at: Int, fuel: inout Int) -> UInt64 {
    fuel &-= 1
    guard fuel >= 0 else { return 0 }
    let token = tape.tokens[at]
    switch token.kind {
    case .null: return 0x1D8E_4E27_C47D_124F
    case .true: return 0x2545_F491_4F6C_DD1D
    case .false: return 0x9FB2_1C65_1E98_DF25
    case .number:
      let text = tape.text(token)
      fuel &-= token.hasFraction ? 4 : 1
      if token.length <= 18, let hash = shortNumber(text) { return hash }
      fuel &-= 4 &+ Int(token.length) >> 1
      return number(text)
    case .string:
      fuel &-= token.isEscaped ? 24 &+ Int(token.length) : 1 &+ Int(token.length) >> 4
      if token.isEscaped {
        let text = tape.unescaped(token)
        return bytes(text.span.raw, at: 0, count: text.count)
      }
      return bytes(tape.bytes.raw, at: Int(token.offset), count: Int(token.length))
    case .array:
      fuel &-= 1
      let end = at + Int(token.extent)
      var item = at + 1
      var hash: UInt64 = 0xA076_1D64_78BD_642F
      while item < end {
        hash = mix(hash, self.hash(tape, item, fuel: &fuel))
        item += Int(tape.tokens[item].extent)
      }
      return hash
    case .object:
      fuel &-= 1
      let end = at + Int(token.extent)
      var key = at + 1
      var hash: UInt64 = 0xE703_7ED1_A0B4_28DB
      while key < end {
        let name = self.hash(tape, key, fuel: &fuel)
        // Added up, so that order does not matter.
        hash &+= mix(name, self.hash(tape, key + 1, fuel: &fuel))
        key += 1 + Int(tape.tokens[key + 1].extent)
      }
      return hash
    }
  }

  /// The hash of an integer that is written in up to eight characters, by those: of equal integers
  /// they are the same, but for `-0`.
  @inline(__always)
  static func hash(shortInteger token: JSONToken, _ tape: borrowing TapeView) -> UInt64 {
    mix(
      UInt64(token.length),
      NameTable.word(tape.bytes.raw, at: Int(token.offset), count: Int(token.length)))
  }

  @inline(__always)
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0x8EBC_6AF0_9C88_C6E3).multipliedFullWidth(
      by: right ^ 0x5899_65CC_7537_4CC3)
    return product.high ^ product.low
  }

  private static func bytes(_ text: RawSpan, at offset: Int, count: Int) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: count)
    var done = 0
    while done < count {
      hash = mix(hash, NameTable.word(text, at: offset &+ done, count: count &- done))
      done &+= 8
    }
    return hash
  }

  /// The hash of a number of up to eighteen characters; nil where it has an exponent. Of an integer
  /// the value counts, of others the digits and how many of them stand behind the point.
  private static func shortNumber(_ lexeme: Span<UInt8>) -> UInt64? {
    var coefficient: UInt64 = 0
    var point = lexeme.count
    let isNegative = lexeme[0] == ASCII.minus
    for index in (isNegative ? 1 : 0)..<lexeme.count {
      let byte = lexeme[index]
      if ASCII.isDigit(byte) {
        coefficient = coefficient &* 10 &+ UInt64(byte &- ASCII.zero)
      } else {
        guard byte == ASCII.dot else { return nil }
        point = index &+ 1
      }
    }
    var scale = lexeme.count &- point
    while scale > 0, coefficient % 10 == 0 {
      coefficient /= 10
      scale &-= 1
    }
    return number(coefficient, exponent: Int64(-scale), isNegative: isNegative)
  }

  private static func number(
    _ coefficient: UInt64, exponent: Int64, isNegative: Bool
  ) -> UInt64 {
    if coefficient == 0 { return 0x589 }
    let sign: UInt64 = isNegative ? 0x6C62_272E : 0x07BB_0142
    return mix(coefficient ^ sign, UInt64(bitPattern: exponent))
  }

  /// Significant digits and decimal exponent, both modulo 2⁶⁴, so that `1`, `1.0` and `10e-1` agree
  /// and no exponent is ever expanded beyond eighteen digits.
  private static func number(_ lexeme: Span<UInt8>) -> UInt64 {
    var coefficient: UInt64 = 0
    var digits: Int64 = 0
    var zeros: Int64 = 0
    var exponent: Int64 = 0
    var isFraction = false
    var index = lexeme[0] == ASCII.minus ? 1 : 0
    while index < lexeme.count, lexeme[index] | 0x20 != 0x65 {
      let byte = lexeme[index]
      index += 1
      if byte == ASCII.dot {
        isFraction = true
        continue
      }
      if isFraction { exponent &-= 1 }
      if byte == ASCII.zero {
        zeros += 1
        continue
      }
      while zeros > 0, coefficient != 0 {
        coefficient &*= 10
        digits += 1
        zeros -= 1
      }
      zeros = 0
      digits += 1
      coefficient = coefficient &* 10 &+ UInt64(byte &- ASCII.zero)
    }
    if coefficient == 0 { return 0x589 }
    exponent &+= zeros
    if index < lexeme.count {
      index += 1
      let isNegative = lexeme[index] == ASCII.minus
      if isNegative || lexeme[index] == ASCII.plus { index += 1 }
      var power: Int64 = 0
      while index < lexeme.count {
        power = power &* 10 &+ Int64(lexeme[index] &- ASCII.zero)
        index += 1
      }
      exponent = isNegative ? exponent &- power : exponent &+ power
    }
    // What an integer of up to eighteen digits is written as otherwise.
    while exponent > 0, exponent <= 18, digits <= 18 - exponent {
      coefficient *= 10
      digits += 1
      exponent -= 1
    }
    return number(coefficient, exponent: exponent, isNegative: lexeme[0] == ASCII.minus)
  }
}

/// Finds equal items of an array: in pairs up to eight items, beyond by a hash set that is kept
/// between calls, so that it allocates only while it grows. A unit of fuel for each item, and what
/// hashing and comparing take.
struct UniquenessSet {
  /// What a search found.
  enum Outcome: Equatable {
    case unique
    /// Positions of two equal items, the first smaller.
    case equal(Int, Int)
    case fuelExhausted
  }

  /// Item number + 1 by hash, in as many slots as the search at hand takes; 0 is free.
  private var slots: [UInt32] = []
  /// Token and hash of each item.
  private var items: [(token: Int, hash: UInt64)] = []

  /// Looks for two equal items in the array at token `at`, which has `count` items.
  mutating func search(_ tape: borrowing TapeView, _ at: Int, count: Int, fuel: inout Int)
    -> Outcome
  {
    items.removeAll(keepingCapacity: true)
    fuel &-= count
    guard fuel >= 0 else { return .fuelExhausted }
    var item = at + 1
    var areShortIntegers = true
    for _ in 0..<count {
      items.append((item, 0))
      let token = tape.token(item)
      areShortIntegers = areShortIntegers && Self.isShortInteger(token, tape)
      item += Int(token.extent)
    }
    if count <= 8 { return searchPairs(tape, fuel: &fuel) }
    if areShortIntegers {
      for number in items.indices {
        items[number].hash = ValueHash.hash(
          shortInteger: tape.token(items[number].token), tape)
      }
    } else {
      for number in items.indices where fuel >= 0 {
        items[number].hash = ValueHash.hash(tape, items[number].token, fuel: &fuel)
      }
    }
    return fuel >= 0 ? searchHashes(tape, fuel: &fuel) : .fuelExhausted
  }

  /// Whether equal integers are written alike, and no other value is equal to this one.
  @inline(__always)
  private static func isShortInteger(_ token: JSONToken, _ tape: borrowing TapeView) -> Bool {
    guard token.kind == .number, !token.hasFraction, token.length <= 8 else { return false }
    let text = tape.text(token)
    return text.count != 2 || text[0] != ASCII.minus || text[1] != ASCII.zero
  }

  private func searchPairs(_ tape: borrowing TapeView, fuel: inout Int) -> Outcome {
    for second in 1..<items.count {
      for first in 0..<second {
        guard
          let same = ValueEquality.equal(
            tape, items[first].token, tape, items[second].token, fuel: &fuel)
        else { return .fuelExhausted }
        if same { return .equal(first, second) }
      }
    }
    return .unique
  }

  private mutating func searchHashes(_ tape: borrowing TapeView, fuel: inout Int) -> Outcome {
    // What it takes however few they are.
    fuel &-= 16
    var capacity = 32
    while capacity < 2 * items.count { capacity *= 2 }
    if slots.count < capacity {
      slots = [UInt32](repeating: 0, count: capacity)
    } else {
      // SAFETY: a part of the buffer, as long as it is borrowed.
      unsafe slots.withUnsafeMutableBufferPointer { slots in
        unsafe UnsafeMutableBufferPointer(rebasing: slots[..<capacity]).update(repeating: 0)
      }
    }
    for number in items.indices {
      let hash = items[number].hash
      var slot = Int(truncatingIfNeeded: hash) & (capacity - 1)
      while slots[slot] != 0 {
        fuel &-= 1
        guard fuel >= 0 else { return .fuelExhausted }
        let earlier = Int(slots[slot]) - 1
        if items[earlier].hash == hash {
          guard
            let same = ValueEquality.equal(
              tape, items[earlier].token, tape, items[number].token, fuel: &fuel)
          else { return .fuelExhausted }
          if same { return .equal(earlier, number) }
        }
        slot = (slot + 1) & (capacity - 1)
      }
      slots[slot] = UInt32(number + 1)
    }
    return .unique
  }
}
