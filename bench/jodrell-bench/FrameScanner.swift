import Bytes
import Glibc

/// Counts the events of a `text/event-stream` without building them: looks at the first bytes of
/// each line, at ids only when it checks them, and at the send time of every n-th event. Takes
/// bytes in any pieces. Lines end with LF or CR LF; a CR alone, which no server sends, is no end.
///
/// SAFETY: pointers live inside `withUnsafeBytes`; every offset lies below the count of its bytes.
@safe struct FrameScanner {
  /// Events with data; the gateway's own (`jodrell.gap`, `jodrell.end`) are not among them.
  private(set) var events: UInt64 = 0
  /// Comment lines: heartbeats.
  private(set) var comments: UInt64 = 0
  /// Ids that do not follow on the one before.
  private(set) var gaps: UInt64 = 0
  /// Events that the gateway sent about the stream itself.
  private(set) var notices: UInt64 = 0

  private let checksIDs: Bool
  /// Of so many events, one is looked at for its send time.
  private let sampling: UInt64
  private let phase: UInt64
  /// The part of a line that the last piece ended in.
  private var rest: [UInt8] = []
  private var hasData = false
  private var isNotice = false
  private var isGap = false
  private var hasID = false
  private var last: MessagePosition?

  /// - Parameters:
  ///   - checksIDs: whether ids must be message ids without gaps.
  ///   - sampling: one event of so many is sampled; the one at `phase` among them.
  init(checksIDs: Bool, sampling: Int = 1, phase: Int = 0) {
    self.checksIDs = checksIDs
    self.sampling = UInt64(sampling)
    self.phase = UInt64(phase % sampling)
  }

  /// Takes the next bytes; hands the stamps of sampled events to `sample`.
  mutating func feed(_ bytes: ByteSlice, _ sample: (UInt64) -> Void) {
    unsafe bytes.withUnsafeBytes { bytes in
      var start = 0
      if !rest.isEmpty {
        guard let end = unsafe Self.lineFeed(in: bytes, from: 0) else {
          return unsafe rest.append(contentsOf: bytes)
        }
        unsafe rest.append(contentsOf: bytes[..<end])
        let line = rest
        rest.removeAll(keepingCapacity: line.count <= 4096)
        unsafe line.withUnsafeBytes { unsafe take($0, sample) }
        start = end + 1
      }
      while let end = unsafe Self.lineFeed(in: bytes, from: start) {
        unsafe take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), sample)
        start = end + 1
      }
      if start < bytes.count { unsafe rest.append(contentsOf: bytes[start...]) }
    }
  }

  private mutating func take(_ given: UnsafeRawBufferPointer, _ sample: (UInt64) -> Void) {
    var line = unsafe given
    if unsafe line.last == ASCII.carriageReturn {
      unsafe line = UnsafeRawBufferPointer(rebasing: line.dropLast())
    }
    guard let first = unsafe line.first else { return endFrame() }
    switch first {
    case UInt8(ascii: ":"): comments += 1
    case UInt8(ascii: "d") where unsafe Self.starts(line, "data:"):
      hasData = true
      if events % sampling == phase, let stamp = unsafe Self.stamp(in: line) { sample(stamp) }
    case UInt8(ascii: "e") where unsafe Self.starts(line, "event: jodrell."):
      isNotice = true
      isGap = unsafe Self.starts(line, "event: jodrell.gap")
    case UInt8(ascii: "i") where unsafe Self.starts(line, "id:"):
      hasID = true
      if checksIDs { unsafe takeID(line) }
    default: break
    }
  }

  private mutating func endFrame() {
    // Each event has an id; of what a stream says itself a gap has the one that it goes on behind.
    if isNotice, isGap || !hasID {
      notices += 1
    } else if hasData {
      events += 1
    }
    hasData = false
    isNotice = false
    isGap = false
    hasID = false
  }

  private mutating func takeID(_ line: UnsafeRawBufferPointer) {
    let text = unsafe String(decoding: line.dropFirst(3), as: UTF8.self)
    guard let position = MessagePosition(text.drop { $0 == " " }) else {
      gaps += 1
      return
    }
    if let last, !position.follows(last) { gaps += 1 }
    last = position
  }

  // MARK: - Bytes

  private static func lineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard start < bytes.count, let base = bytes.baseAddress,
      let found = unsafe memchr(base + start, Int32(ASCII.lineFeed), bytes.count - start)
    else { return nil }
    return unsafe UnsafeRawPointer(found) - base
  }

  private static func starts(_ line: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    guard line.count >= word.utf8CodeUnitCount, let base = line.baseAddress else { return false }
    return unsafe memcmp(base, word.utf8Start, word.utf8CodeUnitCount) == 0
  }

  /// The digits behind the line's first `"ord_`.
  private static func stamp(in line: UnsafeRawBufferPointer) -> UInt64? {
    guard let base = line.baseAddress else { return nil }
    let lead = Stamp.lead.utf8CodeUnitCount
    var start = lead - 1
    while true {
      guard start < line.count,
        let found = unsafe memchr(base + start, Int32(ASCII.underscore), line.count - start)
      else { return nil }
      start = unsafe UnsafeRawPointer(found) - base + 1
      let candidate = unsafe UnsafeRawBufferPointer(rebasing: line[(start - lead)..<start])
      if unsafe starts(candidate, Stamp.lead) { break }
    }
    guard start + Stamp.digits <= line.count else { return nil }
    var value: UInt64 = 0
    for offset in start..<(start + Stamp.digits) {
      guard let digit = unsafe ASCII.hexValue(line[offset]) else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }
}

extension MessagePosition {
  /// Whether no id lies between the two: the next entry of the ledger, or the first of a later one.
  func follows(_ last: MessagePosition) -> Bool {
    ledger == last.ledger ? entry == last.entry + 1 : ledger > last.ledger && entry == 0
  }
}
