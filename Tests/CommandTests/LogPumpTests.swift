import Bytes
import Glibc
import Metrics
import Testing

@testable import jodrell

@Suite("The log's thread") struct LogPumpTests {
  @Test("lines that are not taken count as dropped, not as written")
  func refused() throws {
    let descriptor = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let pump = try #require(LogPump(to: Terminal(descriptor: descriptor)))
    for _ in 0..<3 { pump.writer.log(.info, "lost") }
    #expect(pump.finish(within: .seconds(60)))
    #expect(pump.writer.writtenLines == 0 && pump.writer.droppedLines == 3)
  }

  @Test("a pipe that nobody reads does not keep the process from its end")
  func stuck() throws {
    // SAFETY: each pointer is to a local array and used in the call that it is handed to.
    var ends: [Int32] = [-1, -1]
    let code = unsafe pipe(&ends)
    try #require(code == 0)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    var room = [UInt8](repeating: 0, count: 65_536)
    for size in [65_536, 1] {
      while unsafe Glibc.write(ends[1], room, size) > 0 {}
    }
    let pump = try #require(LogPump(to: Terminal(descriptor: ends[1])))
    pump.writer.log(.info, "unread")
    #expect(!pump.finish(within: .milliseconds(50)))
    #expect(pump.writer.writtenLines == 0)
    // Once somebody reads, its thread goes on to its end. The pipe is left to the process: whoever
    // gets its numbers next must not be written to.
    while unsafe Glibc.read(ends[0], &room, 65_536) > 0 {}
  }
}
