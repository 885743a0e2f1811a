public import Bytes

/// What the parser makes of the bytes so far.
public enum RequestStep: Sendable {
  case needMore
  /// A complete head that takes up the first `length` bytes; its body follows.
  case request(RequestHead, length: Int)
  case refuse(WireRefusal)
}

/// Reads the head of an HTTP/1.1 request from bytes that come in pieces (RFC 9112), strictly: what
/// two readers could understand differently is refused, never repaired.
///
/// Feed it all bytes received since the end of the previous message, each time; it remembers how
/// far it has looked. `reset()` before the next message. Looks at every byte once and allocates
/// only the field table, whose memory it reuses when nobody holds the previous head any more.
///
/// The heads of one client are much alike: the lines of a head that are those of the head before it
/// are taken as they were found there. Another request line does not end that, nor does another
/// value of a field.
///
/// ```
/// requestLine ──line──▶ fields ──empty line──▶ (request)
///     │ one empty line before it is skipped (§2.2)
///     └── any breach ──▶ refused, for good
/// ```
public struct RequestParser: Sendable {
  private enum Phase: Equatable {
    case requestLine
    case fields
    case refused(WireRefusal)
  }

  private let limits: WireLimits
  private var phase = Phase.requestLine
  private var scanner = LineScanner()
  private var line: RequestLine?
  private var skippedEmptyLine = false
  private var fields: [FieldRange] = []
  private var framing = FramingFields()
  private var last = LastHead()
  private var hasRecalled = false
  private var repeats = HeadRepeat.nothing

  /// The last complete head, whose fields are in `fields` until the next one differs.
  private struct LastHead {
    var bytes = ByteWriter()
    /// Nil where `fields` are not those of `bytes`.
    var line: RequestLine?
    var framing = FramingFields()
    /// So many bytes at its front are those of the head that is being read.
    var shared = 0
  }

  public init(limits: WireLimits) {
    self.limits = limits
    fields.reserveCapacity(16)
  }

  /// Gets ready for the next message.
  public mutating func reset() {
    phase = .requestLine
    scanner = LineScanner()
    line = nil
    skippedEmptyLine = false
    framing = FramingFields()
    hasRecalled = false
    repeats = .nothing
  }

  /// Gives memory back; the next message takes it anew.
  public mutating func release() {
    reset()
    fields = []
    last = LastHead()
  }

  /// The terms of an answer to what has been read so far, for refusals and time-outs: without a
  /// complete request line those of a plain HTTP/1.1 request, and never with the connection kept.
  public var refusalTerms: AnswerTerms {
    AnswerTerms(
      isHead: line?.method == .head, version: line?.version ?? .http11, keepAlive: false)
  }

  /// - Parameter bytes: everything since the end of the previous message.
  public mutating func next(_ bytes: ByteSlice) -> RequestStep {
    do throws(WireRefusal) {
      return try advance(bytes)
    } catch {
      phase = .refused(error)
      return .refuse(error)
    }
  }

  private mutating func advance(_ bytes: ByteSlice) throws(WireRefusal) -> RequestStep {
    let span = bytes.span
    while true {
      switch phase {
      case .refused(let refusal): throw refusal
      case .requestLine:
        if !hasRecalled, span.count > 0 {
          hasRecalled = true
          try recall(span)
          continue
        }
        guard let range = try requestLine(in: span) else { return .needMore }
        if range.isEmpty {
          guard !skippedEmptyLine else { throw .badRequest(.requestLine) }
          skippedEmptyLine = true
          continue
        }
        line = try RequestLine.parse(range, in: span, maxTarget: limits.targetBytes)
        phase = .fields
      case .fields:
        guard let range = try fieldLine(in: span) else { return .needMore }
        if range.isEmpty { return try finish(bytes) }
        guard fields.count < limits.fields else { throw .headersTooLarge }
        let field = try FieldLine.parse(range, in: span)
        try framing.note(field, in: span)
        fields.append(field)
      }
    }
  }

  /// Takes the lines that the head has in common with the last one, and goes on behind them.
  private mutating func recall(_ span: Span<UInt8>) throws(WireRefusal) {
    guard let known = last.line else {
      last.shared = 0
      fields.removeAll(keepingCapacity: true)
      return
    }
    last.shared = span.commonPrefix(with: last.bytes.span)
    if last.shared == last.bytes.count {
      repeats = .all
      framing = last.framing
      scanner = LineScanner(at: start(ofLine: fields.count))
      line = known
    } else {
      // What follows is another head's.
      last.line = nil
      let first = start(ofLine: 0)
      let isSameLine = first <= last.shared
      guard let another = isSameLine ? known : try firstLine(in: span) else {
        return fields.removeAll(keepingCapacity: true)
      }
      let begin = isSameLine ? first : scanner.lineStart
      line = another
      let (kept, length) = keepLines(of: span, from: begin, isSameLine ? .all : .fields)
      if repeats == .nothing {
        for index in 0..<kept { try framing.note(fields[index], in: span) }
        fields.removeSubrange(kept...)
      } else {
        framing = last.framing
        if let length { try framing.noteAnew(length: fields[length], in: span) }
      }
    }
    phase = .fields
  }

  /// The request line, where it is complete and the first.
  private mutating func firstLine(in span: Span<UInt8>) throws(WireRefusal) -> RequestLine? {
    guard let range = try requestLine(in: span) else { return nil }
    if range.isEmpty {
      scanner = LineScanner()
      return nil
    }
    return try RequestLine.parse(range, in: span, maxTarget: limits.targetBytes)
  }

  /// Takes over the fields at the front that the last head had too, whatever their values are, and
  /// sets the scanner behind them.
  ///
  /// - Parameters:
  ///   - begin: where the fields begin now.
  ///   - most: what the head repeats if all its fields are the same.
  /// - Returns: how many of `fields` that are; they have their places in the new head. And which of
  ///   them is a length that may be another.
  private mutating func keepLines(
    of span: Span<UInt8>, from begin: Int, _ most: HeadRepeat
  ) -> (kept: Int, length: Int?) {
    var most = most
    var kept = 0
    var length: Int?
    var end = start(ofLine: 0)
    /// By so much what is shared lies further behind now.
    var shift = begin - end
    /// Up to here the last head is that of now.
    var shared =
      most == .all
      ? last.shared
      : end + span.extracting(begin...).commonPrefix(with: last.bytes.span.extracting(end...))
    while kept < fields.count {
      let next = start(ofLine: kept + 1)
      if next <= shared {
        guard next + shift <= limits.headBytes else { break }
        if shift != 0 { fields[kept].move(by: shift) }
      } else {
        guard let (field, line) = varied(kept, sharing: shared, from: end + shift, in: span)
        else { break }
        if span.matches(field.name, "content-length") { length = kept }
        most = min(most, HeadRepeat(without: field, in: span))
        fields[kept] = field
        shift = line - next
        shared =
          next + span.extracting(line...).commonPrefix(with: last.bytes.span.extracting(next...))
      }
      end = next
      kept += 1
    }
    scanner = LineScanner(at: end + shift)
    if shared == last.bytes.count, kept == fields.count, shared + shift <= limits.headBytes {
      repeats = most
    }
    return (kept, length)
  }

  /// A field with another value, as it stands in the new head.
  ///
  /// - Parameters:
  ///   - shared: up to here the last head is that of now.
  ///   - start: where its line begins now.
  /// - Returns: nil where it is not the same field, complete and in order; else it and where the
  ///   next line begins.
  private func varied(
    _ index: Int, sharing shared: Int, from start: Int, in span: Span<UInt8>
  ) -> (FieldRange, next: Int)? {
    guard shared >= Int(fields[index].value.start) else { return nil }
    var scanner = LineScanner(at: start)
    guard case .line(let range) = scanner.next(in: span, limit: lineLimit(from: start)) else {
      return nil
    }
    let name = WireRange(start..<(start + Int(fields[index].name.count)))
    return (FieldLine.field(name, of: range, in: span), scanner.lineStart)
  }

  /// Where a line of the last head begins that is one of `fields`, or the empty one behind them.
  private func start(ofLine index: Int) -> Int {
    index < fields.count ? Int(fields[index].name.start) : last.bytes.count - 2
  }

  /// Remembers the head that has just been read.
  private mutating func remember(_ line: RequestLine, _ head: Span<UInt8>) {
    if last.line != nil { return }
    last.bytes.truncate(to: last.shared)
    guard head.count <= limits.rememberedHeadBytes else { return }
    last.bytes.append(head.extracting(last.shared...))
    last.line = line
    last.framing = framing
  }

  private mutating func requestLine(in span: Span<UInt8>) throws(WireRefusal) -> Range<Int>? {
    let start = scanner.lineStart
    // Method, target, version and two spaces.
    let limit = start + RequestLine.longestMethod + 1 + limits.targetBytes + 9
    switch scanner.next(in: span, limit: limit) {
    case .line(let range): return range
    case .needMore: return nil
    case .fault(let rule): throw .badRequest(rule)
    case .tooLong:
      let front = start..<(start + RequestLine.longestMethod + 1)
      throw front.contains { span[$0] == ASCII.space } ? .uriTooLong : .badRequest(.method)
    }
  }

  private mutating func fieldLine(in span: Span<UInt8>) throws(WireRefusal) -> Range<Int>? {
    switch scanner.next(in: span, limit: lineLimit(from: scanner.lineStart)) {
    case .line(let range): return range
    case .needMore: return nil
    case .fault(let rule): throw .badRequest(rule)
    case .tooLong: throw .headersTooLarge
    }
  }

  /// Behind what a field line that begins at `start` may not go on.
  private func lineLimit(from start: Int) -> Int {
    min(start + limits.fieldBytes, limits.headBytes - 2)
  }

  /// Mutating so that it reads the parser where it lies: otherwise it would be called with a copy.
  private mutating func finish(_ bytes: ByteSlice) throws(WireRefusal) -> RequestStep {
    guard let line else { throw .badRequest(.requestLine) }
    let body = try framing.body(version: line.version)
    if case .length(let length) = body, length > limits.bodyBytes { throw .bodyTooLarge }
    let length = scanner.lineStart
    remember(line, bytes.span.extracting(..<length))
    let head = RequestHead(
      method: line.method, version: line.version,
      fields: FieldTable(bytes: bytes[0..<length], ranges: fields), framing: body,
      keepAlive: framing.keepsAlive(version: line.version),
      expectsContinue: framing.expectsContinue && body != .none && line.version == .http11,
      repeats: repeats, ranges: line.target)
    return .request(head, length: length)
  }
}
