import Bytes
import Client
import HTTPWire
import Network
import Synchronization

/// One tenant's client in the demonstration.
struct DemoClient: Sendable {
  let endpoint: Endpoint
  let token: ByteSlice

  /// Sends requests one after the other on one connection.
  func ask(_ requests: [ClientRequest]) async throws(CommandFault) -> [DemoAnswer] {
    try await ClientSession.run { loop throws(CommandFault) -> [DemoAnswer] in
      let client = GatewayClient(endpoint, token: token)
      defer { client.close(on: loop) }
      var answers: [DemoAnswer] = []
      for request in requests {
        let began = Clocks.system.monotonic()
        let answer = try await client.ask(request, on: loop)
        let took = Clocks.system.monotonic() - began
        var fields: [(String, String)] = []
        for index in 0..<answer.fields.count {
          fields.append((answer.fields.name(at: index).text, answer.fields.value(at: index).text))
        }
        answers.append(
          DemoAnswer(
            status: answer.status, took: took, body: ByteSlice(copying: answer.body.span),
            fields: fields))
      }
      return answers
    }
  }

  func ask(
    _ method: StaticString, _ path: String, _ json: String? = nil,
    contentType: String = "application/json"
  ) async throws(CommandFault) -> DemoAnswer {
    let answers = try await ask([Self.request(method, path, json, contentType: contentType)])
    guard let answer = answers.first else { throw CommandFault(.failed, "no answer") }
    return answer
  }

  static func request(
    _ method: StaticString, _ path: String, _ json: String? = nil,
    contentType: String = "application/json"
  ) -> ClientRequest {
    guard let json else { return ClientRequest(method, path) }
    var request = ClientRequest(method, path, body: .whole(ByteSlice(utf8: json)))
    request.set("Content-Type", contentType)
    return request
  }
}

/// A live reader of a topic that keeps what it sees; runs in a task of its own until cancelled.
final class DemoReader: Sendable {
  struct Seen: Sendable {
    let id: String
    let at: MonotonicTime
  }

  private struct State {
    var seen: [Seen] = []
    var connections = 0
    var fault: String?
  }

  private let state = Mutex(State())

  var seen: [Seen] { state.withLock(\.seen) }
  /// How often it had to connect.
  var connections: Int { state.withLock(\.connections) }
  var fault: String? { state.withLock(\.fault) }

  /// Starts to follow `path` from its first event.
  func follow(_ path: String, _ client: DemoClient) -> Task<Void, Never> {
    Task.detached { [self] in
      do throws(CommandFault) {
        try await ClientSession.run { loop throws(CommandFault) in
          try await read(path, client, on: loop)
        }
      } catch {
        state.withLock { $0.fault = error.message }
      }
    }
  }

  private func read(
    _ path: String, _ client: DemoClient, on loop: isolated ClientLoop
  ) async throws(CommandFault) {
    let gateway = GatewayClient(client.endpoint, token: client.token)
    let follower = EventFollower(gateway, target: "\(path)/events?from=earliest")
    defer {
      follower.close(on: loop)
      gateway.close(on: loop)
    }
    while !Task.isCancelled {
      do throws(ClientFault) {
        guard let event = try await follower.next(on: loop) else { return }
        guard event.notice == nil else { continue }
        let seen = Seen(id: event.id.text, at: Clocks.system.monotonic())
        state.withLock {
          $0.seen.append(seen)
          $0.connections = follower.connections
        }
      } catch {
        if Task.isCancelled { return }
        throw CommandFault(error, at: client.endpoint)
      }
    }
  }

  /// Waits until so many events were seen; false when they do not come in time.
  func wait(for count: Int, within span: TimeSpan) async -> Bool {
    let deadline = Clocks.system.monotonic() + span
    while seen.count < count {
      guard Clocks.system.monotonic() < deadline, fault == nil else { return false }
      await Pause.brief()
    }
    return true
  }
}
