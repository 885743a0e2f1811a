import Bytes
import Client

/// Requests in parts, made before the run so that the generator's own work stays out of the
/// measurement: a request is the line of a topic, the authorization of a caller, and a body with
/// the fields that go with it. All connections share the parts.
struct RequestPool: Sendable {
  /// What `--payload` and the like give; without it orders are made up.
  struct Content: Sendable {
    let payloads: [ByteSlice]
    let type: String
  }

  private struct Part: Sendable {
    /// Fields and body as they go over the wire.
    let bytes: ByteSlice
    let payloadBytes: Int
    /// Where the digits of a made-up order's id are.
    let stampAt: Int?
  }

  /// Events per request.
  let batch: Int
  private let paths: Paths
  /// What stands on the request line behind the topic's number, and the Host field.
  private let lineEnd: ByteSlice
  private let lineStart: ByteSlice
  private let authorizations: [ByteSlice]
  private let parts: [Part]

  /// Batches that were made, at most this many bytes of them.
  private static let memory = 64 * 1024 * 1024

  init(
    for target: Target, content: Content? = nil, batch: Int = 1, seed: UInt64 = 1,
    paths: Paths? = nil
  ) throws(ClientFault) {
    let endpoint = target.endpoint
    self.batch = batch
    self.paths = paths ?? target.paths
    (lineStart, lineEnd) = try Self.line(self.paths, at: endpoint)
    authorizations = try target.tokens.map { token throws(ClientFault) in
      var fields = ByteWriter(capacity: token.count + 32)
      var request = ClientRequest("POST", "/")
      request.authorize(token)
      try request.writeFields(into: &fields)
      return fields.slice
    }
    parts = try Self.parts(content, batch: batch, seed: seed, headers: target.headers)
  }

  /// How many different bodies there are.
  var bodies: Int { parts.count }

  /// Appends the request of a run's `turn`-th send.
  ///
  /// - Parameter stamp: written into the id of a made-up order, where a reader finds it again.
  /// - Returns: the bytes of its payloads.
  func write(turn: Int, stamp: MonotonicTime?, into bytes: inout ByteWriter) -> Int {
    bytes.append(lineStart)
    if paths.after != nil { bytes.append(decimal: turn % paths.count) }
    bytes.append(lineEnd)
    if !authorizations.isEmpty { bytes.append(authorizations[turn % authorizations.count]) }
    let part = parts[turn % parts.count]
    guard let stamp, let at = part.stampAt else {
      bytes.append(part.bytes)
      return part.payloadBytes
    }
    bytes.append(part.bytes.prefix(at))
    bytes.append(hexadecimal: UInt64(stamp.nanoseconds))
    bytes.append(part.bytes.dropFirst(at + Stamp.digits))
    return part.payloadBytes
  }

  private static func line(
    _ paths: Paths, at endpoint: Endpoint
  ) throws(ClientFault) -> (ByteSlice, ByteSlice) {
    var whole = ByteWriter()
    try ClientRequest("POST", paths[0]).writeLine(to: endpoint, into: &whole)
    guard let after = paths.after else { return (whole.slice, .empty) }
    // The number 0 stands between the two.
    let start = "POST ".utf8.count + endpoint.prefix.utf8.count + paths.before.utf8.count
    precondition(after.utf8.count < whole.count - start)
    return (whole.slice.prefix(start), whole.slice.dropFirst(start + 1))
  }

  private static func parts(
    _ content: Content?, batch: Int, seed: UInt64, headers: [(name: String, value: String)]
  ) throws(ClientFault) -> [Part] {
    var orders = OrderEvents(seed: seed)
    var parts: [Part] = []
    var next = 0
    var size = 0
    // A fixed number of different requests, less where batches are large; a file's payloads all
    // come up at least once.
    let wanted = content.map { ($0.payloads.count + batch - 1) / batch } ?? 4_096
    while parts.count < wanted, size < memory || content != nil {
      var body = ByteWriter(capacity: batch * 640)
      for _ in 0..<batch {
        if let content {
          body.append(content.payloads[next % content.payloads.count])
          next += 1
        } else {
          orders.append(to: &body)
        }
        if batch > 1 { body.append("\n") }
      }
      let type = batch > 1 ? "application/x-ndjson" : content?.type ?? "application/json"
      var request = ClientRequest("POST", "/", body: .whole(body.slice))
      request.set("Content-Type", type)
      for header in headers { request.set(header.name, header.value) }
      var bytes = ByteWriter(capacity: body.count + 128)
      try request.writeFields(into: &bytes)
      request.writeBody(into: &bytes)
      let isStamped = content == nil && batch == 1
      let start = bytes.count - body.count + OrderEvents.idOffset
      parts.append(
        Part(
          bytes: bytes.slice, payloadBytes: body.count - (batch > 1 ? batch : 0),
          stampAt: isStamped ? start : nil))
      size += bytes.count
    }
    return parts
  }

  /// The payloads of a file: each line of `.ndjson` and `.jsonl`, else the whole.
  static func payloads(in path: String, option: String) throws(UsageFault) -> [ByteSlice] {
    let bytes = try fileBytes(path, of: option)
    guard path.hasSuffix(".ndjson") || path.hasSuffix(".jsonl") else { return [bytes] }
    var lines: [ByteSlice] = []
    var start = 0
    while start < bytes.count {
      let end = bytes.firstIndex(of: ASCII.lineFeed, from: start) ?? bytes.count
      if end > start { lines.append(bytes[start..<end]) }
      start = end + 1
    }
    guard !lines.isEmpty else { throw UsageFault("\(option): \(path) holds no line") }
    return lines
  }
}

/// The send time in an event: the id of a made-up order is `ord_` and sixteen hexadecimal digits,
/// which a publisher that measures delivery sets to the nanoseconds of the monotonic clock.
enum Stamp {
  static let digits = 16
  static let lead: StaticString = "\"ord_"
}
