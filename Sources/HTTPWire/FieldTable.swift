public import Bytes

/// The fields of one message in the order received: names as sent, values without the white space
/// around them. Names are looked up without regard to case (RFC 9110 §5.1).
public struct FieldTable: Sendable {
  /// The head's bytes; ranges point into them.
  let bytes: ByteSlice
  let ranges: [FieldRange]

  init(bytes: ByteSlice, ranges: [FieldRange]) {
    self.bytes = bytes
    self.ranges = ranges
  }

  public static let empty = FieldTable(bytes: .empty, ranges: [])

  public var count: Int { ranges.count }

  /// The name of the field at `index`, as the peer spelt it.
  public func name(at index: Int) -> ByteSlice { bytes[ranges[index].name.range] }

  /// The length of that name in bytes.
  public func nameLength(at index: Int) -> Int { Int(ranges[index].name.count) }

  /// The first letter of that name, in lower case.
  public func initial(at index: Int) -> UInt8 {
    ASCII.lowercased(bytes[Int(ranges[index].name.start)])
  }

  /// The third letter of that name, which has three at least, as the peer spelt it.
  public func third(at index: Int) -> UInt8 { bytes[Int(ranges[index].name.start) &+ 2] }

  public func value(at index: Int) -> ByteSlice { bytes[ranges[index].value.range] }

  /// What a head repeats at most that has another value at this index, and all else the same.
  public func repeats(without index: Int) -> HeadRepeat {
    HeadRepeat(without: ranges[index], in: bytes.span)
  }

  /// The value of the first field of this name, written in lower case; nil without one.
  public func first(_ lowercase: StaticString) -> ByteSlice? {
    for range in ranges where matches(range, lowercase) { return bytes[range.value.range] }
    return nil
  }

  /// Where the first field of this name, written in lower case, stands; nil without one.
  public func firstIndex(of lowercase: StaticString) -> Int? {
    ranges.firstIndex { matches($0, lowercase) }
  }

  /// The value of the first field of this name, written in lower case, and how many there are.
  public func find(_ lowercase: StaticString) -> (first: ByteSlice?, count: Int) {
    var first: Int?
    var found = 0
    for index in ranges.indices where matches(ranges[index], lowercase) {
      first = first ?? index
      found += 1
    }
    return (first.map { value(at: $0) }, found)
  }

  /// How many fields have this name, written in lower case.
  public func occurrences(of lowercase: StaticString) -> Int {
    var found = 0
    for range in ranges where matches(range, lowercase) { found += 1 }
    return found
  }

  private func matches(_ range: FieldRange, _ lowercase: StaticString) -> Bool {
    let length = lowercase.utf8CodeUnitCount
    guard Int(range.name.count) == length else { return false }
    let start = Int(range.name.start)
    var index = 0
    while index < length {
      // SAFETY: `index` is below the literal's length.
      let wanted = unsafe lowercase.utf8Start[index]
      if ASCII.lowercased(bytes[start &+ index]) != wanted { return false }
      index &+= 1
    }
    return true
  }
}

/// Where one field's name and value lie in the head's bytes.
struct FieldRange: BitwiseCopyable, Sendable, Equatable {
  var name: WireRange
  var value: WireRange

  /// The same field so many bytes further behind, or further in front.
  mutating func move(by bytes: Int) {
    name = WireRange(Int(name.start) + bytes, count: name.count)
    value = WireRange(Int(value.start) + bytes, count: value.count)
  }
}
