import Bytes

/// The fields of an answer's head for HPACK: `:status` first, names in lower case, none that speaks
/// of a connection (RFC 9113 §8.2.2). One is used again and again.
struct HTTP2Fields {
  struct Place {
    var name: Range<Int>
    var value: Range<Int>
    /// Its value does not come again: not worth a place in the table of the peer.
    var isUnique = false
  }

  private(set) var bytes = ByteWriter(capacity: 512)
  private(set) var ranges: [Place] = []

  /// Takes over a head as `AnswerWriter` has left it.
  ///
  /// - Returns: its length, the empty line included.
  mutating func take(_ head: Span<UInt8>) -> Int {
    bytes.removeAll()
    ranges.removeAll(keepingCapacity: true)
    bytes.append(":status")
    // `HTTP/1.1 201 …`: the status stands at a fixed place.
    bytes.append(head.extracting(9..<12))
    ranges.append(Place(name: 0..<7, value: 7..<10))
    var start = Self.lineEnd(of: head, from: 12) + 2
    while start < head.count {
      let end = Self.lineEnd(of: head, from: start)
      if end == start { return min(end + 2, head.count) }
      add(start..<end, of: head)
      start = end + 2
    }
    return head.count
  }

  private mutating func add(_ line: Range<Int>, of head: Span<UInt8>) {
    var colon = line.lowerBound
    while colon < line.upperBound, head[colon] != ASCII.colon { colon &+= 1 }
    let name = WireRange(line.lowerBound..<colon)
    switch name.count {
    case 7 where head.matches(name, "upgrade"), 10 where head.matches(name, "connection"),
      10 where head.matches(name, "keep-alive"),
      17 where head.matches(name, "transfer-encoding"):
      return
    default: break
    }
    let at = bytes.count
    for index in line.lowerBound..<colon { bytes.append(ASCII.lowercased(head[index])) }
    let middle = bytes.count
    bytes.append(head.extracting(min(colon + 2, line.upperBound)..<line.upperBound))
    ranges.append(
      Place(
        name: at..<middle, value: middle..<bytes.count,
        isUnique: name.count == 10 && head.matches(name, "request-id")))
  }

  private static func lineEnd(of head: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < head.count, head[index] != ASCII.carriageReturn { index &+= 1 }
    return index
  }
}
