import Bytes
import Testing

@testable import Network

@Suite struct PollerTests {
  @Test("a wait ends no earlier than asked, whether or not the kernel waits for microseconds")
  func span() throws {
    for waitsPrecisely in [true, false] {
      let poller = try Poller(waitsPrecisely: waitsPrecisely)
      for span in [TimeSpan.zero, .nanoseconds(1), .microseconds(300), .milliseconds(2)] {
        // What making it left behind is taken first.
        _ = poller.wait(for: .zero) { _, _ in }
        let start = Syscalls.monotonic()
        #expect(poller.wait(for: span) { _, _ in } == 0)
        #expect(Syscalls.monotonic() - start >= span)
      }
      #expect(poller.waitsPrecisely == waitsPrecisely)
    }
  }

  @Test func `a bell ends a wait without end, and is no event`() throws {
    let poller = try Poller()
    poller.wake()
    #expect(poller.wait(for: nil) { _, _ in Issue.record("an event") } == 0)
  }

  @Test("timers fire at their time or later, whatever the loop's grain")
  func timers() async throws {
    for grain in [TimeSpan.microseconds(20), .milliseconds(1)] {
      let loop = try Loop(number: 0, grain: grain)
      let late = await loop.run { loop in
        let due = loop.clock.clocks.monotonic() + .microseconds(700)
        return await withCheckedContinuation { waiting in
          let clock = loop.clock.clocks
          _ = loop.clock.schedule(at: due) { waiting.resume(returning: clock.monotonic() - due) }
        }
      }
      #expect(late >= .zero)
      await loop.stop()
    }
  }
}
