import Bytes
import Client

/// Requests made before the run, so that the generator's own work stays out of the measurement. All
/// connections share them and start at different places.
struct RequestPool: Sendable {
  struct Prepared: Sendable {
    /// Head and body as they go over the wire.
    let bytes: ByteSlice
    let events: Int
    /// Bytes of the body, which are its payloads.
    let payloadBytes: Int
  }

  let requests: [Prepared]

  /// Batches that were made, at most this many bytes of them.
  private static let memory = 64 * 1024 * 1024

  /// - Parameter payloads: what to send, in turn; nil generates order events.
  init(
    for target: Target, payloads: [ByteSlice]?, contentType: String, batch: Int, seed: UInt64
  ) throws(ClientFault) {
    let endpoint = try Endpoint(target.url)
    var orders = OrderEvents(seed: seed)
    var requests: [Prepared] = []
    var next = 0
    var size = 0
    // A fixed number of different requests, less where batches are large; a file's payloads all
    // come up at least once.
    let wanted = max(payloads.map { ($0.count + batch - 1) / batch } ?? 0, 4_096)
    while requests.count < wanted, size < Self.memory || requests.isEmpty {
      var body = ByteWriter(capacity: batch * 640)
      for _ in 0..<batch {
        if let payloads {
          body.append(payloads[next % payloads.count])
          next += 1
        } else {
          orders.append(to: &body)
        }
        if batch > 1 { body.append("\n") }
      }
      let request = Self.request(
        target, body: body.slice, contentType: batch > 1 ? "application/x-ndjson" : contentType)
      var bytes = ByteWriter(capacity: body.count + 1024)
      try request.write(to: endpoint, into: &bytes)
      requests.append(
        Prepared(
          bytes: bytes.slice, events: batch, payloadBytes: body.count - (batch > 1 ? batch : 0)))
      size += bytes.count
      if payloads?.count == 1 { break }
    }
    self.requests = requests
  }

  private static func request(
    _ target: Target, body: ByteSlice, contentType: String
  ) -> ClientRequest {
    var request = ClientRequest("POST", target.eventsPath, body: .whole(body))
    if let token = target.token { request.authorize(token) }
    request.set("Content-Type", contentType)
    for header in target.headers { request.set(header.name, header.value) }
    return request
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
