public import Bytes
import Topics

/// Which of 4096 adjacent entries are acknowledged, and how that is written down.
///
/// Stored form: a version byte (1), a form byte, then
/// - form 0, full: nothing;
/// - form 1, array: each acknowledged offset, u16, ascending;
/// - form 2, runs: first and last offset of each run, u16 each, ascending and apart;
/// - form 3, bitmap: 512 bytes, offset 0 in the lowest bit of the first.
///
/// The smallest one is written, any well-formed one is read. An empty chunk is not stored.
public struct AckChunk: Sendable, Hashable {
  /// Entries per chunk.
  public static let span: UInt64 = SubscriptionState.chunkSpan
  private static let words = 64

  /// 64 words, or none for a full chunk, of which a stuck subscription may have very many.
  private var bits: [UInt64]
  /// How many of the entries are acknowledged.
  public private(set) var count: Int

  public init() {
    bits = Array(repeating: 0, count: Self.words)
    count = 0
  }

  public var isFull: Bool { count == Int(Self.span) }
  public var isEmpty: Bool { count == 0 }

  public func contains(_ offset: Int) -> Bool {
    bits.isEmpty || bits[offset >> 6] >> UInt64(offset & 63) & 1 == 1
  }

  /// Adds an offset below 4096; false when it was there.
  public mutating func insert(_ offset: Int) -> Bool {
    guard !contains(offset) else { return false }
    bits[offset >> 6] |= 1 << UInt64(offset & 63)
    count += 1
    if isFull { bits = [] }
    return true
  }

  /// Forgets the offsets below `offset`; returns how many were there.
  public mutating func removeAll(below offset: Int) -> Int {
    guard offset > 0 else { return 0 }
    if bits.isEmpty { bits = Array(repeating: .max, count: Self.words) }
    let before = count
    for word in 0..<min(offset >> 6, Self.words) {
      count -= bits[word].nonzeroBitCount
      bits[word] = 0
    }
    if offset < Int(Self.span), offset & 63 != 0 {
      let low: UInt64 = (1 << UInt64(offset & 63)) - 1
      count -= (bits[offset >> 6] & low).nonzeroBitCount
      bits[offset >> 6] &= ~low
    }
    return before - count
  }

  /// The first offset at or behind `offset` that is not acknowledged; nil when all are.
  public func firstMissing(from offset: Int) -> Int? {
    guard !bits.isEmpty else { return nil }
    var word = offset >> 6
    guard word < Self.words else { return nil }
    var missing = ~bits[word] & ~((1 << UInt64(offset & 63)) - 1)
    while missing == 0 {
      word += 1
      guard word < Self.words else { return nil }
      missing = ~bits[word]
    }
    return word << 6 + missing.trailingZeroBitCount
  }

  /// The first offset at or behind `offset` that is acknowledged; nil when none is.
  private func firstPresent(from offset: Int) -> Int? {
    guard !bits.isEmpty else { return offset }
    var word = offset >> 6
    guard word < Self.words else { return nil }
    var present = bits[word] & ~((1 << UInt64(offset & 63)) - 1)
    while present == 0 {
      word += 1
      guard word < Self.words else { return nil }
      present = bits[word]
    }
    return word << 6 + present.trailingZeroBitCount
  }

  /// The acknowledged offsets as runs, ascending.
  private var runs: [ClosedRange<Int>] {
    var runs: [ClosedRange<Int>] = []
    var offset = 0
    while offset < Int(Self.span), let start = firstPresent(from: offset) {
      let end = firstMissing(from: start) ?? Int(Self.span)
      runs.append(start...(end - 1))
      offset = end
    }
    return runs
  }
}

// MARK: - The stored form

/// Why bytes are no chunk.
public enum AckChunkFault: Error, Hashable, Sendable {
  case unknownVersion(UInt8)
  case unknownForm(UInt8)
  case wrongLength
  case disordered
  case empty
}

extension AckChunk {
  private static let version: UInt8 = 1
  private enum Form {
    static let full: UInt8 = 0
    static let array: UInt8 = 1
    static let runs: UInt8 = 2
    static let bitmap: UInt8 = 3
  }

  /// The smallest stored form, at most 514 bytes. The chunk must not be empty.
  public var encoded: ByteSlice {
    precondition(!isEmpty, "an empty chunk is not stored")
    var writer = ByteWriter(capacity: 64)
    writer.append(Self.version)
    if isFull {
      writer.append(Form.full)
      return writer.slice
    }
    let runs = runs
    let sizes = (array: count * 2, runs: runs.count * 4, bitmap: Self.words * 8)
    if sizes.array <= sizes.runs, sizes.array < sizes.bitmap {
      writer.append(Form.array)
      for run in runs {
        for offset in run { writer.append(bigEndian: UInt16(offset)) }
      }
    } else if sizes.runs < sizes.bitmap {
      writer.append(Form.runs)
      for run in runs {
        writer.append(bigEndian: UInt16(run.lowerBound))
        writer.append(bigEndian: UInt16(run.upperBound))
      }
    } else {
      writer.append(Form.bitmap)
      for word in bits {
        for byte in 0..<8 { writer.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))) }
      }
    }
    return writer.slice
  }

  /// Reads a stored form; every length, order and bound is checked.
  public init(decoding bytes: ByteSlice) throws(AckChunkFault) {
    guard bytes.count >= 2 else { throw .wrongLength }
    guard bytes[0] == Self.version else { throw .unknownVersion(bytes[0]) }
    let body = bytes.dropFirst(2)
    self.init()
    switch bytes[1] {
    case Form.full:
      guard body.isEmpty else { throw .wrongLength }
      bits = []
      count = Int(Self.span)
    case Form.array:
      try readArray(body)
    case Form.runs:
      try readRuns(body)
    case Form.bitmap:
      guard body.count == Self.words * 8 else { throw .wrongLength }
      for index in 0..<body.count {
        bits[index >> 3] |= UInt64(body[index]) << UInt64(8 * (index & 7))
      }
      count = bits.reduce(0) { $0 + $1.nonzeroBitCount }
      if isFull { bits = [] }
    default:
      throw .unknownForm(bytes[1])
    }
    if isEmpty { throw .empty }
  }

  private mutating func readArray(_ body: ByteSlice) throws(AckChunkFault) {
    guard body.count % 2 == 0, body.count <= Int(Self.span) * 2 else { throw .wrongLength }
    var last = -1
    for index in stride(from: 0, to: body.count, by: 2) {
      let offset = Self.offset(body, index)
      guard offset > last, offset < Int(Self.span) else { throw .disordered }
      _ = insert(offset)
      last = offset
    }
  }

  private mutating func readRuns(_ body: ByteSlice) throws(AckChunkFault) {
    guard body.count % 4 == 0, body.count <= Int(Self.span) * 4 else { throw .wrongLength }
    // Runs that touch would be one run: the writer never splits one.
    var free = 0
    for index in stride(from: 0, to: body.count, by: 4) {
      let (first, last) = (Self.offset(body, index), Self.offset(body, index + 2))
      guard first >= free, last >= first, last < Int(Self.span) else { throw .disordered }
      for offset in first...last { _ = insert(offset) }
      free = last + 2
    }
  }

  private static func offset(_ body: ByteSlice, _ index: Int) -> Int {
    Int(body[index]) << 8 | Int(body[index + 1])
  }
}
