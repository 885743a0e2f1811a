public import Bytes

/// Writes one answer straight into the connection's outbox: `start`, fields, then one of the
/// endings. Adds Date, Request-Id, Content-Length or Transfer-Encoding and Connection itself, and
/// drops the body where HTTP wants none (HEAD, 204, 304). Loop-confined, valid for one request.
public struct AnswerWriter {
  /// How far the answer is. `unstarted` → `head` → `complete` or `streaming`.
  public enum Phase: Sendable, Equatable {
    case unstarted, head, complete, streaming
  }

  /// How a streamed body is delimited.
  public enum StreamFraming: Sendable, Equatable {
    case chunked
    /// HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    case untilClose
    /// The answer to HEAD: no body follows.
    case absent
  }

  /// Fields that every answer to the request carries, each with its line's end; set before `start`.
  public var standing: ByteSlice?
  private let outbox: Outbox
  private let commons: AnswerCommons
  private var id: RequestID
  private var terms: AnswerTerms
  private var body: RequestBody?
  public private(set) var phase = Phase.unstarted
  /// The status given to `start`; 0 before.
  public private(set) var status = 0
  /// Whether the connection ends after this answer; settled by the ending.
  public private(set) var closes: Bool
  public private(set) var streamFraming = StreamFraming.absent

  /// - Parameters:
  ///   - body: the request's body: an unread rest may end the connection.
  ///   - terms: what the request's head asks of every answer to it.
  public init(
    into outbox: Outbox, commons: AnswerCommons, id: RequestID, terms: AnswerTerms,
    body: RequestBody?
  ) {
    self.outbox = outbox
    self.commons = commons
    self.id = id
    self.terms = terms
    self.body = body
    closes = !terms.keepAlive
  }

  /// Makes it the writer of the next answer on the same connection.
  public mutating func renew(id: RequestID, terms: AnswerTerms, body: RequestBody?) {
    self.id = id
    self.terms = terms
    self.body = body
    phase = .unstarted
    status = 0
    closes = !terms.keepAlive
    streamFraming = .absent
  }

  /// The answer is there, or another writer's: lets go of the request's bytes.
  public mutating func leave() {
    body = nil
    standing = nil
  }

  /// Begins the answer. Call once, or again after `startOver()`.
  public mutating func start(_ status: Int) {
    precondition(phase == .unstarted, "the answer has been started")
    phase = .head
    self.status = status
    outbox.write { bytes in
      StatusLine.write(status, into: &bytes)
      bytes.append(commons.dateLine.span)
      bytes.append("Request-Id: ")
      id.append(to: &bytes)
      bytes.append("\r\n")
      if let standing { bytes.append(standing) }
    }
  }

  /// Forgets a head that has been started, to answer something else instead.
  public mutating func startOver() {
    precondition(phase == .unstarted || phase == .head, "the answer has been ended")
    outbox.rollBack()
    phase = .unstarted
    status = 0
  }

  public func field(_ name: StaticString, _ value: StaticString) {
    outbox.write { bytes in
      bytes.append(name)
      bytes.append(": ")
      bytes.append(value)
      bytes.append("\r\n")
    }
  }

  /// Control characters in `value` become `?`: no value can end its line.
  public func field(_ name: StaticString, _ value: ByteSlice) {
    outbox.write { bytes in
      bytes.append(name)
      bytes.append(": ")
      if Octets.firstControl(in: value.span, from: 0) == value.count {
        bytes.append(value)
      } else {
        for index in 0..<value.count {
          bytes.append(Octets.isControl(value[index]) ? ASCII.questionMark : value[index])
        }
      }
      bytes.append("\r\n")
    }
  }

  /// A value that `write` makes in place, of visible ASCII and spaces only.
  public func field(_ name: StaticString, _ write: (inout ByteWriter) -> Void) {
    outbox.write { bytes in
      bytes.append(name)
      bytes.append(": ")
      write(&bytes)
      bytes.append("\r\n")
    }
  }

  public func field(_ name: StaticString, text value: String) {
    field(name, ByteSlice(utf8: value))
  }

  public func field(_ name: StaticString, decimal value: Int) {
    outbox.write { bytes in
      bytes.append(name)
      bytes.append(": ")
      bytes.append(decimal: value)
      bytes.append("\r\n")
    }
  }

  /// Ends the answer with a body.
  public mutating func finish(contentType: StaticString, body content: borrowing ByteWriter) {
    endHead(contentType: contentType, length: content.count)
    if !omitsBody { outbox.write { bytes in bytes.append(content) } }
    outbox.commit()
  }

  /// Ends the answer with a body.
  public mutating func finish(contentType: StaticString, body content: ByteSlice) {
    endHead(contentType: contentType, length: content.count)
    if !omitsBody { outbox.write { bytes in bytes.append(content) } }
    outbox.commit()
  }

  /// Ends the answer with a body whose media type is known only at run time.
  public mutating func finish(contentType: ByteSlice, body content: ByteSlice) {
    field("Content-Type", contentType)
    endHead(contentType: nil, length: content.count)
    if !omitsBody { outbox.write { bytes in bytes.append(content) } }
    outbox.commit()
  }

  /// Ends the answer without a body. To HEAD it says nothing of the length that an answer to GET
  /// would have (RFC 9110 §8.6): that is not known here, and hardly ever 0.
  public mutating func finishEmpty() {
    endHead(contentType: nil, length: terms.isHead ? nil : 0)
    outbox.commit()
  }

  /// Ends the head; the body comes from the stream in `AnswerEnd.stream`.
  public mutating func startStream(contentType: StaticString) {
    precondition(phase == .head, "startStream before start, or a second ending")
    phase = .streaming
    let framing: StreamFraming =
      omitsBody ? .absent : terms.version == .http10 ? .untilClose : .chunked
    streamFraming = framing
    settleClosing(always: framing == .untilClose)
    let connection = connectionLine
    outbox.write { bytes in
      bytes.append("Content-Type: ")
      bytes.append(contentType)
      bytes.append(
        terms.version == .http10 ? "\r\n" : "\r\nTransfer-Encoding: chunked\r\n" as StaticString)
      bytes.append(connection)
      bytes.append("\r\n")
    }
    outbox.commit()
  }

  private var omitsBody: Bool { terms.isHead || status == 204 || status == 304 }

  /// - Parameter length: nil where nothing is said of it; an answer to HEAD ends with its head all
  ///   the same (RFC 9112 §6.3).
  private mutating func endHead(contentType: StaticString?, length: Int?) {
    precondition(phase == .head, "an ending before start, or a second one")
    phase = .complete
    settleClosing(always: false)
    let connection = connectionLine
    let status = self.status
    outbox.write { bytes in
      if let contentType {
        bytes.append("Content-Type: ")
        bytes.append(contentType)
        bytes.append("\r\n")
      }
      if let length, status != 204, status != 304 {
        bytes.append("Content-Length: ")
        bytes.append(decimal: length)
        bytes.append("\r\n")
      }
      bytes.append(connection)
      bytes.append("\r\n")
    }
  }

  private mutating func settleClosing(always: Bool) {
    if always || commons.isDraining || body?.endsConnection == true { closes = true }
  }

  private var connectionLine: StaticString {
    if closes { return "Connection: close\r\n" }
    return terms.version == .http10 ? "Connection: keep-alive\r\n" : ""
  }
}

/// What a request's head asks of every answer to it.
public struct AnswerTerms: Sendable, Equatable {
  public var isHead: Bool
  public var version: HTTPVersion
  public var keepAlive: Bool

  public init(isHead: Bool, version: HTTPVersion, keepAlive: Bool) {
    self.isHead = isHead
    self.version = version
    self.keepAlive = keepAlive
  }

  public init(for head: borrowing RequestHead) {
    isHead = head.method == .head
    version = head.version
    keepAlive = head.keepAlive
  }
}

/// What all answers of one loop share. Loop-confined.
public final class AnswerCommons {
  /// `Date: …CRLF` of the current second (RFC 9110 §6.6.1).
  public private(set) var dateLine: HTTPDate.Line
  private var second: Int64
  /// Whether the server is going down: every answer ends its connection.
  public var isDraining = false

  public init(now: UnixTime) {
    second = now.seconds
    dateLine = HTTPDate.line(for: now)
  }

  /// Renews the date when its second has passed.
  public func advance(to now: UnixTime) {
    guard now.seconds != second else { return }
    second = now.seconds
    dateLine = HTTPDate.line(for: now)
  }
}
