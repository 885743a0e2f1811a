import Bytes
import Foundation
import HTTPWire
import Testing

@testable import Network

/// A raw client: sends what it is told, cut as it is told, and shows what comes back.
struct Peer {
  let loop: Loop
  let port: UInt16

  enum Ending: Equatable {
    case closed, quiet, broken
  }

  /// How long a test waits for what must come: where much runs beside it, it may be held up.
  static let patience = TimeSpan.seconds(600)

  /// Sends `pieces` one by one and then reads until the server closes or is quiet.
  ///
  /// - Parameters:
  ///   - pause: between two pieces.
  ///   - quiet: how long the server may be silent before reading ends.
  ///   - last: what the answers end with; until it has come, the server may be silent for longer.
  func exchange(
    _ pieces: [ByteSlice], pause: TimeSpan = .zero, quiet: TimeSpan = .milliseconds(800),
    last: String = "", halfClose: Bool = false, on loop: isolated Loop
  ) async throws -> (text: String, ending: Ending) {
    let socket = try await connect(on: loop)
    defer { socket.close(on: loop) }
    for (index, piece) in pieces.enumerated() {
      if index > 0, pause > .zero { await rest(pause, on: loop) }
      socket.outbox.append(piece)
      guard await socket.flush() else { break }
    }
    if halfClose { Syscalls.shutdownWriting(socket.fd) }
    return await read(socket, quiet: quiet, last: last)
  }

  func connect(on loop: isolated Loop) async throws -> Socket {
    let address = try SocketAddress(host: "127.0.0.1", port: port)
    let socket = Socket(
      fd: try Syscalls.connect(to: address), clock: loop.clock, lane: ServerCounters.Lane(),
      limits: WireLimits(), canWrite: false)
    try socket.watch(on: loop)
    _ = await socket.wait(for: .writable, until: loop.clock.clocks.monotonic() + .seconds(2))
    return socket
  }

  func read(
    _ socket: Socket, quiet: TimeSpan, last: String = ""
  ) async -> (text: String, ending: Ending) {
    var text = ByteWriter()
    let wanted = Array(last.utf8)
    var tail: [UInt8] = []
    while true {
      socket.buffer.reset()
      let span = tail == wanted ? quiet : Self.patience
      switch await socket.receive(until: socket.clock.clocks.monotonic() + span) {
      case .bytes:
        text.append(socket.buffer.contents)
        tail = Array((tail + socket.buffer.contents.array).suffix(wanted.count))
      case .ended: return (String(decoding: text.bytes, as: UTF8.self), .closed)
      case .deadline: return (String(decoding: text.bytes, as: UTF8.self), .quiet)
      case .abandoned, .failed: return (String(decoding: text.bytes, as: UTF8.self), .broken)
      }
    }
  }

  /// Waits until `holds`, as long as its patience lasts: what follows judges it.
  func until(on loop: isolated Loop, _ holds: () -> Bool) async {
    let end = loop.clock.clocks.monotonic() + Self.patience
    while !holds(), loop.clock.clocks.monotonic() < end {
      await rest(.milliseconds(5), on: loop)
    }
  }

  /// Waits until nobody listens, as long as its patience lasts.
  func untilRefused(on loop: isolated Loop) async {
    let end = loop.clock.clocks.monotonic() + Self.patience
    while await !isRefused(on: loop), loop.clock.clocks.monotonic() < end {
      await rest(.milliseconds(5), on: loop)
    }
  }

  /// Sends requests of which one is held, waits until that is begun, and hangs up: the connection
  /// lives until its answer is there.
  func hangUp(
    _ socket: Socket, sending bytes: ByteSlice, _ server: Server<TestResponder>,
    _ journal: Journal, on loop: isolated Loop
  ) async {
    journal.note { $0.isReleased = false }
    socket.outbox.append(bytes)
    #expect(await socket.flush())
    await until(on: loop) { journal.now.begun == 1 }
    socket.close(on: loop)
    await rest(.milliseconds(50), on: loop)
    #expect(server.counters.openConnections == 1)
    journal.note { $0.isReleased = true }
    await until(on: loop) { server.counters.openConnections == 0 }
    #expect(server.counters.openConnections == 0)
  }

  private func isRefused(on loop: isolated Loop) async -> Bool {
    do throws(ClientFailure) {
      let address = try? SocketAddress(host: "127.0.0.1", port: port)
      guard let address else { return true }
      let client = try await ClientConnection(to: address, on: loop)
      client.close(on: loop)
      return false
    } catch {
      if case .network(let failure) = error { return failure.isNobody }
      return false
    }
  }

  func rest(_ span: TimeSpan, on loop: isolated Loop) async {
    await withCheckedContinuation { waiting in
      _ = loop.clock.schedule(at: loop.clock.clocks.monotonic() + span) { waiting.resume() }
    }
  }
}

/// A server with its peer's loop, for the length of one test.
func withServer(
  _ limits: WireLimits = WireLimits(), loops: Int = 1,
  _ body: (Server<TestResponder>, Peer, Journal) async throws -> Void
) async throws {
  var configuration = ServerConfiguration(
    listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0)])
  configuration.limits = limits
  configuration.loops = loops
  let journal = Journal()
  let server = try Server<TestResponder>(configuration: configuration)
  try await server.start { TestResponder($0, journal) }
  let loop = try Loop(number: 99)
  do {
    try await body(server, Peer(loop: loop, port: server.port), journal)
  } catch {
    await server.drain(within: .seconds(1))
    await loop.stop()
    throw error
  }
  await server.drain(within: .seconds(1))
  await loop.stop()
}

func bytes(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }

/// The bodies of answers that carry a Content-Length, one after the other.
func bodies(_ text: String) -> [String] {
  var rest = Substring(text)
  var found: [String] = []
  while let head = rest.range(of: "\r\n\r\n") {
    let fields = rest[..<head.lowerBound]
    let length =
      fields.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
      .flatMap { Int($0.dropFirst(16)) } ?? 0
    rest = rest[head.upperBound...]
    found.append(String(rest.prefix(length)))
    rest = rest.dropFirst(length)
  }
  return found
}

func statuses(_ text: String) -> [Int] {
  text.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") }
    .compactMap { Int($0.dropFirst(9).prefix(3)) }
}
