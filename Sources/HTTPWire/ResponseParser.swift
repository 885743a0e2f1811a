public import Bytes

/// An answer's status line and fields, as a client reads them.
public struct ResponseHead: Sendable {
  public let status: Int
  public let version: HTTPVersion
  public let fields: FieldTable
  public let framing: ResponseFraming
  /// Whether the connection may carry another request.
  public let keepAlive: Bool
}

/// How an answer's body is delimited (RFC 9112 §6.3).
public enum ResponseFraming: Sendable, Equatable {
  case none
  /// Exactly this many bytes; above zero.
  case length(Int)
  case chunked
  /// Everything until the server closes.
  case untilClose
}

public enum ResponseStep: Sendable {
  case needMore
  /// A complete head that takes up the first `length` bytes. Interim answers (1xx) come as well.
  case response(ResponseHead, length: Int)
  case fault(ResponseFault)
}

/// Why an answer cannot be understood; the connection is of no use any more.
public enum ResponseFault: Error, Equatable, Sendable {
  /// Not `HTTP/1.x SP 3DIGIT SP …`.
  case statusLine
  /// A field or the framing breaks a rule.
  case head(WireRefusal)
  case tooLong
}

/// Reads the head of an HTTP/1.1 answer from bytes that come in pieces. As strict about lines and
/// framing as `RequestParser`: the servers it is for are ours.
///
/// ```
/// statusLine ──line──▶ fields ──empty line──▶ (response)
/// ```
public struct ResponseParser: Sendable {
  private enum Phase: Equatable {
    case statusLine
    case fields
    case failed(ResponseFault)
  }

  private let limits: WireLimits
  private var phase = Phase.statusLine
  private var scanner = LineScanner()
  private var version = HTTPVersion.http11
  private var status = 0
  private var fields: [FieldRange] = []
  private var framing = FramingFields()

  public init(limits: WireLimits) { self.limits = limits }

  public mutating func reset() {
    phase = .statusLine
    scanner = LineScanner()
    fields.removeAll(keepingCapacity: true)
    framing = FramingFields()
  }

  /// - Parameters:
  ///   - bytes: everything since the end of the previous message.
  ///   - method: the request's: answers to HEAD have no body.
  public mutating func next(_ bytes: ByteSlice, answering method: HTTPMethod) -> ResponseStep {
    do throws(ResponseFault) {
      return try advance(bytes, method)
    } catch {
      phase = .failed(error)
      return .fault(error)
    }
  }

  private mutating func advance(
    _ bytes: ByteSlice, _ method: HTTPMethod
  ) throws(ResponseFault) -> ResponseStep {
    let span = bytes.span
    while true {
      if case .failed(let fault) = phase { throw fault }
      let limit = min(scanner.lineStart + limits.fieldBytes, limits.headBytes - 2)
      let range: Range<Int>
      switch scanner.next(in: span, limit: limit) {
      case .line(let line): range = line
      case .needMore: return .needMore
      case .fault(let rule): throw .head(.badRequest(rule))
      case .tooLong: throw .tooLong
      }
      if phase == .statusLine {
        try readStatus(range, in: span)
        phase = .fields
      } else if range.isEmpty {
        return try finish(bytes, method)
      } else {
        guard fields.count < limits.fields else { throw .tooLong }
        do throws(WireRefusal) {
          let field = try FieldLine.parse(range, in: span)
          if !span.matches(field.name, "host"), !span.matches(field.name, "expect") {
            try framing.note(field, in: span)
          }
          fields.append(field)
        } catch {
          throw .head(error)
        }
      }
    }
  }

  private mutating func readStatus(
    _ range: Range<Int>, in span: Span<UInt8>
  ) throws(ResponseFault) {
    guard range.count >= 12, span[range.lowerBound + 8] == ASCII.space,
      range.count == 12 || span[range.lowerBound + 12] == ASCII.space,
      let code = FramingFields.decimal(
        (range.lowerBound + 9)..<(range.lowerBound + 12), in: span), code >= 100
    else { throw .statusLine }
    do throws(WireRefusal) {
      version = try RequestLine.version(range.lowerBound..<(range.lowerBound + 8), in: span)
    } catch {
      throw .statusLine
    }
    status = code
  }

  private func finish(
    _ bytes: ByteSlice, _ method: HTTPMethod
  ) throws(ResponseFault) -> ResponseStep {
    let body: ResponseFraming
    do throws(WireRefusal) {
      body = try framing.responseBody(version: version)
    } catch {
      throw .head(error)
    }
    let isBodiless = method == .head || status < 200 || status == 204 || status == 304
    let framing: ResponseFraming = isBodiless ? .none : body
    let length = scanner.lineStart
    let head = ResponseHead(
      status: status, version: version,
      fields: FieldTable(bytes: bytes[0..<length], ranges: fields), framing: framing,
      keepAlive: framing != .untilClose && self.framing.keepsAlive(version: version))
    return .response(head, length: length)
  }
}

extension FramingFields {
  /// As `body(version:)`, but an answer without either field ends with the connection.
  func responseBody(version: HTTPVersion) throws(WireRefusal) -> ResponseFraming {
    switch try framed(version: version) {
    case .chunked: .chunked
    case .length(let length): .length(length)
    case .none: hasLength ? .none : .untilClose
    }
  }
}
