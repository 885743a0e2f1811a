import Bytes
import Foundation
import Glibc
import HTTPWire
import Synchronization
import TestSupport
import Testing

@testable import Network

/// Socket files: who may make, use and remove them.
@Suite("Socket files", .serialized)
struct SocketFileTests {
  /// A folder that is gone afterwards.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-socket-\(UUID().uuidString.prefix(8))").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  private func server(
    _ path: String, mode: UInt32 = 0o600, loops: Int = 2
  ) throws -> Server<TestResponder> {
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(at: .file(path: path, mode: mode))])
    configuration.loops = loops
    return try Server<TestResponder>(configuration: configuration)
  }

  private func failure(_ path: String) -> NetworkFailure? {
    do throws(NetworkFailure) {
      _ = try SocketFile(path: path, mode: 0o600, backlog: 8)
      return nil
    } catch {
      return error
    }
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func get(_ path: String, _ peer: Loop) async throws -> String {
    try await peer.run { loop in
      let connection = try await ClientConnection(to: SocketAddress(path: path), on: loop)
      defer { connection.close(on: loop) }
      try await connection.send(bytes("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n"))
      let head = try await connection.readHead(answering: .get, within: .seconds(20))
      #expect(head.status == 200)
      return try await connection.readBody(upTo: 1 << 16, within: .seconds(20)).text
    }
  }

  @Test("requests come through a file of the given mode, whose user is the peer's name")
  func serving() async throws {
    try await withFolder { folder in
      let path = folder + "/j.sock"
      let server = try server(path, mode: 0o660)
      var facts = stat()
      #expect(unsafe lstat(path, &facts) == 0)
      #expect(facts.st_mode & 0o777 == 0o660, "whatever the umask says")
      #expect(server.ports == [0])
      let journal = Journal()
      try await server.start { TestResponder($0, journal) }
      let loop = try Loop(number: 97)
      for _ in 0..<20 {
        #expect(try await get(path, loop) == "unix:\(getuid())")
      }
      #expect(server.counters.accepted == 20)
      for number in 0..<2 {
        let accepted = server.counters.lane(number).accepted.load(ordering: .relaxed)
        #expect(accepted > 0, "each loop has its part")
      }
      // HTTP/2 with prior knowledge, by a program of others.
      let curl = try await ChildProgram.run(
        "curl",
        [
          "-sS", "--max-time", "20", "--unix-socket", path, "--http2-prior-knowledge",
          "http://localhost/peer",
        ])
      #expect(curl.output == "unix:\(getuid())", "\(curl.errors)")
      await server.drain(within: .seconds(1))
      await loop.stop()
      #expect(!exists(path), "the file goes with the listener")
    }
  }

  @Test("a loop that could not listen again tries until it can")
  func listensAgain() async throws {
    try await withFolder { folder in
      let path = folder + "/j.sock"
      let file = try SocketFile(path: path, mode: 0o600, backlog: 8)
      let door = Door(kind: .open, place: .file(file), tls: nil, proxies: nil)
      // What the kernel does not watch stands in for the socket, until the loop has met it.
      try Data().write(to: URL(filePath: folder + "/plain"))
      let fd = unsafe open(folder + "/plain", O_RDWR)
      let journal = Journal()
      let configuration = ServerConfiguration(listeners: [])
      let counters = ServerCounters(loops: 1)
      let (server, client) = (try Loop(number: 0), try Loop(number: 97))
      await server.settle { loop in
        let resident = ServerLoop(
          responder: TestResponder(loop.clock, journal), configuration: configuration,
          counters: counters, cap: 8, on: loop)
        Listener(fd: fd, door: door, server: resident).resume(on: loop)
        return resident
      }
      #expect(dup2(file.fd, fd) == fd)
      #expect(try await get(path, client) == "unix:\(getuid())")
      #expect(try await get(path, client) == "unix:\(getuid())")
      await server.beginDrain()
      await server.stop()
      await client.stop()
      withExtendedLifetime(file) {}
    }
  }

  @Test("a path has one listener; what a killed one left is removed, what is not ours stays")
  func ownership() async throws {
    try await withFolder { folder in
      let path = folder + "/j.sock"
      do {
        let first = try SocketFile(path: path, mode: 0o600, backlog: 8)
        #expect(failure(path) == .addressInUse, "its lock is taken")
        // Another program listens there, without a lock.
        _ = unsafe rename(path + ".lock", path + ".away")
        #expect(failure(path) == .addressInUse, "it answers")
        #expect(exists(path))
        _ = unsafe rename(path + ".away", path + ".lock")
        withExtendedLifetime(first) {}
      }
      #expect(!exists(path), "gone with its owner")

      // A killed process leaves its file, at which nobody answers.
      let address = try SocketAddress(path: path)
      let (left, _) = try Syscalls.listen(at: address, path: path, mode: 0o600, backlog: 8)
      Syscalls.close(left)
      #expect(exists(path))
      #expect(failure(path) == nil)

      try Data("kept".utf8).write(to: URL(filePath: path))
      #expect(failure(path) == .foreignFile(path))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createSymbolicLink(
        atPath: path, withDestinationPath: folder + "/elsewhere")
      #expect(failure(path) == .foreignFile(path), "a link is not followed")
    }
  }

  @Test("a file that was replaced meanwhile is not removed at the end")
  func replaced() async throws {
    try await withFolder { folder in
      let path = folder + "/j.sock"
      do {
        let file = try SocketFile(path: path, mode: 0o600, backlog: 8)
        try FileManager.default.removeItem(atPath: path)
        try Data("another's".utf8).write(to: URL(filePath: path))
        withExtendedLifetime(file) {}
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "another's")
    }
  }

  @Test("paths that cannot be, and folders where everybody could put another socket")
  func places() async throws {
    try await withFolder { folder in
      let long = folder + "/" + String(repeating: "x", count: 108)
      #expect(failure(long) == .badPath(long))
      #expect(failure("") == .badPath(""))
      let missing = failure(folder + "/none/j.sock")
      guard case .system = missing else {
        Issue.record("\(String(describing: missing))")
        return
      }
      _ = unsafe chmod(folder, 0o777)
      let open = folder + "/j.sock"
      #expect(failure(open) == .openFolder(open))
      _ = unsafe chmod(folder, 0o1777)
      #expect(failure(open) == nil, "sticky, as /tmp is")
    }
  }
}
