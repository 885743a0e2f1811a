package import Bytes
package import HTTPWire

/// What a command line needs of a gateway: one request after the other on one connection that is
/// kept while it lasts, with the caller's token on each. Loop-confined; used by one task.
package final class GatewayClient {
  package let endpoint: Endpoint
  private let token: ByteSlice?
  private var connection: HTTPConnection?
  private var hasAnswered = false

  package init(_ endpoint: Endpoint, token: ByteSlice? = nil) {
    self.endpoint = endpoint
    self.token = token
  }

  package func close(on loop: isolated ClientLoop) {
    connection?.close(on: loop)
    connection = nil
  }

  /// Sends a request with a whole body, or none, and returns the whole answer, whatever its status.
  ///
  /// A kept connection that turns out to be closed is replaced once, for requests that may be sent
  /// twice (RFC 9110 §9.2.2); a POST is not among them, its caller learns `.connectionLost`.
  package func send(
    _ request: ClientRequest, within span: TimeSpan = .seconds(90), on loop: isolated ClientLoop
  ) async throws(ClientFault) -> ClientAnswer {
    let bytes = try written(request)
    let isHead = "\(request.method)" == "HEAD"
    while true {
      let isReused = connection != nil && hasAnswered
      let open = try await opened(on: loop)
      do throws(ClientFault) {
        let answer = try await open.exchange(bytes, isHead: isHead, within: span)
        hasAnswered = true
        if !answer.keepsConnection { close(on: loop) }
        return answer
      } catch {
        close(on: loop)
        guard error == .connectionLost, isReused, "\(request.method)" != "POST" else { throw error }
      }
    }
  }

  /// Sends a request whose body comes in pieces (chunked), each when the server has taken the last.
  /// Stops asking for pieces when the server has stopped listening.
  package func send(
    _ request: ClientRequest, pieces: () async -> ByteSlice?, within span: TimeSpan = .seconds(90),
    on loop: isolated ClientLoop
  ) async throws(ClientFault) -> ClientAnswer {
    var chunked = request
    chunked.body = .chunked
    close(on: loop)
    let open = try await opened(on: loop)
    defer { close(on: loop) }
    var bytes = ByteWriter()
    bytes.append(try written(chunked))
    var isListening = await open.send(bytes.slice)
    while isListening, let piece = await pieces() {
      bytes.removeAll()
      ClientRequest.writeChunk(piece, into: &bytes)
      isListening = await open.send(bytes.slice)
    }
    bytes.removeAll()
    ClientRequest.writeLastChunk(into: &bytes)
    if isListening { _ = await open.send(bytes.slice) }
    return try await open.exchange(.empty, within: span)
  }

  /// Opens a request's answer as a stream, on a connection of its own that the caller closes.
  package func open(
    _ request: ClientRequest, within span: TimeSpan = .seconds(30), on loop: isolated ClientLoop
  ) async throws(ClientFault) -> (head: ResponseHead, connection: HTTPConnection) {
    let bytes = try written(request)
    let connection = try await HTTPConnection.open(endpoint, on: loop)
    do throws(ClientFault) {
      _ = await connection.send(bytes)
      return (try await connection.readHead(within: span), connection)
    } catch {
      connection.close(on: loop)
      throw error
    }
  }

  private func opened(on loop: isolated ClientLoop) async throws(ClientFault) -> HTTPConnection {
    if let connection { return connection }
    let fresh = try await HTTPConnection.open(endpoint, on: loop)
    connection = fresh
    hasAnswered = false
    return fresh
  }

  private func written(_ request: ClientRequest) throws(ClientFault) -> ByteSlice {
    var authorized = request
    if let token { authorized.authorize(token) }
    var bytes = ByteWriter(capacity: 512)
    try authorized.write(to: endpoint, into: &bytes)
    return bytes.slice
  }
}
