import Bytes
import JSONText

// What compiled schemas take in memory, counted from what they are made of.

extension SchemaProgram {
  /// Bytes of the tables, the constants and the patterns.
  var memory: Int {
    var bytes = 0
    bytes += Self.bytes(nodes) + Self.bytes(branches) + Self.bytes(strings) + Self.bytes(numbers)
    bytes += Self.bytes(arrays) + Self.bytes(objects) + Self.bytes(patternRules)
    bytes += Self.bytes(dependencies) + Self.bytes(selections) + Self.bytes(tables)
    bytes += Self.bytes(valueIndexes) + Self.bytes(valueBuckets) + Self.bytes(valueRows)
    bytes += Self.bytes(slots) + Self.bytes(names) + Self.bytes(index) + Self.bytes(lists)
    bytes += Self.bytes(chains) + Self.bytes(links) + Self.bytes(declaresType)
    bytes += Self.bytes(pointers) + pointers.reduce(0) { $0 + Self.heap($1) }
    bytes += authorTexts.reduce(0) { $0 + 64 + $1.value.memory }
    bytes += constants.source.count + constants.tokens.count * MemoryLayout<JSONToken>.stride
    return bytes + patterns.reduce(0) { $0 + $1.memory }
  }

  private static func bytes<Row>(_ rows: [Row]) -> Int {
    rows.capacity * MemoryLayout<Row>.stride
  }

  /// Texts of up to fifteen bytes need no memory of their own.
  private static func heap(_ text: String) -> Int {
    text.utf8.count <= 15 ? 0 : 32 + text.utf8.count
  }
}

extension GraphNode {
  /// Bytes of the node and of the lists that it refers to; texts and values lie in documents.
  var memory: Int {
    var bytes = MemoryLayout<GraphNode>.stride + 32 + pointer.utf8.count
    bytes += branches.reduce(0) { $0 + MemoryLayout<GraphBranch>.stride + $1.memory }
    if let array { bytes += array.prefix.count * MemoryLayout<Int>.stride }
    if let object {
      bytes += object.properties.count * MemoryLayout<(name: ByteSlice, schema: Int)>.stride
      bytes += object.required.count * MemoryLayout<ByteSlice>.stride
      bytes += object.patterns.count * 2 * MemoryLayout<Int>.stride
      bytes += object.dependentSchemas.count * 4 * MemoryLayout<Int>.stride
      bytes += object.dependentRequired.reduce(0) {
        $0 + 64 + $1.required.count * MemoryLayout<ByteSlice>.stride
      }
    }
    return bytes
  }
}

extension GraphBranch {
  fileprivate var memory: Int {
    switch self {
    case .all(let schemas), .any(let schemas), .one(let schemas):
      32 + schemas.count * MemoryLayout<Int>.stride
    default: 0
    }
  }
}

extension AuthorTexts {
  /// Bytes of the texts, each at most `SchemaLimits.expectedBytes`.
  fileprivate var memory: Int { count * (64 + SchemaLimits.expectedBytes) }
}

extension SchemaClassification {
  /// Bytes of the nodes and their steps.
  static func memory(_ nodes: [Node], _ links: Int, patterns: Int) -> Int {
    var bytes = links * MemoryLayout<PatternShape.Link>.stride
    bytes += patterns * (8 + MemoryLayout<PatternShape.Place>.stride)
    for node in nodes {
      bytes += MemoryLayout<Node>.stride + node.marks.count * MemoryLayout<Mark>.stride
      bytes += 64 + node.inPlace.count * MemoryLayout<Int32>.stride
      if let members = node.members {
        // A hash table is half empty at most.
        bytes += members.named.count * 2 * (MemoryLayout<ByteSlice>.stride + 8)
        bytes += members.patterns.count * 16
      }
      if let items = node.items { bytes += items.prefix.count * MemoryLayout<Int32>.stride }
    }
    return bytes
  }
}
