public import Bytes
public import HTTPWire
public import Tenancy
public import Topics

/// What a loop lends to those who wait and read on it. Loop-confined.
public struct LoopSite {
  public let timers: any LoopTimers
  public let workers: Workers

  public init(timers: any LoopTimers, workers: Workers) {
    self.timers = timers
    self.workers = workers
  }
}

/// One reader's way through a topic: reads the next page, waits for the topic to grow. Keeps no
/// more than its place, so a reader may be as slow as it likes. Loop-confined.
public final class TopicFeed<Log: TopicLog> {
  private let log: Log
  public let topic: TopicAddress
  let site: LoopSite
  /// Where the next page starts.
  public private(set) var cursor: Cursor
  /// Whether the reader has had everything there was, and has read from memory since.
  public private(set) var isAtTail = false
  private var growth: Growth?

  /// - Parameter topic: granted for `subscribe`; kept for the feed's life, so detached.
  public init(_ log: Log, topic: TopicAddress, from cursor: Cursor, site: LoopSite) {
    self.log = log
    self.topic = topic
    self.cursor = cursor
    self.site = site
  }

  /// The next page and moves behind it: from memory where it is there, else from the disk by way of
  /// `Workers`. Without records when there is nothing new. A full queue of workers is
  /// `unavailable`.
  public func read(_ budget: ByteBudget) async throws(ReadFailure) -> Page {
    let page: Page
    switch try log.tail(of: topic, from: cursor, budget: budget) {
    case .page(let found):
      page = found
    case .behind:
      isAtTail = false
      page = try await readStored(budget)
    }
    cursor = page.next
    if page.isUpToDate { isAtTail = true }
    return page
  }

  /// Waits until there is something behind the cursor, the deadline has come, the right to wait is
  /// gone (`timeout`, too), the task is cancelled or the topic is gone (`closed`: the next read
  /// says why).
  public func wait(until deadline: MonotonicTime, under right: WaitingRight? = nil) async -> Wake {
    let growth: Growth
    do {
      growth = try currentGrowth()
    } catch {
      return .closed
    }
    let waiter = Waiter()
    guard growth.register(waiter, beyond: cursor.next) else {
      if growth.isClosed { self.growth = nil }
      return growth.isClosed ? .closed : .grown
    }
    let wake = await site.wait(waiter, until: deadline, under: right)
    if wake != .grown { growth.remove(waiter) }
    if wake == .closed { self.growth = nil }
    return wake
  }

  /// What there is behind the cursor, if it is whole and in memory; does not move. For readers who
  /// have had everything and are told that there is more.
  func glance(_ budget: ByteBudget) -> Page? {
    guard case .page(let page)? = try? log.tail(of: topic, from: cursor, budget: budget),
      page.gap == nil
    else { return nil }
    return page
  }

  /// The reader has had what `glance` found.
  func move(to next: Cursor) { cursor = next }

  /// Joins those who wait for this topic to grow.
  ///
  /// - Returns: false when the next read brings something, if only why there is nothing more.
  func join(_ audience: Audience, as member: any AudienceMember) -> Bool {
    guard let growth = try? currentGrowth() else { return false }
    if audience.join(member, of: growth, beyond: cursor.next) { return true }
    if growth.isClosed { self.growth = nil }
    return false
  }

  private func currentGrowth() throws(ReadFailure) -> Growth {
    if let growth { return growth }
    let growth = try log.growth(of: topic)
    self.growth = growth
    return growth
  }

  private func readStored(_ budget: ByteBudget) async throws(ReadFailure) -> Page {
    try await site.readStored(log, topic, from: cursor, budget: budget)
  }
}

extension LoopSite {
  /// A page from the disk, read on a worker.
  func readStored<Log: TopicLog>(
    _ log: Log, _ topic: TopicAddress, from cursor: Cursor, budget: ByteBudget
  ) async throws(ReadFailure) -> Page {
    let outcome: Result<Page, ReadFailure>
    do {
      outcome = try await workers.run {
        do throws(ReadFailure) {
          return .success(try log.readStored(topic, from: cursor, budget: budget))
        } catch {
          return .failure(error)
        }
      }
    } catch {
      throw .unavailable(retryAfter: .seconds(1))
    }
    return try outcome.get()
  }

  /// The place a start position means, the disk asked on a worker where it must be.
  public func place<Log: TopicLog>(_ start: StartPosition, in topic: TopicAddress, of log: Log)
    async throws(ReadFailure) -> FeedStart
  {
    switch try log.resolve(start, in: topic) {
    case .at(let cursor): return FeedStart(cursor: cursor, gap: nil)
    case .gap(let gap): return FeedStart(cursor: gap.requested, gap: gap)
    case .lookUp(let instant):
      let outcome: Result<Cursor, ReadFailure>
      do {
        outcome = try await workers.run {
          do throws(ReadFailure) {
            return .success(try log.locate(instant, in: topic))
          } catch {
            return .failure(error)
          }
        }
      } catch {
        throw .unavailable(retryAfter: .seconds(1))
      }
      return FeedStart(cursor: try outcome.get(), gap: nil)
    }
  }

  /// The instant of this loop's clock at which the wall clock will show `wall`, if it is not set.
  func instant(of wall: UnixTime) -> MonotonicTime {
    timers.clocks.monotonic() + (wall - timers.clocks.wall())
  }
}

/// Where a feed starts. A place that is gone is kept as it was asked for: the feed's first page
/// then carries the gap.
public struct FeedStart: Sendable, Hashable {
  public let cursor: Cursor
  public let gap: Gap?

  /// Where reading can go on, gap or not.
  public var reachable: Cursor { gap?.earliest ?? cursor }
}
