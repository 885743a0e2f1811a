public import Bytes
public import HTTPWire

/// The timers of one loop: a binary heap by instant, with slots that make cancelling cheap.
/// Loop-confined.
///
/// A cancelled timer leaves its entry in the heap until its time comes, or until more than half of
/// the heap is such leavings; then it is rebuilt. So memory is bounded by twice the live timers.
public final class LoopClock: LoopTimers {
  private struct Entry {
    var at: MonotonicTime
    var token: TimerToken
  }

  private struct Slot {
    var generation: UInt32 = 0
    var fire: (() -> Void)?
  }

  public let clocks: Clocks
  public let post: @Sendable (@escaping @Sendable () -> Void) -> Void
  public private(set) var now: MonotonicTime
  /// The wall clock at `now`.
  public private(set) var wallNow: UnixTime
  private var heap: [Entry] = []
  private var slots: [Slot] = []
  private var free: [UInt32] = []
  private var live = 0

  /// - Parameter post: the way to the loop's thread; by itself a clock has none.
  public init(
    clocks: Clocks, post: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = { $0() }
  ) {
    self.clocks = clocks
    self.post = post
    now = clocks.monotonic()
    wallNow = clocks.wall()
  }

  /// A turn begins: looks at the clocks.
  public func advance() {
    now = clocks.monotonic()
    wallNow = clocks.wall()
  }

  public func monotonic() -> MonotonicTime { clocks.monotonic() }

  /// When the next timer is due; it may have been cancelled.
  public var next: MonotonicTime? { heap.first?.at }

  public func schedule(at: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
    let index: UInt32
    if let reused = free.popLast() {
      index = reused
    } else {
      index = UInt32(slots.count)
      slots.append(Slot())
    }
    slots[Int(index)].fire = fire
    let token = TimerToken(slot: index, generation: slots[Int(index)].generation)
    live += 1
    heap.append(Entry(at: at, token: token))
    siftUp(heap.count - 1)
    return token
  }

  public func cancel(_ token: TimerToken) {
    guard take(token) != nil else { return }
    if heap.count > 64, heap.count > 2 * live { compact() }
  }

  /// Fires what is due, in order of time. A timer scheduled meanwhile fires in a later turn at the
  /// earliest when it is not due yet.
  public func fireDue() {
    while let first = heap.first, first.at <= now {
      removeFirst()
      take(first.token)?()
    }
  }

  /// Frees a live token's slot and returns what it would have called.
  private func take(_ token: TimerToken) -> (() -> Void)? {
    let index = Int(token.slot)
    guard index < slots.count, slots[index].generation == token.generation,
      let fire = slots[index].fire
    else { return nil }
    slots[index].fire = nil
    slots[index].generation &+= 1
    free.append(token.slot)
    live -= 1
    return fire
  }

  private func isLive(_ token: TimerToken) -> Bool {
    let slot = slots[Int(token.slot)]
    return slot.generation == token.generation && slot.fire != nil
  }

  private func compact() {
    heap.removeAll { !isLive($0.token) }
    var index = heap.count / 2
    while index > 0 {
      index -= 1
      siftDown(index)
    }
  }

  private func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    if heap.count > 1 { siftDown(0) }
  }

  private func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].at < heap[parent].at else { return }
      heap.swapAt(index, parent)
      index = parent
    }
  }

  private func siftDown(_ start: Int) {
    var index = start
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < heap.count && heap[child].at < heap[smallest].at {
        smallest = child
      }
      guard smallest != index else { return }
      heap.swapAt(index, smallest)
      index = smallest
    }
  }
}
