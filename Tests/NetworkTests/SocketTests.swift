import Bytes
import Glibc
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

  @Test("who takes some of it is slow, who takes nothing for the whole time has hung")
  func stall() async throws {
    let loop = try Loop(number: 0)
    await loop.run { loop in
      var ends: [Int32] = [-1, -1]
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      #expect(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
      let reader = ends[1]
      let socket = Socket(
        fd: ends[0], clock: loop.clock, lane: ServerCounters.Lane(), limits: WireLimits())
      defer {
        Syscalls.close(ends[0])
        Syscalls.close(reader)
      }
      func take(_ count: Int) {
        var room = [UInt8](repeating: 0, count: count)
        let taken = unsafe room.withUnsafeMutableBytes { unsafe Syscalls.receive(reader, into: $0) }
        #expect(taken == .bytes(count))
      }
      let start = loop.clock.clocks.monotonic()
      func at(_ seconds: Int64) -> MonotonicTime { start + .seconds(seconds) }
      socket.outbox.append(ByteSlice([UInt8](repeating: 1, count: 4 << 20)))
      socket.sendPending()
      #expect(socket.pending > 0 && !socket.canWrite)
      #expect(socket.peerTakes(at: at(0)))
      #expect(socket.stall?.nextLook == start + .milliseconds(3_750))
      #expect(socket.peerTakes(at: at(29)))
      #expect(socket.stall?.nextLook == at(30))
      // Much less than what makes the kernel call the socket writable.
      take(40_000)
      #expect(socket.peerTakes(at: at(30)))
      #expect(socket.peerTakes(at: at(59)))
      take(40_000)
      #expect(socket.peerTakes(at: at(60)))
      #expect(socket.peerTakes(at: at(89)))
      #expect(!socket.peerTakes(at: at(90)))
      // What goes into the kernel begins it anew.
      socket.noteSent(1)
      #expect(socket.peerTakes(at: at(90)))
    }
    await loop.stop()
  }
}
