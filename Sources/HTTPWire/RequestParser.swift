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
/// The heads of one client are much alike: the lines at the front of a head that are those of the
/// head before it are taken as they were found there. A length, or a trace of its own, does not end
/// that.
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
  private var isRepeat = false

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
    isRepeat = false
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
      isRepeat = true
      framing = last.framing
      scanner = LineScanner(at: start(ofLine: fields.count))
    } else {
      // What follows is another head's.
      last.line = nil
      guard start(ofLine: 0) <= last.shared else { return fields.removeAll(keepingCapacity: true) }
      let kept = keepLines(of: span)
      for index in 0..<kept { try framing.note(fields[index], in: span) }
      fields.removeSubrange(kept...)
    }
    line = known
    phase = .fields
  }

  /// Takes over the fields at the front that the last head had too, whatever the value of those is
  /// that vary from request to request, and sets the scanner behind them.
  ///
  /// - Returns: how many of `fields` that are; they have their places in the new head.
  private mutating func keepLines(of span: Span<UInt8>) -> Int {
    var kept = 0
    /// Up to here the last head is that of now.
    var shared = last.shared
    /// By so much what is shared lies further behind now.
    var shift = 0
    var end = start(ofLine: 0)
    while kept < fields.count {
      let next = start(ofLine: kept + 1)
      if next <= shared {
        guard next + shift <= limits.headBytes else { break }
        if shift != 0 { fields[kept].move(by: shift) }
      } else {
        guard let (field, line) = varied(kept, sharing: shared, from: end + shift, in: span)
        else { break }
        fields[kept] = field
        shift = line - next
        shared =
          next + span.extracting(line...).commonPrefix(with: last.bytes.span.extracting(next...))
      }
      end = next
      kept += 1
    }
    scanner = LineScanner(at: end + shift)
    isRepeat =
      shared == last.bytes.count && kept == fields.count && shared + shift <= limits.headBytes
    return kept
  }

  /// A field that varies, as it stands in the new head.
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
    let name = WireRange(start..<(start + Int(fields[index].name.count)))
    guard
      span.matches(name, "content-length") || span.matches(name, "traceparent")
        || span.matches(name, "tracestate")
    else { return nil }
    var scanner = LineScanner(at: start)
    guard case .line(let range) = scanner.next(in: span, limit: lineLimit(from: start)),
      let field = try? FieldLine.parse(range, in: span)
    else { return nil }
    return (field, scanner.lineStart)
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
      isRepeat: isRepeat, ranges: line.target)
    return .request(head, length: length)
  }
}

/// The fields that decide where a message ends and whether the connection lives on.
struct FramingFields: Sendable, Equatable {
  private var length: Int?
  private var codings = 0
  private var isChunked = false
  private var hasHost = false
  private var saysClose = false
  private var saysKeepAlive = false
  private(set) var expectsContinue = false

  mutating func note(_ field: FieldRange, in span: Span<UInt8>) throws(WireRefusal) {
    // Lengths tell nearly all other fields apart without looking at their letters.
    switch field.name.count {
    case 4 where span.matches(field.name, "host"):
      guard !hasHost else { throw .badRequest(.repeatedHost) }
      hasHost = true
      guard Host.isValid(field.value.range, in: span) else { throw .badRequest(.badHost) }
    case 6 where span.matches(field.name, "expect"):
      guard span.matches(field.value, "100-continue") else { throw .expectationFailed }
      expectsContinue = true
    case 10 where span.matches(field.name, "connection"):
      noteConnection(field.value.range, in: span)
    case 14 where span.matches(field.name, "content-length"):
      guard length == nil else { throw .badRequest(.repeatedContentLength) }
      guard let value = Self.decimal(field.value.range, in: span) else {
        throw .badRequest(.badContentLength)
      }
      length = value
    case 17 where span.matches(field.name, "transfer-encoding"):
      codings += 1
      isChunked = span.matches(field.value, "chunked")
    default: break
    }
  }

  func body(version: HTTPVersion) throws(WireRefusal) -> BodyFraming {
    guard hasHost || version == .http10 else { throw .badRequest(.missingHost) }
    return try framed(version: version)
  }

  /// Whether a Content-Length was there, be it zero.
  var hasLength: Bool { length != nil }

  func framed(version: HTTPVersion) throws(WireRefusal) -> BodyFraming {
    if codings > 0 {
      guard length == nil else { throw .badRequest(.lengthAndCoding) }
      guard version == .http11 else { throw .badRequest(.codingInOldVersion) }
      guard codings == 1 else { throw .badRequest(.repeatedTransferCoding) }
      guard isChunked else { throw .notImplemented(.transferCoding) }
      return .chunked
    }
    guard let length, length > 0 else { return .none }
    return .length(length)
  }

  func keepsAlive(version: HTTPVersion) -> Bool {
    if saysClose { return false }
    return version == .http11 || saysKeepAlive
  }

  /// `Connection` is a list of options (RFC 9110 §7.6.1); `close` wins over `keep-alive`.
  private mutating func noteConnection(_ range: Range<Int>, in span: Span<UInt8>) {
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start
      while end < range.upperBound, span[end] != ASCII.comma { end += 1 }
      var from = start
      var to = end
      while from < to, span[from] == ASCII.space || span[from] == ASCII.tab { from += 1 }
      while to > from, span[to - 1] == ASCII.space || span[to - 1] == ASCII.tab { to -= 1 }
      let option = WireRange(from..<to)
      if span.matches(option, "close") { saysClose = true }
      if span.matches(option, "keep-alive") { saysKeepAlive = true }
      start = end + 1
    }
  }

  /// One decimal number and nothing else: no sign, no list, at most 18 digits.
  static func decimal(_ range: Range<Int>, in span: Span<UInt8>) -> Int? {
    guard !range.isEmpty, range.count <= 18 else { return nil }
    var value = 0
    for index in range {
      guard ASCII.isDigit(span[index]) else { return nil }
      value = value &* 10 &+ Int(span[index] &- ASCII.zero)
    }
    return value
  }
}
