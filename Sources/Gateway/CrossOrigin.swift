public import Bytes
import HTTPWire

/// Which browser pages of another origin may call (Fetch §3.2): those of the origins that the
/// operator lists, each compared byte by byte, and in development mode those that a loopback
/// address serves. No answer says `*`. A page sends tokens and tickets as its own script decides;
/// credentials that the browser keeps are used only where the operator says so.
public struct CrossOrigin: Sendable {
  private let origins: [ByteSlice]
  private let credentials: Bool
  private let allowsLoopback: Bool

  public init(origins: [ByteSlice], credentials: Bool, allowsLoopback: Bool) {
    self.origins = origins
    self.credentials = credentials
    self.allowsLoopback = allowsLoopback
  }

  /// Nobody.
  public static let none = CrossOrigin(origins: [], credentials: false, allowsLoopback: false)

  /// Fields for every answer to this request, refusals too, each with its line's end. But for
  /// `kept` no cache keeps an answer (RFC 9111 §5.2.2.5): it is one caller's. Where one does so all
  /// the same, nobody gets that of another origin.
  ///
  /// - Parameter plain: the caller's own copy of `noStore`, for answers that say no more.
  func fields(for request: HTTPRequest, plain: ByteSlice) -> ByteSlice {
    guard allowsLoopback || !origins.isEmpty else { return plain }
    guard let origin = request.head.fields.first("origin"), allows(origin) else {
      return origins.isEmpty ? plain : Self.vary
    }
    var fields = ByteWriter(capacity: 448)
    fields.append("Cache-Control: no-store\r\nAccess-Control-Allow-Origin: ")
    fields.append(origin)
    fields.append("\r\nVary: Origin\r\n")
    if credentials { fields.append("Access-Control-Allow-Credentials: true\r\n") }
    fields.append("Access-Control-Expose-Headers: Deprecation, DPoP-Nonce, Dry-Run, ETag, ")
    fields.append("Jodrell-First, Jodrell-Last, Jodrell-Redacted, Link, Location, Message-Id, ")
    fields.append("Preference-Applied, RateLimit, RateLimit-Policy, ")
    fields.append("Request-Id, Retry-After, Schema-Fingerprint, Schema-State, Schema-Subject, ")
    fields.append("Schema-Version, Server-Timing, Sunset, WWW-Authenticate\r\n")
    return fields.slice
  }

  static let noStore = ByteSlice(utf8: "Cache-Control: no-store\r\n")
  static func copyOfNoStore() -> ByteSlice { ByteSlice(copying: noStore.span) }
  private static let keep = ByteSlice(
    utf8: "Cache-Control: private, max-age=3600, immutable\r\n"
      + "Vary: Authorization, X-API-Key, Jodrell-Tenant\r\n")

  /// The same fields for an answer that the caller's own cache may keep. `~` in a path means
  /// another place for another caller, so that a kept answer is for those fields only.
  static func kept(_ fields: ByteSlice) -> ByteSlice {
    precondition(fields.prefix(noStore.count) == noStore, "no other answer may be kept")
    var kept = ByteWriter(capacity: fields.count + keep.count)
    kept.append(keep)
    kept.append(fields.dropFirst(noStore.count))
    return kept.slice
  }

  private static let vary = ByteSlice(utf8: "Cache-Control: no-store\r\nVary: Origin\r\n")

  func allows(_ origin: ByteSlice) -> Bool {
    if origins.contains(origin) { return true }
    return allowsLoopback && Self.isLoopback(origin)
  }

  /// Whether an origin is `http(s)://localhost`, `127.0.0.1` or `[::1]`, with any port.
  static func isLoopback(_ origin: ByteSlice) -> Bool {
    let scheme = origin.starts(with: "http://") ? 7 : origin.starts(with: "https://") ? 8 : 0
    guard scheme > 0 else { return false }
    let authority = origin.dropFirst(scheme)
    for host in ["localhost", "127.0.0.1", "[::1]"] as [StaticString]
    where authority.starts(with: host) {
      let rest = authority.dropFirst(host.utf8CodeUnitCount)
      if rest.isEmpty { return true }
      if rest[0] == ASCII.colon, rest.count > 1, rest.dropFirst(1).array.allSatisfy(ASCII.isDigit) {
        return true
      }
    }
    return false
  }
}

extension GatewayResponder {
  /// Answers what a browser asks before it sends a page's request: methods and fields.
  func allowPreflight(
    _ request: HTTPRequest, _ answer: inout AnswerWriter, methods: StaticString
  ) {
    let fields = request.head.fields
    guard let origin = fields.first("origin"), admission.snapshot.crossOrigin.allows(origin),
      fields.first("access-control-request-method") != nil
    else { return }
    answer.field("Access-Control-Allow-Methods", methods)
    answer.field("Access-Control-Allow-Headers") { value in
      value.append("Accept, Authorization, Content-Type, DPoP, Event-Key, Event-Time, If-Match, ")
      value.append(
        "If-None-Match, Jodrell-Tenant, Last-Event-ID, Prefer, Traceparent, Tracestate, ")
      value.append("X-API-Key")
      // Attributes of an event are fields of its request; their names are the page's.
      guard let wanted = fields.first("access-control-request-headers") else { return }
      for name in wanted.array.split(separator: ASCII.comma) {
        let name = name.filter { $0 != ASCII.space && $0 != ASCII.tab }.map(ASCII.lowercased)
        guard name.starts(with: "ce-".utf8), name.count <= 128,
          name.allSatisfy({ $0 == ASCII.minus || ASCII.isDigit($0) || (0x61...0x7A).contains($0) })
        else { continue }
        value.append(", ")
        value.append(name)
      }
    }
    answer.field("Access-Control-Max-Age", "600")
  }
}
