import Bytes
import Testing

@testable import Network

@Suite struct PollerTests {
  @Test("a wait ends no earlier than asked, whether or not the kernel waits for microseconds")
  func span() throws {
    for waitsPrecisely in [true, false] {
      let poller = try Poller(waitsPrecisely: waitsPrecisely)
      for span in [TimeSpan.zero, .nanoseconds(1), .microseconds(300), .milliseconds(2)] {
        let start = Syscalls.monotonic()
        #expect(poller.wait(for: span, woken: {}) { _, _ in } == 0)
        #expect(Syscalls.monotonic() - start >= span)
      }
      #expect(poller.waitsPrecisely == waitsPrecisely)
    }
  }

  @Test func `a bell ends a wait without end, and is no event`() throws {
    let poller = try Poller()
    poller.wake()
    #expect(poller.wait(for: nil, woken: {}) { _, _ in Issue.record("an event") } == 0)
  }

  @Test("only a poller that does not wait precisely takes whole milliseconds")
  func precision() throws {
    for waitsPrecisely in [true, false] {
      let poller = try Poller(waitsPrecisely: waitsPrecisely)
      let spans = (0..<50).map { _ in
        let start = Syscalls.monotonic()
        _ = poller.wait(for: .microseconds(20), woken: {}) { _, _ in }
        return Syscalls.monotonic() - start
      }
      let shortest = try #require(spans.min())
      #expect((shortest < .milliseconds(1)) == waitsPrecisely, "\(shortest)")
    }
  }
}
