import Glibc
import Testing

@testable import jodrell

@Suite("Terminal") struct TerminalTests {
  @Test("the first fault of a write is kept for the end of the command")
  func full() throws {
    let descriptor = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let terminal = Terminal(descriptor: descriptor)
    let copy = terminal
    #expect(terminal.firstFault?.code == nil)
    terminal.line("lost")
    #expect(terminal.firstFault?.code == ENOSPC && copy.firstFault?.code == ENOSPC)
  }

  @Test("that nobody reads any more is told to whoever writes, and is no fault at the end")
  func gone() throws {
    // As the program does: the write tells it.
    _ = signal(SIGPIPE, SIG_IGN)
    // SAFETY: the pointer is to a local array of two and used in the call that it is handed to.
    var ends: [Int32] = [-1, -1]
    let code = unsafe pipe(&ends)
    try #require(code == 0)
    defer { close(ends[1]) }
    close(ends[0])
    let terminal = Terminal(descriptor: ends[1])
    let fault = try #require(terminal.write(bytes: [0x0A]))
    #expect(fault.isGone && terminal.firstFault?.code == nil)
  }
}
