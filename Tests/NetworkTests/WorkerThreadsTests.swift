import HTTPWire
import Synchronization
import Testing

@testable import Network

@Suite(.serialized) struct WorkerThreadsTests {
  final class Tally: Sendable {
    let done = Atomic<Int>(0)
    let began = Atomic<Bool>(false)
    func count() { done.add(1, ordering: .relaxed) }
  }

  @Test("work is done elsewhere and its result comes back to the loop")
  func results() async throws {
    let threads = try WorkerThreads(threads: 2, capacity: 100)
    let loop = try Loop(number: 98)
    let workers = threads.workers
    let thread = loop.thread
    let outcome = try await loop.run { _ in
      let wasOnLoop = try await workers.run { thread.isCurrent }
      return (wasOnLoop, thread.isCurrent)
    }
    #expect(outcome == (false, true))
    await threads.stop()
    await loop.stop()
    await #expect(throws: WorkersBusy.stopping) { try await workers.run { 1 } }
  }

  @Test("calls from other threads run on the loop's thread, each once and in order")
  func posted() async throws {
    let loop = try Loop(number: 97)
    let thread = loop.thread
    let seen = Mutex<[Int]>([])
    for round in 0..<100 {
      await withCheckedContinuation { waiting in
        for number in 0..<3 {
          thread.post {
            seen.withLock { $0.append(thread.isCurrent ? round * 3 + number : -1) }
            if number == 2 { waiting.resume() }
          }
        }
      }
    }
    #expect(seen.withLock { $0 } == Array(0..<300))
    await loop.stop()
  }

  @Test("what has not begun when the threads stop is refused, what has begun is finished")
  func stopping() async throws {
    let threads = try WorkerThreads(threads: 1, capacity: 100)
    let workers = threads.workers
    let gate = try Semaphore()
    let tally = Tally()
    await withTaskGroup(of: WorkersBusy?.self) { group in
      func add(_ work: @escaping @Sendable () -> Void) {
        group.addTask {
          do throws(WorkersBusy) {
            try await workers.run(work)
            return nil
          } catch {
            return error
          }
        }
      }
      add {
        tally.began.store(true, ordering: .relaxed)
        gate.take()
        tally.count()
      }
      while !tally.began.load(ordering: .relaxed) { await Task.yield() }
      for _ in 0..<10 { add { tally.count() } }
      while threads.depth < 10 { await Task.yield() }
      threads.close()
      #expect(threads.depth == 0)
      for _ in 0..<10 { #expect(await group.next() == .stopping) }
      #expect(tally.done.load(ordering: .relaxed) == 0)
      gate.give()
      #expect(await group.next() == .some(nil))
    }
    #expect(tally.done.load(ordering: .relaxed) == 1)
    await threads.stop()
    threads.close()
  }

  @Test("a full queue says so, and everything taken is done exactly once")
  func bounded() async throws {
    let threads = try WorkerThreads(threads: 1, capacity: 3)
    let workers = threads.workers
    let gate = try Semaphore()
    let tally = Tally()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await workers.run {
          tally.began.store(true, ordering: .relaxed)
          gate.take()
          tally.count()
        }
        return true
      }
      while !tally.began.load(ordering: .relaxed) { await Task.yield() }
      for _ in 0..<10 {
        group.addTask {
          do {
            try await workers.run { tally.count() }
            return true
          } catch {
            return false
          }
        }
      }
      var refused = 0
      while refused < 7, let outcome = try await group.next() {
        #expect(!outcome)
        refused += 1
      }
      #expect(threads.depth == 3 && threads.refused == 7)
      gate.give()
      var taken = 0
      for try await outcome in group where outcome { taken += 1 }
      #expect(taken == 4)
    }
    #expect(tally.done.load(ordering: .relaxed) == 4)
    await threads.stop()
  }
}
