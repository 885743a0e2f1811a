import Glibc
import Testing

@testable import jodrell_bench

@Suite("Output")
struct OutputTests {
  @Test("a report that cannot be written makes a success a failure, and leaves other ends alone")
  func full() throws {
    let descriptor = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let output = Output(descriptor)
    #expect(output.ending(ExitCode.good) == ExitCode.good)
    output.write("report\n")
    #expect(output.ending(ExitCode.good) == ExitCode.failed)
    #expect(output.ending(ExitCode.findings) == ExitCode.findings)
  }

  @Test("that nobody reads any more is no failure")
  func gone() throws {
    // As the program does: the write tells it.
    _ = signal(SIGPIPE, SIG_IGN)
    // SAFETY: the pointer is to a local array of two and used in the call that it is handed to.
    var ends: [Int32] = [-1, -1]
    let code = unsafe pipe(&ends)
    try #require(code == 0)
    defer { close(ends[1]) }
    close(ends[0])
    let output = Output(ends[1])
    output.write("report\n")
    #expect(output.ending(ExitCode.good) == ExitCode.good)
  }
}
