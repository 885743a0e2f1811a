import Bytes
import HTTPWire

/// Browser pages of another origin (Fetch §3.2): in development mode, pages that a loopback address
/// serves may call; otherwise none may. Credentials are tokens and tickets, never cookies, so that
/// a page gets nothing it was not given.
extension GatewayResponder {
  /// Adds the fields that let the calling page read the answer.
  func allowCrossOrigin(
    _ request: HTTPRequest, _ answer: inout AnswerWriter, methods: StaticString? = nil,
    refusing refusal: Refusal? = nil
  ) {
    guard parts.operations.isDevelopment, refusal == nil,
      let origin = request.head.fields.first("origin"), CrossOrigin.isLoopback(origin)
    else { return }
    answer.field("Access-Control-Allow-Origin", origin)
    answer.field("Vary", "Origin")
    answer.field(
      "Access-Control-Expose-Headers",
      "Dry-Run, ETag, Link, Location, Request-Id, Retry-After, Server-Timing")
    guard let methods else { return }
    answer.field("Access-Control-Allow-Methods", methods)
    answer.field(
      "Access-Control-Allow-Headers",
      "Authorization, Content-Type, Event-Key, If-Match, If-None-Match, Last-Event-ID")
    answer.field("Access-Control-Max-Age", "600")
  }
}

enum CrossOrigin {
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
