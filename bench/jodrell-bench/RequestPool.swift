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

  private let portions: Portions
  private let paths: Paths
  /// What stands on the request line behind the topic's number, and the Host field.
  private let lineEnd: ByteSlice
  private let lineStart: ByteSlice
  private let authorizations: [ByteSlice]
  private let parts: [Part]
  /// The request that a number of events ends with, where it carries less than others would.
  private let last: (turn: Int, part: Part)?

  /// Batches that were made, at most this many bytes of them.
  private static let memory = 64 * 1024 * 1024

  init(
    for target: Target, content: Content? = nil, portions: Portions = Portions(),
    seed: UInt64 = 1, paths: Paths? = nil
  ) throws(ClientFault) {
    let endpoint = target.endpoint
    self.portions = portions
    self.paths = paths ?? target.paths
    (lineStart, lineEnd) = try Self.line(self.paths, at: endpoint)
    let authorizations = try target.tokens.map { token throws(ClientFault) in
      var fields = ByteWriter(capacity: token.count + 32)
      var request = ClientRequest("POST", "/")
      request.authorize(token)
      try request.writeFields(into: &fields)
      return fields.slice
    }
    // In one storage, whose count of references is then in the cache, however many there are.
    self.authorizations = ByteSlice.joined(authorizations)
    var press = Press(
      content: content, isBatch: portions.batch > 1, headers: target.headers,
      orders: OrderEvents(seed: seed))
    let parts = try Self.parts(&press, portions)
    self.parts = parts
    guard let turn = portions.requests.map({ $0 - 1 }),
      portions.events(of: turn) < portions.eventsInPass(of: turn)
    else {
      last = nil
      return
    }
    let part = try press.part(
      portions.events(of: turn), from: turn % parts.count * portions.batch)
    last = (turn: turn, part: part)
  }

  /// How many different bodies there are.
  var bodies: Int { parts.count }

  /// How many events the request of a run's `turn`-th send carries.
  func events(of turn: Int) -> Int { portions.events(of: turn) }

  private func part(of turn: Int) -> Part {
    if let last, last.turn == turn { return last.part }
    return parts[turn % parts.count]
  }

  /// Appends the request of a run's `turn`-th send.
  ///
  /// - Parameter stamp: written into the id of a made-up order, where a reader finds it again.
  /// - Returns: the bytes of its payloads.
  func write(turn: Int, stamp: MonotonicTime?, into bytes: inout ByteWriter) -> Int {
    bytes.append(lineStart)
    if paths.after != nil { bytes.append(decimal: turn % paths.count) }
    bytes.append(lineEnd)
    if !authorizations.isEmpty { bytes.append(authorizations[turn % authorizations.count]) }
    let part = part(of: turn)
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
    _ press: inout Press, _ portions: Portions
  ) throws(ClientFault) -> [Part] {
    var parts: [Part] = []
    var size = 0
    // A fixed number of different requests, less where batches are large; a file's payloads all
    // come up at least once.
    let batch = portions.batch
    let wanted = press.content.map { ($0.payloads.count + batch - 1) / batch } ?? 4_096
    while parts.count < wanted, size < memory || press.content != nil {
      let turn = parts.count
      let part = try press.part(portions.eventsInPass(of: turn), from: turn * batch)
      parts.append(part)
      size += part.bytes.count
    }
    return parts
  }

  /// Makes the parts, one after the other.
  private struct Press {
    let content: Content?
    let isBatch: Bool
    let headers: [(name: String, value: String)]
    var orders: OrderEvents

    /// A body of so many events with its fields.
    ///
    /// - Parameter first: the number of the content's payload that comes first; behind the last one
    ///   the first follows.
    mutating func part(_ events: Int, from first: Int) throws(ClientFault) -> Part {
      var body = ByteWriter(capacity: events * 640)
      for offset in 0..<events {
        if let content {
          body.append(content.payloads[(first + offset) % content.payloads.count])
        } else {
          orders.append(to: &body)
        }
        if isBatch { body.append("\n") }
      }
      let type = isBatch ? "application/x-ndjson" : content?.type ?? "application/json"
      var request = ClientRequest("POST", "/", body: .whole(body.slice))
      request.set("Content-Type", type)
      for header in headers { request.set(header.name, header.value) }
      var bytes = ByteWriter(capacity: body.count + 128)
      try request.writeFields(into: &bytes)
      request.writeBody(into: &bytes)
      let isStamped = content == nil && !isBatch
      let start = bytes.count - body.count + OrderEvents.idOffset
      return Part(
        bytes: bytes.slice, payloadBytes: body.count - (isBatch ? events : 0),
        stampAt: isStamped ? start : nil)
    }
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
