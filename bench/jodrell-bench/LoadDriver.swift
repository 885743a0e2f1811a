import Bytes
import Client
import Synchronization

/// Runs a task per connection on loops of its own, and something that watches them.
enum LoadDriver {
  /// A number of like tasks.
  struct Role: Sendable {
    let count: Int
    /// Threads that carry them.
    let loops: Int
    /// Whether the tasks end by themselves, and the run with the last of them; others are
    /// cancelled when the watch returns.
    let endsByItself: Bool
    let body: @Sendable (isolated ClientLoop, Int) async -> Void

    init(
      _ count: Int, loops: Int, endsByItself: Bool = true,
      _ body: @escaping @Sendable (isolated ClientLoop, Int) async -> Void
    ) {
      self.count = count
      self.loops = min(loops, count)
      self.endsByItself = endsByItself
      self.body = body
    }
  }

  /// How long answers are waited for when a run is over.
  static let patience = TimeSpan.seconds(5)

  /// Runs the roles until those that end by themselves have, or the watch returns. By then the
  /// tasks have been told to stop; those that still wait for an answer when `patience` is over are
  /// cancelled, behind `afterwards`.
  ///
  /// - Parameter afterwards: what else has to happen while the others run, such as the arrival of
  ///   what was sent last.
  /// - Returns: what the watch found; nil when a loop could not be made.
  @discardableResult
  static func run<Result: Sendable>(
    _ roles: [Role], patience: TimeSpan = LoadDriver.patience,
    watch: @escaping @Sendable (_ isOver: @escaping @Sendable () -> Bool) async -> Result,
    afterwards: @escaping @Sendable () async -> Void = {}
  ) async -> Result? {
    var loops: [[ClientLoop]] = []
    for role in roles {
      loops.append([])
      for _ in 0..<role.loops {
        guard let loop = try? ClientLoop.open(number: loops.joined().count, grain: Pacer.grain)
        else {
          for loop in loops.joined() { await loop.retire() }
          return nil
        }
        await loop.host { _ in _ = sleepPrecisely() }
        loops[loops.count - 1].append(loop)
      }
    }
    let result = await run(
      roles, on: loops, patience: patience, watch: watch, afterwards: afterwards)
    for loop in loops.joined() { await loop.retire() }
    return result
  }

  private static func run<Result: Sendable>(
    _ roles: [Role], on loops: [[ClientLoop]], patience: TimeSpan,
    watch: @escaping @Sendable (_ isOver: @escaping @Sendable () -> Bool) async -> Result,
    afterwards: @escaping @Sendable () async -> Void
  ) async -> Result {
    let remaining = Remaining(roles.reduce(0) { $0 + ($1.endsByItself ? $1.count : 0) })
    return await withTaskGroup(of: Void.self) { group in
      for (role, loops) in zip(roles, loops) {
        for index in 0..<role.count {
          let loop = loops[index % loops.count]
          group.addTask {
            await loop.host { loop in await role.body(loop, index) }
            if role.endsByItself { remaining.finishOne() }
          }
        }
      }
      let result = await watch { remaining.isOver }
      let deadline = monotonicNow() + patience
      while remaining.count > 0, monotonicNow() < deadline {
        try? await Task.sleep(for: .milliseconds(5))
      }
      await afterwards()
      group.cancelAll()
      return result
    }
  }

  private final class Remaining: Sendable {
    private let left: Atomic<Int>
    private let hadAny: Bool
    init(_ count: Int) {
      left = Atomic(count)
      hadAny = count > 0
    }
    func finishOne() { left.wrappingSubtract(1, ordering: .relaxed) }
    var count: Int { left.load(ordering: .relaxed) }
    /// Only those that end by themselves can be over.
    var isOver: Bool { hadAny && count == 0 }
  }
}
