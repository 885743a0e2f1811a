import JSONText

/// Long lists of allowed values, found by hash.
extension SchemaProgram {
  /// Fills the index with the tokens of the values that branches look for there; of equal values
  /// the first one's. The constants are complete.
  mutating func indexConstants() throws(SchemaFault) {
    for branch in branches where branch.operation == .indexed {
      let range = Int(branch.second)...Int(branch.second + branch.third)
      index.replaceSubrange(range, with: try slots(of: branch))
    }
  }

  /// The slots of one list.
  private func slots(of branch: ProgramBranch) throws(SchemaFault) -> [UInt32] {
    let values = TapeView(constants.tokens, constants.source)
    var slots = [UInt32](repeating: 0, count: Int(branch.third) + 1)
    var fuel = Int.max
    // Honest values meet few others: hashes that were made to agree are not looked through.
    var probes = 64 * slots.count
    var token = branch.first + 1
    let end = branch.first + values.tokens[Int(branch.first)].extent
    while token < end {
      var slot = UInt32(truncatingIfNeeded: ValueHash.hash(values, Int(token), fuel: &fuel))
      slot &= branch.third
      var isKnown = false
      while slots[Int(slot)] != 0, !isKnown {
        probes -= 1
        guard probes > 0 else { throw .limitExceeded("values of 'enum' that are alike", 64) }
        let earlier = Int(slots[Int(slot)])
        isKnown =
          ValueEquality.equal(values, earlier, values, Int(token), fuel: &fuel) == true
        slot = (slot &+ 1) & branch.third
      }
      if !isKnown { slots[Int(slot)] = token }
      token += values.tokens[Int(token)].extent
    }
    return slots
  }
}
