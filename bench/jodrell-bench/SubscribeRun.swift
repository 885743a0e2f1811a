import Bytes
import Client
import Metrics

/// `jodrell-bench subscribe` and `roundtrip`: event streams, read by many or by one, of what others
/// publish or of what this process publishes itself in an open loop, so that one clock measures
/// from the time a send was due to its event's arrival.
struct SubscribeRun: Sendable {
  /// The two subcommands are one run with different defaults.
  enum Kind {
    case fanOut
    case roundTrip
  }

  /// How long the streams may take to open.
  private static let opening = TimeSpan.seconds(60)

  private let target: Target
  private let load: LoadOptions
  private let readers: Readers
  private let pool: RequestPool
  /// Whether it publishes to a gateway's topic.
  private let isTopic: Bool
  private let tally = Tally()
  private let control: RunControl

  init(
    _ words: [String], as kind: Kind, patience: LoadOptions.Patience = LoadOptions.Patience()
  ) throws {
    var arguments = Arguments(words)
    target = try Target(&arguments, spreads: true)
    var defaults: LoadOptions.Defaults
    switch kind {
    case .fanOut:
      defaults = .besideOthers
      defaults.needRate.append("--publish-path")
    case .roundTrip: defaults = LoadOptions.Defaults(rate: 1_000, takesBatch: false)
    }
    defaults.patience = patience
    load = try LoadOptions(&arguments, defaults)
    guard kind == .fanOut || load.rate != nil else { throw UsageFault("roundtrip needs a --rate") }
    control = load.control
    let plan = try Self.plan(&arguments, target)
    readers = Readers(plan, control: control)
    var published = target.paths
    let path = try arguments.text("--publish-path")
    if let path { published = try Paths(path, count: target.paths.count) }
    isTopic = target.isTopic && path == nil
    try arguments.finish()
    pool = try RequestPool(for: target, seed: load.seed, paths: published)
  }

  private static func plan(
    _ arguments: inout Arguments, _ target: Target
  ) throws(UsageFault) -> Readers.Plan {
    let from = try arguments.text("--from")
    var query: [String] = []
    if let from { query.append("from=\(ClientRequest.segment(from))") }
    if let view = try arguments.text("--view") {
      query.append("view=\(ClientRequest.segment(view))")
    }
    return Readers.Plan(
      endpoint: target.endpoint, paths: target.paths, tokens: target.tokens,
      headers: target.headers,
      count: try arguments.number("--readers", in: 1...100_000, or: 1),
      query: query.isEmpty ? "" : "?" + query.joined(separator: "&"),
      checksIDs: arguments.flag("--check"), from: from)
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async -> Int32 {
    let pacer = load.pacer(for: control)
    let publisher = Publisher(
      endpoint: target.endpoint, pool: pool, tally: tally, control: control,
      isTopic: isTopic, pacer: pacer, stamps: true)
    var roles = [
      LoadDriver.Role(readers.plan.count, loops: load.loops, endsByItself: false) { loop, index in
        await readers.run(on: loop, as: index)
      }
    ]
    if pacer != nil {
      roles.append(
        LoadDriver.Role(load.connections, loops: 1) { loop, _ in
          await publisher.run(on: loop)
        })
    }
    if pacer != nil { await publisher.makeTopics(target.paths.count) }
    let outcome = await LoadDriver.run(roles, patience: load.patience.after) {
      await watch(pacer, until: $0)
    } afterwards: {
      // The last events are on their way to the readers when their answers have come.
      if pacer != nil { await readers.drain(published: tally.storedInAll) }
    }
    guard let outcome else {
      complain("cannot start the loops")
      return ExitCode.failed
    }
    let report = DeliveryReport(
      outcome, readers: readers, target: target, load: load, overdue: pacer?.overdue ?? 0,
      published: tally)
    say(load.reporting.asJSON ? report.json + "\n" : report.table)
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    return report.isClean ? ExitCode.good : ExitCode.failed
  }

  /// What the watch of a run with readers found.
  struct Outcome: Sendable {
    let result: Watch.Result
    let openedIn: TimeSpan
    let opened: Int
    /// The server before and with the readers' connections.
    let before: ServerUsage?
    let with: ServerUsage?
  }

  private func watch(
    _ pacer: Pacer?, until isOver: @escaping @Sendable () -> Bool
  ) async -> Outcome {
    let pid = load.reporting.serverPID
    let before = pid.flatMap { ServerUsage(pid: $0) }
    let started = monotonicNow()
    await readers.waitUntilOpen(within: Self.opening)
    let openedIn = monotonicNow() - started
    let opened = readers.opened
    let with = pid.flatMap { ServerUsage(pid: $0) }
    await pacer?.begin(whenIdle: load.connections)
    let meter = Watch.Meter(begin: { readers.begin() }, count: { readers.delivered })
    let watch = Watch(load, "reading", tally: tally, control: control, meter: meter)
    let result = await watch.run(until: isOver)
    return Outcome(
      result: result, openedIn: openedIn, opened: opened, before: before, with: with)
  }
}
