import Bytes
import Client
import Synchronization

/// Runs a task per connection on a few loops of its own, and something that watches them.
enum LoadDriver {
  /// Runs `connections` bodies, spread over `loops` loops, until all are done. When the watch
  /// returns, the bodies have been told to stop; those that still wait for an answer five seconds
  /// later are cancelled.
  ///
  /// - Returns: what the watch found; nil when a loop could not be made.
  static func run(
    loops count: Int, connections: Int,
    _ body: @escaping @Sendable (isolated ClientLoop, Int) async -> Void,
    watch: @escaping @Sendable (_ isOver: @escaping @Sendable () -> Bool) async -> Watch.Result
  ) async -> Watch.Result? {
    var loops: [ClientLoop] = []
    for number in 0..<min(count, connections) {
      guard let loop = try? ClientLoop.open(number: number) else { break }
      loops.append(loop)
    }
    var result: Watch.Result?
    if loops.count == min(count, connections) {
      let remaining = Remaining(connections)
      result = await withTaskGroup(of: Watch.Result?.self) { [loops] group in
        for index in 0..<connections {
          let loop = loops[index % loops.count]
          group.addTask {
            await loop.host { loop in await body(loop, index) }
            remaining.finishOne()
            return nil
          }
        }
        let result = await watch { remaining.isEmpty }
        let deadline = monotonicNow() + .seconds(5)
        while !remaining.isEmpty, monotonicNow() < deadline {
          try? await Task.sleep(for: .milliseconds(5))
        }
        group.cancelAll()
        return result
      }
    }
    for loop in loops { await loop.retire() }
    return result
  }

  private final class Remaining: Sendable {
    private let count: Atomic<Int>
    init(_ count: Int) { self.count = Atomic(count) }
    func finishOne() { count.wrappingSubtract(1, ordering: .relaxed) }
    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }
  }
}
