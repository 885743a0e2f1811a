package import Bytes
import Crypto
package import HTTPWire
import Network

/// A complete answer.
package struct ClientAnswer: Sendable {
  package let status: Int
  package let fields: FieldTable
  /// Shares the connection's buffer where it can: copy what is kept for long.
  package let body: ByteSlice
  /// Whether the connection takes another request; close it otherwise.
  package let keepsConnection: Bool

  package init(status: Int, fields: FieldTable, body: ByteSlice, keepsConnection: Bool) {
    self.status = status
    self.fields = fields
    self.body = body
    self.keepsConnection = keepsConnection
  }
}

/// One connection to a gateway: requests go out one after the other, each answer is read before the
/// next request. Loop-confined; used by one task, which closes it.
package final class HTTPConnection {
  private let connection: ClientConnection

  private init(_ connection: ClientConnection) { self.connection = connection }

  /// Connects to the socket file, or to the host: a numeric address, `localhost` for this machine,
  /// or a name that the system knows, which may take it seconds to find out. Its addresses are
  /// tried in turn.
  package static func open(
    _ endpoint: Endpoint, within span: TimeSpan = .seconds(5), on loop: isolated ClientLoop
  ) async throws(ClientFault) -> HTTPConnection {
    var fault = ClientFault.unreachable("\(endpoint.host) has no address")
    for address in try addresses(of: endpoint) {
      do throws(ClientFault) {
        return try await open(endpoint, at: address, within: span, on: loop)
      } catch {
        fault = error
        guard case .unreachable = error else { break }
      }
    }
    throw fault
  }

  private static func addresses(of endpoint: Endpoint) throws(ClientFault) -> [SocketAddress] {
    do throws(NetworkFailure) {
      if let path = endpoint.socket { return [try SocketAddress(path: path)] }
      let host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host
      return try SocketAddress.find(host: host, port: endpoint.port)
    } catch {
      throw .unreachable("\(endpoint.socket ?? endpoint.host) is no address")
    }
  }

  private static func open(
    _ endpoint: Endpoint, at address: SocketAddress, within span: TimeSpan,
    on loop: isolated ClientLoop
  ) async throws(ClientFault) -> HTTPConnection {
    let session = try endpoint.trust.map { trust throws(ClientFault) in
      guard let session = trust.tls.connect(to: endpoint.host, protocols: [.http11]) else {
        throw .unreachable("\(endpoint.host) is no name for a certificate")
      }
      return session
    }
    do throws(ClientFailure) {
      return HTTPConnection(
        try await ClientConnection(to: address, tls: session, within: span, on: loop))
    } catch .tls(.certificate) {
      throw .untrusted(endpoint.authority)
    } catch {
      throw .unreachable(error.words)
    }
  }

  package func close(on loop: isolated ClientLoop) { connection.close(on: loop) }

  /// Sends a request made by `ClientRequest.write` and reads its whole answer.
  ///
  /// - Parameters:
  ///   - isHead: whether the request is a HEAD, whose answer has no body.
  ///   - span: how long the answer's head, and then its body, may take.
  ///   - limit: bytes that the answer's body may have.
  package func exchange(
    _ request: ByteSlice, isHead: Bool = false, within span: TimeSpan = .seconds(90),
    limit: Int = 64 * 1024 * 1024
  ) async throws(ClientFault) -> ClientAnswer {
    try await answer(isSent: await send(request), isHead: isHead, within: span, limit: limit)
  }

  /// Sends the request that `write` appends, without a copy in between, and reads its whole answer.
  package func exchange(
    within span: TimeSpan = .seconds(90), limit: Int = 64 * 1024 * 1024,
    _ write: (inout ByteWriter) -> Void
  ) async throws(ClientFault) -> ClientAnswer {
    let isSent: Bool
    do throws(ClientFailure) {
      try await connection.send(write)
      isSent = true
    } catch {
      isSent = false
    }
    return try await answer(isSent: isSent, isHead: false, within: span, limit: limit)
  }

  private func answer(
    isSent: Bool, isHead: Bool, within span: TimeSpan, limit: Int
  ) async throws(ClientFault) -> ClientAnswer {
    let head = try await readHead(isHead: isHead, within: span)
    do throws(ClientFailure) {
      let body = try await connection.readBody(upTo: limit, within: span)
      return ClientAnswer(
        status: head.status, fields: head.fields, body: body,
        keepsConnection: connection.keepsAlive && isSent)
    } catch {
      throw ClientFault(error, limit: limit)
    }
  }

  /// Sends bytes of a request: its head, then its body in pieces.
  ///
  /// - Returns: false when the server takes no more. It may have answered before the body was out,
  ///   so the answer is worth looking for.
  package func send(_ bytes: ByteSlice) async -> Bool {
    do throws(ClientFailure) {
      if !bytes.isEmpty { try await connection.send(bytes) }
      return true
    } catch {
      return false
    }
  }

  /// Reads the head of the next answer.
  package func readHead(
    isHead: Bool = false, within span: TimeSpan
  ) async throws(ClientFault) -> ResponseHead {
    do throws(ClientFailure) {
      return try await connection.readHead(answering: isHead ? .head : .get, within: span)
    } catch {
      throw ClientFault(error)
    }
  }

  /// Sends a request whose answer is a stream to be read with `nextPiece`; `.refused` for any
  /// status but 200.
  package func beginStream(
    _ request: ByteSlice, within span: TimeSpan
  ) async throws(ClientFault) {
    _ = await send(request)
    let head = try await readHead(within: span)
    guard head.status != 200 else { return }
    let start = try await nextPiece(within: span) ?? .empty
    throw .refused(status: head.status, body: ByteSlice(copying: start.prefix(512).span))
  }

  /// The next bytes of the body, never empty; nil at its end. `.connectionLost` when the connection
  /// ends before it.
  package func nextPiece(within span: TimeSpan) async throws(ClientFault) -> ByteSlice? {
    do throws(ClientFailure) {
      return try await connection.nextPiece(within: span)
    } catch {
      throw ClientFault(error)
    }
  }
}

extension ClientFault {
  /// What a broken connection means to whoever waits for an answer.
  init(_ failure: ClientFailure, limit: Int = 0) {
    switch failure {
    case .network, .closed, .cancelled, .tls: self = .connectionLost
    case .timedOut: self = .timedOut
    case .malformed: self = .malformedAnswer
    case .tooLong: self = .tooLarge(limit: limit)
    }
  }
}

extension ClientFailure {
  /// Why there is no connection, for people.
  fileprivate var words: String {
    switch self {
    case .network(let failure) where failure.isNobody: "nobody listens there"
    case .timedOut: "no connection in time"
    case .tls(.alert): "it refuses our TLS; it may want a client's certificate"
    case .tls, .closed: "it does not speak TLS"
    default: "no connection"
    }
  }
}
