import Testing

@testable import Topics

@Suite struct GrowthTests {
  @Test func onlyThoseWhoseEntryHasComeAreWoken() async {
    let growth = Growth(end: 5)
    let (near, far) = (Waiter(), Waiter())
    #expect(growth.register(near, beyond: 5))
    #expect(growth.register(far, beyond: 9))
    #expect(!growth.register(Waiter(), beyond: 4))
    growth.advance(to: 5)
    growth.advance(to: 3)
    #expect(growth.end == 5 && growth.waiting == 2)
    growth.advance(to: 6)
    #expect(await near.wait() == .grown)
    #expect(growth.waiting == 1)
    growth.advance(to: 10)
    #expect(await far.wait() == .grown)
  }

  @Test func theFirstToWakeWins() async {
    let waiter = Waiter()
    waiter.wake(.timeout)
    waiter.wake(.grown)
    #expect(await waiter.wait() == .timeout)
  }

  @Test func aCancelledTaskStopsWaiting() async {
    let waiter = Waiter()
    let task = Task { await waiter.wait() }
    await Task.yield()
    task.cancel()
    #expect(await task.value == .cancelled)
  }

  @Test func closingWakesAllAndForEver() async {
    let growth = Growth(end: 0)
    let waiter = Waiter()
    #expect(growth.register(waiter, beyond: 0))
    growth.close()
    #expect(await waiter.wait() == .closed)
    growth.advance(to: 9)
    #expect(growth.end == 0 && growth.isClosed)
    #expect(!growth.register(Waiter(), beyond: 0))
  }

  @Test func manyWaitersAndManyWakersMeetExactlyOnce() async {
    let growth = Growth(end: 0)
    await withTaskGroup(of: UInt64.self) { group in
      for _ in 0..<50 {
        group.addTask {
          var seen: UInt64 = 0
          while seen < 200 {
            let waiter = Waiter()
            if growth.register(waiter, beyond: seen) { #expect(await waiter.wait() == .grown) }
            let end = growth.end
            #expect(end > seen)
            seen = end
          }
          return seen
        }
      }
      group.addTask {
        for end in 1...200 as ClosedRange<UInt64> {
          growth.advance(to: end)
          if end % 7 == 0 { await Task.yield() }
        }
        return 200
      }
      for await seen in group { #expect(seen == 200) }
    }
    #expect(growth.waiting == 0)
  }
}
