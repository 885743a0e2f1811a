import Bytes
import HTTPWire
import Testing

@testable import Network

@Suite("Socket")
struct SocketTests {
  @Test("an event that comes before the wait ends the wait", .timeLimit(.minutes(10)))
  func earlyEvent() async throws {
    let loop = try Loop(number: 0)
    let wake = await loop.run { loop in
      let socket = Socket(
        fd: Syscalls.placeholder(), clock: loop.clock, lane: ServerCounters.Lane(),
        limits: WireLimits(), canWrite: false)
      socket.ready(.writable, on: loop)
      // So far away that its timer cannot fire after the socket is gone.
      let wake = await socket.wait(for: .writable, until: .distantFuture)
      Syscalls.close(socket.fd)
      return wake
    }
    await loop.stop()
    #expect(wake == .ready)
  }
}
