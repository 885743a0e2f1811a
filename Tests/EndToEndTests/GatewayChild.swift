import Bytes
import Client
import Foundation
import Glibc
import HTTPWire
import JSONText
import Network
import TestSupport
import Testing

/// A `jodrell serve` of its own: a real process with a data directory and a port that nobody else
/// has. Used by one test, which ends it; its requests may run side by side.
actor GatewayChild {
  /// A test waits no longer than this for the process to be ready or gone: where much runs beside
  /// it, it may be held up itself.
  private static let patience = Duration.seconds(600)

  let data: URL
  private let arguments: [String]
  private let wrapper: [String]
  private let socket: String?
  private var process: ChildProgram?
  let loop: ClientLoop
  private(set) var port = 0
  /// How long the last start took until the gateway was ready, by its own word.
  private(set) var readyAfter = Duration.zero
  private var starts = 0

  /// - Parameters:
  ///   - arguments: of `serve`, beside data directory and address.
  ///   - wrapper: a program, with its arguments, that runs the gateway as its child.
  ///   - data: its data directory; one of its own if nil.
  ///   - socket: the path of a socket file to listen at instead of a port.
  init(
    _ arguments: [String] = [], under wrapper: [String] = [], data: URL? = nil,
    socket: String? = nil
  ) async throws {
    self.socket = socket
    self.data = try data ?? Workplace.directory("data")
    self.arguments = arguments
    self.wrapper = wrapper
    log = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-log-\(UUID().uuidString.prefix(8))")
    loop = try ClientLoop.open()
    try await start()
  }

  /// The gateway's own process, not a wrapper's.
  private(set) var pid: pid_t = 0

  var url: String { socket.map { "unix:\($0)" } ?? "http://127.0.0.1:\(port)" }
  private let log: URL
  var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// Starts it, again on the same data and, after the first time, on the same port.
  func start() async throws {
    let command =
      [
        Workplace.jodrell.path(), "serve", "--data", data.path(), "--listen",
        socket.map { "unix:\($0)" } ?? "127.0.0.1:\(port)",
      ] + arguments
    let whole = wrapper + command
    let clock = ContinuousClock()
    let began = clock.now
    let startedAt = Clocks.system.wall()
    let process = try ChildProgram(whole[0], Array(whole.dropFirst()), errors: log)
    self.process = process
    starts += 1
    while clock.now < began + Self.patience {
      if let ready = readyLine() {
        let readyAt = try #require((ready["time"]?.string).flatMap { UnixTime(rfc3339: $0) })
        readyAfter = .nanoseconds((readyAt - startedAt).nanoseconds)
        let address = try #require(ready["http"]?.text)
        if socket == nil { port = try #require(Int(address.split(separator: ":").last ?? "")) }
        pid = pid_t(try #require(ready["pid"]?.integer))
        return
      }
      guard process.isRunning else { break }
      try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("not ready: exit code \(process.exitCode ?? -1)\n\(logText)")
    throw CancellationError()
  }

  private func readyLine() -> JSONNode? {
    for line in logText.split(separator: "\n") where line.contains("\"ready\"") {
      if let fact = try? JSONDocument(parsing: ByteSlice(utf8: String(line))).root { return fact }
    }
    return nil
  }

  /// Ends it without warning.
  func killNine() async throws {
    kill(pid, SIGKILL)
    _ = try await exitCode()
  }

  /// Asks it to end; its exit code.
  func terminate() async throws -> Int32 {
    kill(pid, SIGTERM)
    return try await exitCode()
  }

  func exitCode() async throws -> Int32 {
    guard let process else { return -1 }
    let clock = ContinuousClock()
    let began = clock.now
    while process.isRunning, clock.now < began + Self.patience {
      try await Task.sleep(for: .milliseconds(5))
    }
    return try #require(process.exitCode, "does not end")
  }

  /// Ends it if it still runs, and removes what it wrote.
  func end() async {
    if let process, process.isRunning {
      kill(pid, SIGKILL)
      while process.isRunning { try? await Task.sleep(for: .milliseconds(5)) }
    }
    await loop.retire()
    try? FileManager.default.removeItem(at: data)
    try? FileManager.default.removeItem(at: log)
  }

  /// A token of its development issuer.
  func token(
    tenant: String = "public", allow: String = "publish,subscribe,manage", lifetime: String = "1h",
    subject: String = "tester"
  ) async throws -> String {
    let made = try await Workplace.run(
      Workplace.jodrell,
      [
        "token", "--data", data.path(), "--tenant", tenant, "--allow", allow, "--ttl", lifetime,
        "--subject", subject,
      ])
    try #require(made.code == 0, "\(made.errors)")
    return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Runs `body` on the thread of the client's loop, so that it is not held up however many other
  /// tests have something to do.
  nonisolated func promptly<Outcome: Sendable>(
    _ body: @Sendable () async throws -> Outcome
  ) async throws -> Outcome {
    try await loop.run { _ in try await body() }
  }

  /// One request on a connection of its own.
  func send(
    _ method: StaticString, _ target: String, token: String? = nil,
    fields: [(String, String)] = [], body: String? = nil, type: String = "application/json"
  ) async throws -> Answer {
    let endpoint = try Endpoint(url)
    return try await loop.run { loop in
      let client = GatewayClient(endpoint, token: token.map { ByteSlice(utf8: $0) })
      defer { client.close(on: loop) }
      let content: ClientRequest.Body = body.map { .whole(ByteSlice(utf8: $0)) } ?? .none
      var request = ClientRequest(method, target, body: content)
      if body != nil { request.set("Content-Type", type) }
      for (name, value) in fields { request.set(name, value) }
      return Answer(try await client.send(request, on: loop))
    }
  }

  /// The next `count` events of a stream, after `id`.
  func follow(
    _ target: String, token: String?, after id: String = "", count: Int,
    patience: TimeSpan = .seconds(30)
  ) async throws -> [StreamEvent] {
    let endpoint = try Endpoint(url)
    return try await loop.run { loop in
      let client = GatewayClient(endpoint, token: token.map { ByteSlice(utf8: $0) })
      let follower = EventFollower(
        client, target: target, after: ByteSlice(utf8: id), patience: patience)
      defer { follower.close(on: loop) }
      var events: [StreamEvent] = []
      while events.count < count, let event = try await follower.next(on: loop) {
        events.append(
          StreamEvent(id: event.id.text, type: event.type.text, data: event.data.text))
      }
      return events
    }
  }
}

/// What came back.
struct Answer: Sendable {
  let status: Int
  let text: String
  private let fields: [String: String]

  init(_ answer: ClientAnswer) {
    status = answer.status
    text = answer.body.text
    var fields: [String: String] = [:]
    for index in 0..<answer.fields.count {
      fields[answer.fields.name(at: index).text.lowercased()] = answer.fields.value(at: index).text
    }
    self.fields = fields
  }

  /// A header field, by its lower-case name.
  func field(_ name: String) -> String? { fields[name] }

  /// The names of its header fields, in lower case.
  var names: [String] { Array(fields.keys) }

  /// The body, which must be JSON.
  var json: JSONNode {
    get throws { try JSONDocument(parsing: ByteSlice(utf8: text)).root }
  }
}

/// An event of a `text/event-stream`.
struct StreamEvent: Sendable, Equatable {
  let id: String
  let type: String
  let data: String

  var json: JSONNode {
    get throws { try JSONDocument(parsing: ByteSlice(utf8: data)).root }
  }
}

/// Runs `body` with a gateway that is gone afterwards, whatever happens.
func withGateway(
  _ arguments: [String] = [], under wrapper: [String] = [], data: URL? = nil,
  socket: String? = nil, _ body: (GatewayChild) async throws -> Void
) async throws {
  let gateway = try await GatewayChild(arguments, under: wrapper, data: data, socket: socket)
  do {
    try await body(gateway)
  } catch {
    let log = await gateway.logText
    await gateway.end()
    Issue.record("the gateway's log:\n\(log)")
    throw error
  }
  await gateway.end()
}
