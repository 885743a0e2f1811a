package import Bytes
import HTTPWire

/// Follows a `text/event-stream` across disconnects, as a browser's `EventSource` does: each new
/// connection sends the last id seen as `Last-Event-ID`. Loop-confined; used by one task.
package final class EventFollower {
  private let client: GatewayClient
  private let target: String
  /// How long a server that is away, or overloaded, is tried again; counted from the last byte.
  private let patience: TimeSpan
  private var parser: EventStreamParser
  private var connection: HTTPConnection?
  private var ready: [ServerEvent] = []
  private var handedOut = 0
  private var lastID: ByteSlice
  private var aliveAt: MonotonicTime?
  /// How often it was connected to the server.
  package private(set) var connections = 0

  /// Without a byte for this long the connection counts as dead: three heartbeats of the gateway.
  private static let silence = TimeSpan.seconds(45)

  /// - Parameters:
  ///   - target: path and query of the stream.
  ///   - after: a position to start behind, sent like the id of an earlier event.
  package init(
    _ client: GatewayClient, target: String, after: ByteSlice = .empty,
    patience: TimeSpan = .seconds(30)
  ) {
    self.client = client
    self.target = target
    self.patience = patience
    lastID = after
    parser = EventStreamParser()
  }

  package func close(on loop: isolated ClientLoop) {
    connection?.close(on: loop)
    connection = nil
  }

  /// Comment lines seen: heartbeats.
  package var heartbeats: Int { parser.comments }

  /// Whether an event stream was ever opened.
  package private(set) var hasOpened = false

  /// The next event; nil when the server says that there is nothing to follow (204).
  ///
  /// Throws `.refused` for an answer that is no stream, and the last fault when the server stays
  /// away for longer than the patience. Cancelling the task ends the wait with `.connectionLost`.
  package func next(on loop: isolated ClientLoop) async throws(ClientFault) -> ServerEvent? {
    while true {
      if handedOut < ready.count {
        defer { handedOut += 1 }
        lastID = ready[handedOut].id
        return ready[handedOut]
      }
      ready.removeAll(keepingCapacity: true)
      handedOut = 0
      do throws(ClientFault) {
        let open: HTTPConnection
        if let connection {
          open = connection
        } else if let fresh = try await connect(on: loop) {
          open = fresh
          connection = fresh
        } else {
          return nil
        }
        let piece = try await open.nextPiece(within: Self.silence)
        aliveAt = loop.now
        guard let piece else { throw .connectionLost }
        try parser.feed(piece) { ready.append($0) }
        // A bare `id:` moves the position without an event.
        if ready.isEmpty, !parser.lastEventID.isEmpty { lastID = parser.lastEventID }
      } catch {
        try await recover(from: error, on: loop)
      }
    }
  }

  private func connect(on loop: isolated ClientLoop) async throws(ClientFault) -> HTTPConnection? {
    parser.reconnect()
    var request = ClientRequest("GET", target)
    request.set("Accept", "text/event-stream")
    request.set("Cache-Control", "no-store")
    if !lastID.isEmpty { request.set("Last-Event-ID", lastID) }
    let (head, connection) = try await client.open(request, on: loop)
    connections += 1
    let type = head.fields.first("content-type") ?? .empty
    if head.status == 200, type.prefix(17).equalsIgnoringCase("text/event-stream") {
      hasOpened = true
      return connection
    }
    defer { connection.close(on: loop) }
    if head.status == 204 { return nil }
    var body = ByteWriter()
    while body.count < 64 * 1024,
      let piece = try await connection.nextPiece(within: .seconds(5))
    {
      body.append(piece)
    }
    throw .refused(status: head.status, body: body.slice)
  }

  /// Waits before the next try; rethrows what no waiting mends.
  private func recover(
    from fault: ClientFault, on loop: isolated ClientLoop
  ) async throws(ClientFault) {
    close(on: loop)
    switch fault {
    case .unreachable, .connectionLost, .timedOut: break
    case .refused(let status, _) where status == 429 || status == 502 || status == 503: break
    default: throw fault
    }
    let now = loop.now
    let since = aliveAt ?? now
    aliveAt = since
    guard !Task.isCancelled, now - since < patience else { throw fault }
    await pause()
  }

  /// Waits for as long as the server asks clients to wait before they connect again, 10 s at most.
  package func pause() async {
    let span = parser.retry ?? .milliseconds(500)
    try? await Task.sleep(for: .nanoseconds(min(span.nanoseconds, 10_000_000_000)))
  }
}
