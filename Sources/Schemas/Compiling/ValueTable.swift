import JSONText

/// A range of the program's lists of nodes.
struct NodeRange: BitwiseCopyable, Sendable {
  var first: UInt32 = 0
  var count: UInt32 = 0

  var isEmpty: Bool { count == 0 }
}

/// JSON values of a schema and the branches of a union that each of them chooses. Strings stand in
/// a table of names, all other values in an index by their hashes, so that `1` and `1.0` are one
/// value.
struct ValueTable: BitwiseCopyable, Sendable {
  /// The strings. `schema` and `required` of a slot are the first and the count of the range that
  /// it chooses.
  var strings: NameTable
  /// Number of the index of all other values; `ProgramNode.none` where there are none.
  var index = ProgramNode.none
}

/// Rows of values by the upper bits of their hashes: those of bucket `n` begin where the program's
/// buckets say at `firstBucket + n` and end where the next one begins. Made by sorting, so that it
/// takes no longer where a schema's author has chosen values that collide; looking through such a
/// bucket costs fuel.
struct ValueIndex: BitwiseCopyable, Sendable {
  var firstBucket: UInt32
  /// How far a hash is moved to the right for the number of its bucket, below 64.
  var shift: UInt32
  /// Kinds that the values have, a bit for each.
  var kinds: UInt8 = 0
  /// The fewest and the most tokens of a value.
  var leastExtent = UInt32.max
  var mostExtent: UInt32 = 0

  /// A value and what it chooses.
  struct Row: BitwiseCopyable, Sendable {
    var hash: UInt64 = 0
    /// Token of the program's constants.
    var token: UInt32
    var choice = NodeRange()
  }

  /// Whether a value of this kind and of as many tokens can be among them.
  @inline(__always)
  func mayHave(_ token: JSONToken) -> Bool {
    kinds & JSONToken.bit(of: token.kind) != 0 && token.extent >= leastExtent
      && token.extent <= mostExtent
  }

  /// The number of buckets.
  var bucketCount: UInt32 { 1 << (64 - shift) }
}

extension SchemaProgram {
  /// Lays out an index of `rows`, whose tokens are of the program's finished constants.
  mutating func layOut(_ rows: [ValueIndex.Row]) -> ValueIndex {
    let rows = Self.hashed(rows, of: constants).sorted {
      ($0.hash, $0.token) < ($1.hash, $1.token)
    }
    var bits: UInt32 = 1
    while 1 << bits < rows.count { bits += 1 }
    var index = ValueIndex(firstBucket: UInt32(valueBuckets.count), shift: 64 - bits)
    for row in rows {
      let token = constants.tokens[Int(row.token)]
      index.kinds |= JSONToken.bit(of: token.kind)
      index.leastExtent = min(index.leastExtent, token.extent)
      index.mostExtent = max(index.mostExtent, token.extent)
    }
    var next = 0
    for bucket in 0..<UInt64(index.bucketCount) {
      while next < rows.count, rows[next].hash >> UInt64(index.shift) < bucket { next += 1 }
      valueBuckets.append(UInt32(valueRows.count + next))
    }
    valueBuckets.append(UInt32(valueRows.count + rows.count))
    valueRows += rows
    return index
  }

  /// Rows with the hashes of their values.
  private static func hashed(
    _ rows: [ValueIndex.Row], of document: JSONDocument
  ) -> [ValueIndex.Row] {
    var rows = rows
    let constants = TapeView(document.tokens, document.source)
    for number in rows.indices {
      // The schema's own text is bounded by its size.
      var fuel = Int.max
      rows[number].hash = ValueHash.hash(constants, Int(rows[number].token), fuel: &fuel)
    }
    return rows
  }
}
