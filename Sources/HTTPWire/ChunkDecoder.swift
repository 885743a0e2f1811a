public import Bytes

/// What the chunk decoder makes of the bytes so far.
public enum ChunkStep: Sendable, Equatable {
  /// Body bytes, and then it goes on.
  case data(Range<Int>)
  case needMore
  /// The body and its trailer section end here.
  case end
  case fault(WireRule)
}

/// Takes the chunked coding off a body (RFC 9112 §7.1). No bare LF, no white space but before an
/// extension; extensions are bounded and skipped, trailers checked, bounded and dropped.
///
/// ```
/// size ──▶ data ──▶ dataEnd ──▶ size … ; size 0 ──▶ trailers ──empty line──▶ ended
/// ```
public struct ChunkDecoder: Sendable {
  private enum Phase: Equatable {
    case size
    case data(left: Int)
    case dataEnd
    case trailers
    case ended
    case failed(WireRule)
  }

  private let limits: WireLimits
  private var phase = Phase.size
  /// How much of the input has been decoded: the offset behind the last step.
  public private(set) var consumed = 0
  private var extensionBytes = 0
  private var trailerFields = 0
  private var trailerBytes = 0
  private var lastScanner = LineScanner()

  /// A chunk's size line is at most this long without its CRLF: leading zeros included, well below
  /// what fits an Int.
  private static let sizeDigits = 15

  public init(limits: WireLimits) { self.limits = limits }

  /// The caller has dropped the first `count` bytes of its buffer, all of them consumed.
  public mutating func discarded(_ count: Int) {
    precondition(count <= consumed, "dropping bytes that were not decoded")
    consumed -= count
    lastScanner = LineScanner(at: consumed)
  }

  /// - Parameter bytes: the same buffer each time, grown at its end, from the body's first byte on
  ///   unless `discarded` said otherwise.
  public mutating func next(_ bytes: ByteSlice) -> ChunkStep {
    let span = bytes.span
    while true {
      switch phase {
      case .ended: return .end
      case .failed(let rule): return .fault(rule)
      case .size:
        guard let step = readSize(in: span) else { continue }
        return step
      case .data(let left):
        let available = min(left, span.count - consumed)
        guard available > 0 else { return .needMore }
        let range = consumed..<(consumed + available)
        consumed += available
        phase = available == left ? .dataEnd : .data(left: left - available)
        return .data(range)
      case .dataEnd:
        guard consumed < span.count else { return .needMore }
        guard span[consumed] == ASCII.carriageReturn else { return fail(.chunkEnd) }
        guard consumed + 1 < span.count else { return .needMore }
        guard span[consumed + 1] == ASCII.lineFeed else { return fail(.chunkEnd) }
        consumed += 2
        phase = .size
      case .trailers:
        guard let step = readTrailer(in: span) else { continue }
        return step
      }
    }
  }

  /// Reads a size line; nil when it is done.
  private mutating func readSize(in span: Span<UInt8>) -> ChunkStep? {
    var index = consumed
    var size = 0
    while index < span.count, let digit = ASCII.hexValue(span[index]) {
      guard index - consumed < Self.sizeDigits else { return fail(.chunkSize) }
      size = size << 4 | Int(digit)
      index += 1
    }
    guard index < span.count else { return .needMore }
    guard index > consumed else { return fail(.chunkSize) }
    let extensions = index
    if span[index] != ASCII.carriageReturn, let step = skipExtensions(in: span, &index) {
      if case .fault(let rule) = step { return fail(rule) }
      return step
    }
    guard index + 1 < span.count else { return .needMore }
    guard span[index + 1] == ASCII.lineFeed else {
      return fail(index > extensions ? .chunkExtension : .chunkSize)
    }
    extensionBytes += index - extensions
    consumed = index + 2
    if size == 0 {
      phase = .trailers
      lastScanner = LineScanner(at: consumed)
    } else {
      phase = .data(left: size)
    }
    return nil
  }

  /// Passes over what follows a size on its line, `*( BWS ";" … )`, which means nothing here
  /// (§7.1.1): any bytes but controls up to the CR. Looked at anew with each piece that comes,
  /// since it is short.
  ///
  /// - Returns: nil when `index` is at the CR.
  private func skipExtensions(in span: Span<UInt8>, _ index: inout Int) -> ChunkStep? {
    let room = min(limits.chunkExtensionBytes, limits.bodyExtensionBytes - extensionBytes)
    let start = index
    var hasBegun = false
    while index < span.count, span[index] != ASCII.carriageReturn {
      let byte = span[index]
      if byte == ASCII.semicolon {
        hasBegun = true
      } else if !hasBegun, byte != ASCII.space, byte != ASCII.tab {
        return .fault(.chunkSize)
      } else if byte < ASCII.space && byte != ASCII.tab || byte == ASCII.delete {
        return .fault(.chunkExtension)
      }
      guard index - start < room else { return .fault(.chunkExtension) }
      index += 1
    }
    guard index < span.count else { return .needMore }
    return hasBegun ? nil : .fault(.chunkSize)
  }

  /// Reads one trailer line; nil when another follows.
  private mutating func readTrailer(in span: Span<UInt8>) -> ChunkStep? {
    let limit = consumed + min(limits.fieldBytes, limits.headBytes - trailerBytes)
    switch lastScanner.next(in: span, limit: limit) {
    case .needMore: return .needMore
    case .fault, .tooLong: return fail(.trailer)
    case .line(let line):
      trailerBytes += line.count + 2
      consumed = line.upperBound + 2
      if line.isEmpty {
        phase = .ended
        return .end
      }
      trailerFields += 1
      guard trailerFields <= limits.fields else { return fail(.trailer) }
      do throws(WireRefusal) {
        _ = try FieldLine.parse(line, in: span)
      } catch {
        return fail(.trailer)
      }
      return nil
    }
  }

  private mutating func fail(_ rule: WireRule) -> ChunkStep {
    phase = .failed(rule)
    return .fault(rule)
  }
}
