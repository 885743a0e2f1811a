public import Bytes
import HTTPWire
public import Topics

/// One answer of "what is new?": at once when there is something, else when there is or time is up.
public enum LongPoll {
  /// The next page of `feed`. Without records when `deadline` came first, or the task was
  /// cancelled: the client hung up, or the gateway goes down and the client asks elsewhere. A page
  /// with a gap is returned at once, with or without records.
  ///
  /// - Parameters:
  ///   - deadline: when to answer with nothing.
  ///   - expires: when the caller's token ends; waiting ends there as well.
  ///   - right: ends the wait when it is gone, like `deadline`; what was read then is not the
  ///     caller's any more.
  public static func next<Log: TopicLog>(
    _ feed: TopicFeed<Log>, budget: ByteBudget, until deadline: MonotonicTime, expires: UnixTime,
    under right: WaitingRight? = nil
  ) async throws(ReadFailure) -> Page {
    let deadline = min(deadline, feed.site.instant(of: expires))
    while true {
      let page = try await feed.read(budget)
      if !page.records.isEmpty || page.gap != nil { return page }
      if feed.site.timers.clocks.monotonic() >= deadline { return page }
      switch await feed.wait(until: deadline, under: right) {
      case .grown, .closed: continue
      case .timeout, .cancelled: return page
      }
    }
  }
}
