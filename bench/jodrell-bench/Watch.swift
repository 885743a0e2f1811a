import Bytes
import Glibc
import Metrics

/// Stands beside a run: starts the counting after the warm-up, draws progress, keeps the series of
/// seconds, and ends the run when its time is over. The tally knows more once what was under way
/// then has its answers, or has none for good.
struct Watch: Sendable {
  struct Result: Sendable {
    let elapsed: TimeSpan
    let series: [Report.Second]
    let server: Report.ServerUse?
    /// What the meter counted.
    let metered: UInt64
    /// CPU time of this process, so that nobody takes the generator's limit for the server's.
    let generator: TimeSpan
  }

  /// Something else that the run counts, such as deliveries.
  struct Meter: Sendable {
    /// The counting begins.
    var begin: @Sendable () -> Void = {}
    var count: @Sendable () -> UInt64 = { 0 }
    /// A second is over, from 1.
    var tick: @Sendable (Int) -> Void = { _ in }
  }

  let tally: Tally
  let control: RunControl
  let duration: TimeSpan?
  /// What an open loop lasts when it keeps up; nil for others.
  var nominal: TimeSpan?
  let warmUp: TimeSpan
  let serverPID: Int?
  let progress: Progress?
  var meter = Meter()

  /// Runs until `isOver` says that all senders are done, or time is up.
  func run(until isOver: @Sendable () -> Bool) async -> Result {
    await pause(warmUp, isOver)
    let before = serverPID.flatMap { ServerUsage(pid: $0) }
    let own = ServerUsage.ownCPU
    let started = tally.begin()
    meter.begin()
    let meteredBefore = meter.count()
    var series: [Report.Second] = []
    var last = tally.snapshot
    var lastMetered = meteredBefore
    while !isOver(), !control.isStopped {
      if let duration, monotonicNow() >= started + duration { break }
      let boundary = started + .seconds(Int64(series.count) + 1)
      let end = duration.map { min(started + $0, boundary) } ?? boundary
      await pause(end - monotonicNow(), isOver)
      guard monotonicNow() >= boundary else { continue }
      let now = tally.snapshot
      let metered = meter.count()
      let second = Self.second(from: last, to: now, metered: metered - lastMetered)
      series.append(second)
      meter.tick(series.count)
      progress?.show(series.count, second, total: now)
      last = now
      lastMetered = metered
    }
    let isDone = isOver()
    tally.end()
    // At once, so that little is sent that does not count.
    control.stop()
    // A run that ends by its count was over with its last answer, not when this task looked.
    let isCounted = isDone && nominal == nil && tally.lastAnswer > started
    // Senders are also done when they were interrupted or have given up, long before its time.
    let now = monotonicNow()
    let atLeast = isDone ? nominal.map { min(started + $0, now) } : nil
    let end = isCounted ? tally.lastAnswer : max(tally.lastAnswer, atLeast ?? now)
    let elapsed = end - started
    let metered = meter.count() - meteredBefore
    let spent = ServerUsage.ownCPU.nanoseconds - own.nanoseconds
    progress?.clear()
    let after = serverPID.flatMap { ServerUsage(pid: $0) }
    return Result(
      elapsed: elapsed, series: series, server: Self.use(from: before, to: after),
      metered: metered, generator: .nanoseconds(spent))
  }

  private func pause(_ span: TimeSpan, _ isOver: @Sendable () -> Bool) async {
    let end = monotonicNow() + span
    while !isOver(), !control.isStopped {
      let rest = end - monotonicNow()
      guard rest > .zero else { return }
      try? await Task.sleep(for: .nanoseconds(min(rest.nanoseconds, 50_000_000)))
    }
  }

  private static func second(
    from last: TallySnapshot, to now: TallySnapshot, metered: UInt64
  ) -> Report.Second {
    var latency = now.latency
    latency.subtract(last.latency)
    return Report.Second(
      requests: now.requests - last.requests, events: now.events - last.events,
      p50: latency.percentile(50) ?? 0, p99: latency.percentile(99) ?? 0,
      largest: latency.percentile(1, of: 1) ?? 0, metered: metered)
  }

  private static func use(
    from before: ServerUsage?, to after: ServerUsage?
  ) -> Report.ServerUse? {
    guard let before, let after else { return nil }
    return Report.ServerUse(
      cpu: TimeSpan(nanoseconds: after.cpu.nanoseconds - before.cpu.nanoseconds),
      residentBefore: before.residentBytes, residentBytes: after.residentBytes,
      peakBytes: after.peakBytes)
  }
}

extension Watch {
  /// The watch of a load; `label` stands before its progress.
  init(
    _ load: LoadOptions, _ label: String, tally: Tally, control: RunControl,
    meter: Meter = Meter()
  ) {
    self.init(
      tally: tally, control: control, duration: load.watchedDuration,
      nominal: load.nominalDuration, warmUp: load.warmUp, serverPID: load.reporting.serverPID,
      progress: load.reporting.progress(label), meter: meter)
  }
}

/// One line on the terminal that is drawn over; nothing when standard error is no terminal.
struct Progress: Sendable {
  private let label: String

  init?(label: String) {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    self.label = label
  }

  func show(_ second: Int, _ now: Report.Second, total: TallySnapshot) {
    var text = "\r\u{1b}[K\(label) \(second) s   \(now.events) events/s"
    if now.metered > 0 { text += "   \(now.metered) delivered/s" }
    text += "   p50 \(TableText.milliseconds(now.p50)) ms"
    text += "   p99 \(TableText.milliseconds(now.p99)) ms"
    text += "   \(total.events) stored"
    if total.refusals + total.faults > 0 {
      text += "   \(total.refusals) refused, \(total.faults) failed"
    }
    if total.unstored > 0 { text += "   \(total.unstored) not stored" }
    complain(text, end: "")
  }

  func show(_ text: String) { complain("\r\u{1b}[K\(label) \(text)", end: "") }

  func clear() { complain("\r\u{1b}[K", end: "") }
}
