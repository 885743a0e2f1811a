import Bytes
import Client
import Metrics
import Synchronization

/// Many readers of event streams, each on a connection of its own, and what they count together.
/// Readers run as tasks of any loop.
final class Readers: Sendable {
  struct Plan: Sendable {
    let endpoint: Endpoint
    let paths: Paths
    let tokens: [ByteSlice]
    let headers: [(name: String, value: String)]
    let count: Int
    /// What follows the path, such as `?from=latest`.
    let query: String
    let checksIDs: Bool
    /// Where the readers begin; nil for the gateway's default, which is `latest`.
    var from: String?

    /// Why the number of deliveries does not tell whether all events have come; nil where it does.
    var whyUnjudged: String? {
      if let from, from != "latest" { return "--from \(from) also brings what was there before" }
      return count % paths.count == 0 ? nil : "topics differ in their number of readers"
    }

    /// How many readers each event has, where `whyUnjudged` is nil.
    var copies: UInt64 { UInt64(count / paths.count) }
  }

  let plan: Plan
  let latency = Histogram(.fine)
  private let deliveries = Counter()
  private let gaps = Counter()
  private let notices = Counter()
  private let refused = Counter()
  private let cut = Counter()
  private let open = Atomic<Int>(0)
  private let control: RunControl
  /// Stamps before it are not this run's; also set when the counting begins.
  private let since = Atomic<Int64>(.max)

  /// From how many readers on only some events are looked at for their send time.
  private static let allSampled = 64
  private static let sampling = 16
  /// Gateways send a heartbeat more often.
  private static let silence = TimeSpan.seconds(120)

  init(_ plan: Plan, control: RunControl) {
    self.plan = plan
    self.control = control
  }

  /// Latencies count from now on.
  func begin() { since.store(monotonicNow().nanoseconds, ordering: .relaxed) }

  var delivered: UInt64 { deliveries.value }
  var isComplete: Bool { opened + Int(refused.value) >= plan.count }
  var opened: Int { open.load(ordering: .relaxed) }

  /// What went wrong.
  struct Faults: Sendable {
    let refused: UInt64
    let cut: UInt64
    let gaps: UInt64
    let notices: UInt64
    var count: UInt64 { refused + cut + gaps }
  }

  var faults: Faults {
    Faults(
      refused: refused.value, cut: cut.value, gaps: gaps.value, notices: notices.value)
  }

  /// Waits until every reader's stream is open or refused.
  func waitUntilOpen(within span: TimeSpan) async {
    let end = monotonicNow() + span
    while !isComplete, monotonicNow() < end, !control.isStopped {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Whether so many published events have come to all readers that they were for.
  func arrival(of published: UInt64) -> Arrival {
    if let reason = plan.whyUnjudged { return .notJudged(reason) }
    return Arrival(delivered, of: published * plan.copies)
  }

  /// Waits until so many published events have come, as long as some do; not where nobody could
  /// tell that they have.
  func drain(published: UInt64) async {
    guard plan.whyUnjudged == nil else { return }
    let expected = published * plan.copies
    var last = delivered
    var movedAt = monotonicNow()
    while delivered < expected, monotonicNow() - movedAt < .seconds(2) {
      try? await Task.sleep(for: .milliseconds(10))
      let now = delivered
      if now != last { (last, movedAt) = (now, monotonicNow()) }
    }
  }

  // MARK: - One reader

  /// The life of one reader; ends when it is cancelled or its stream ends.
  func run(on loop: isolated ClientLoop, as index: Int) async {
    let connection: HTTPConnection
    do throws(ClientFault) {
      connection = try await start(index, on: loop)
    } catch {
      if control.isStopped || Task.isCancelled { return }
      refused.add(1)
      control.note("a reader got no stream: \(error)")
      return
    }
    open.wrappingAdd(1, ordering: .relaxed)
    do throws(ClientFault) {
      try await follow(connection, as: index)
      throw .connectionLost
    } catch {
      if !control.isStopped, !Task.isCancelled {
        cut.add(1)
        control.note("a reader's stream ended: \(error)")
      }
    }
    open.wrappingSubtract(1, ordering: .relaxed)
    connection.close(on: loop)
  }

  private func start(
    _ index: Int, on loop: isolated ClientLoop
  ) async throws(ClientFault) -> HTTPConnection {
    var request = ClientRequest("GET", plan.paths[index] + plan.query)
    if !plan.tokens.isEmpty { request.authorize(plan.tokens[index % plan.tokens.count]) }
    request.set("Accept", "text/event-stream")
    for header in plan.headers { request.set(header.name, header.value) }
    var bytes = ByteWriter(capacity: 1024)
    try request.write(to: plan.endpoint, into: &bytes)
    let connection = try await HTTPConnection.open(plan.endpoint, within: .seconds(30), on: loop)
    do throws(ClientFault) {
      try await connection.beginStream(bytes.slice, within: .seconds(60))
      return connection
    } catch {
      connection.close(on: loop)
      throw error
    }
  }

  private func follow(_ connection: HTTPConnection, as index: Int) async throws(ClientFault) {
    let sampling = plan.count <= Self.allSampled ? 1 : Self.sampling
    var scanner = FrameScanner(checksIDs: plan.checksIDs, sampling: sampling, phase: index)
    while let piece = try await connection.nextPiece(within: Self.silence) {
      let (events, faults, told) = (scanner.events, scanner.gaps, scanner.notices)
      let now = monotonicNow()
      scanner.feed(piece) { stamp in record(stamp, at: now) }
      deliveries.add(scanner.events - events)
      if scanner.gaps > faults { gaps.add(scanner.gaps - faults) }
      if scanner.notices > told { notices.add(scanner.notices - told) }
    }
  }

  private func record(_ stamp: UInt64, at now: MonotonicTime) {
    guard let sent = Int64(exactly: stamp), sent >= since.load(ordering: .relaxed),
      sent <= now.nanoseconds
    else { return }
    latency.record(.nanoseconds(now.nanoseconds - sent))
  }
}
