public import Bytes

/// One request as a `Responder` sees it: a checked head, a body that may still be on its way, and
/// where and when it came in. Loop-confined, because its body is.
///
/// A class, so that the calls of its journey hand on one reference and not all of its parts, and so
/// that one object can serve a connection's requests in turn.
public final class HTTPRequest {
  /// Names this request in the answer, in logs and in stored events.
  public private(set) var id: RequestID
  public private(set) var head: RequestHead
  /// When the bytes that completed the head were read; latencies count from here.
  public private(set) var received: MonotonicTime
  /// The same instant on the wall clock.
  public private(set) var receivedAt: UnixTime
  public let listener: ListenerKind
  /// The peer's address as text, without the port.
  public private(set) var peer: ByteSlice
  /// The client's certificate in DER, where TLS has verified one.
  public let clientCertificate: ByteSlice?
  /// What takes the place of a head that has been answered.
  private let blank = RequestHead.blank()
  /// Nil once it has been answered.
  private var ownBody: RequestBody?
  /// What the responder has found out by the head: there again with the connection's next request
  /// if its head repeats all of it, unless somebody has kept this request or the connection was
  /// idle.
  public var memo: HeadMemo?
  /// The same of the head's fields but for the caller's credentials: if the next one repeats these.
  public var fieldsMemo: HeadMemo?
  /// Whether it becomes the connection's next request: else nobody finds the memos again.
  public let isRenewed: Bool

  /// Its body, complete or still arriving; until it has been answered.
  public var body: RequestBody {
    guard let ownBody else { preconditionFailure("the request was answered") }
    return ownBody
  }

  public init(
    id: RequestID, head: RequestHead, body: RequestBody, received: MonotonicTime,
    receivedAt: UnixTime, listener: ListenerKind = .open, peer: ByteSlice = .empty,
    clientCertificate: ByteSlice? = nil, isRenewed: Bool = true
  ) {
    self.isRenewed = isRenewed
    self.id = id
    self.head = head
    ownBody = body
    self.received = received
    self.receivedAt = receivedAt
    self.listener = listener
    self.peer = peer
    self.clientCertificate = clientCertificate
  }

  /// Makes it the next request of the same connection. The caller knows that nobody else refers to
  /// it.
  ///
  /// - Parameter peer: in storage of its own; nil for that of the last.
  public func renew(
    id: RequestID, head: consuming RequestHead, body: consuming RequestBody,
    received: MonotonicTime, receivedAt: UnixTime, peer: consuming ByteSlice?
  ) {
    if head.repeats < .all, memo != nil { memo = nil }
    if head.repeats < .fields, fieldsMemo != nil { fieldsMemo = nil }
    self.id = id
    self.head = consume head
    ownBody = consume body
    self.received = received
    self.receivedAt = receivedAt
    if let peer { self.peer = peer }
  }

  /// It has been answered: lets go of the bytes it came in, and whoever still holds its body reads
  /// no more of it. As `renew`.
  public func clear() {
    head = blank
    ownBody?.detach()
    ownBody = nil
  }
}

/// How much of the head before it a head repeats, byte for byte but for values, and the white space
/// around them, of fields that may have others.
public enum HeadRepeat: Comparable, Sendable {
  case nothing
  /// All fields but for the values of `Authorization`, `Content-Length`, `traceparent` and
  /// `tracestate`: each stands at the same index. The request line may be another.
  case fields
  /// The request line and all fields but for the values of the last three of those.
  case all

  /// What a head repeats at most of which this field has another value.
  init(without field: FieldRange, in span: Span<UInt8>) {
    switch field.name.count {
    case 14 where span.matches(field.name, "content-length"),
      11 where span.matches(field.name, "traceparent"),
      10 where span.matches(field.name, "tracestate"):
      self = .all
    case 13 where span.matches(field.name, "authorization"): self = .fields
    default: self = .nothing
    }
  }
}

/// What a responder keeps of a head, for those that repeat it. Loop-confined.
open class HeadMemo {
  public init() {}
}

/// Which door a connection came through.
public enum ListenerKind: Sendable, Equatable {
  /// The public listener.
  case open
  /// The operators' listener: metrics, health.
  case management
}

/// The methods a `Responder` can meet; the wire itself refuses every other with 501.
public enum HTTPMethod: Sendable, Equatable, CaseIterable {
  case get, head, post, put, delete, options, patch
  /// Known so that every path can say that it does not answer to them (RFC 9110 §15.5.6); an
  /// unknown method is refused with the whole request (§15.6.2).
  case trace, query

  /// The method as it stands on the wire (RFC 9110 §9.1: case-sensitive).
  public var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .trace: "TRACE"
    case .query: "QUERY"
    }
  }
}

/// The versions of HTTP/1 that we tell apart; a minor version above 1 is served as 1.1
/// (RFC 9110 §2.5).
public enum HTTPVersion: Sendable, Equatable {
  case http10, http11
}

/// How a message's body is delimited (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Equatable {
  case none
  /// Exactly this many bytes follow; above zero.
  case length(Int)
  case chunked
}

/// A request's start line and fields, checked against RFC 9112; minted by `RequestParser` only.
/// Holds one reference to the receive buffer; everything else is offsets.
public struct RequestHead: Sendable {
  public let method: HTTPMethod
  public let version: HTTPVersion
  public let fields: FieldTable
  public let framing: BodyFraming
  /// Whether the connection may carry another request after this one (RFC 9112 §9.3).
  public let keepAlive: Bool
  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
  public let expectsContinue: Bool
  /// What it is known to repeat of the head that came before it on the connection. Of one that came
  /// in pieces that is not known.
  public let repeats: HeadRepeat
  let ranges: TargetRanges

  init(
    method: HTTPMethod, version: HTTPVersion, fields: FieldTable, framing: BodyFraming,
    keepAlive: Bool, expectsContinue: Bool, repeats: HeadRepeat = .nothing, ranges: TargetRanges
  ) {
    self.method = method
    self.version = version
    self.fields = fields
    self.framing = framing
    self.keepAlive = keepAlive
    self.expectsContinue = expectsContinue
    self.repeats = repeats
    self.ranges = ranges
  }

  /// No request: what is left of one that has been answered. Its memory is its own, so that loops
  /// do not count references to the same.
  fileprivate static func blank() -> RequestHead {
    RequestHead(
      method: .get, version: .http11,
      fields: FieldTable(bytes: ByteSlice([UInt8]()), ranges: []), framing: .none,
      keepAlive: false, expectsContinue: false,
      ranges: TargetRanges(target: WireRange(0..<0), path: WireRange(0..<0)))
  }

  /// The request target as sent: origin-form, absolute-form or `*`.
  public var target: ByteSlice { fields.bytes[ranges.target.range] }

  /// The target's path as sent, still percent-encoded; starts with `/`, or is `*` for a request
  /// about the server itself. Its escapes are well-formed; decoding and dot segments are the
  /// router's business.
  public var path: ByteSlice {
    ranges.path.count == 0 ? Self.emptyPath(for: method) : fields.bytes[ranges.path.range]
  }

  /// What follows the first `?`, still percent-encoded; nil without one.
  public var query: ByteSlice? { ranges.query.map { fields.bytes[$0.range] } }

  /// Host and port of the request: the target's authority in absolute-form, else the Host field
  /// (RFC 9112 §3.2.2); empty where HTTP/1.0 sent none.
  public var authority: ByteSlice {
    if let authority = ranges.authority { return fields.bytes[authority.range] }
    return fields.first("host") ?? .empty
  }

  private static let root = ByteSlice(utf8: "/")
  private static let asterisk = ByteSlice(utf8: "*")

  /// An absolute-form target without a path means `/`, and `*` with OPTIONS (RFC 9112 §3.2.4).
  private static func emptyPath(for method: HTTPMethod) -> ByteSlice {
    method == .options ? asterisk : root
  }
}

/// Offsets into the head's bytes.
struct WireRange: BitwiseCopyable, Sendable, Equatable {
  var start: UInt32
  var count: UInt32

  init(_ range: Range<Int>) {
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    count = UInt32(truncatingIfNeeded: range.count)
  }

  init(_ start: Int, count: UInt32) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = count
  }

  var range: Range<Int> { Int(start)..<(Int(start) &+ Int(count)) }
}

/// Where the parts of a target lie in the head's bytes.
struct TargetRanges: BitwiseCopyable, Sendable, Equatable {
  var target: WireRange
  var path: WireRange
  var query: WireRange?
  var authority: WireRange?
}
