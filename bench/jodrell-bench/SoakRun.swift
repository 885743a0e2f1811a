import Bytes
import Client
import Metrics

/// `jodrell-bench soak`: publishes at a steady rate for long, with a few readers, and looks whether
/// the server's memory, descriptors or latency grow.
struct SoakRun: Sendable {
  private let target: Target
  private let load: LoadOptions
  private let pool: RequestPool
  private let readers: Readers
  let soak: SoakWatch
  private let memory: MemoryProbe?
  private let tally: Tally
  private let control: RunControl
  /// MiB per hour that memory may grow: beside memory tables and tail where the gateway is asked
  /// about them. Nil for any.
  private let allowedSlope: Int?

  init(_ words: [String]) throws {
    var arguments = Arguments(words)
    target = try Target(&arguments, spreads: true)
    load = try LoadOptions(
      &arguments, LoadOptions.Defaults(rate: 1_000, duration: .seconds(3600), takesCount: false))
    guard load.rate != nil else { throw UsageFault("soak needs a --rate") }
    guard let pid = load.reporting.serverPID else { throw UsageFault("--server-pid is missing") }
    tally = Tally()
    let (control, authorities) = (load.control, target.authorities)
    memory = try arguments.text("--management").map { url in
      MemoryProbe(
        try Target.endpoint(of: url, as: "--management", authorities: authorities),
        pid: pid, control: control)
    }
    soak = SoakWatch(
      pid: pid, dataFolder: try arguments.text("--data-dir"), tally: tally, memory: memory)
    let slope = try arguments.number("--max-rss-slope", in: 0...1_000_000, or: -1)
    allowedSlope = slope < 0 ? nil : slope
    self.control = control
    readers = Readers(
      Readers.Plan(
        endpoint: target.endpoint, paths: target.paths, tokens: target.tokens,
        headers: target.headers,
        count: try arguments.number("--readers", in: 0...10_000, or: 4), query: "",
        checksIDs: false), control: control)
    try arguments.finish()
    pool = try RequestPool(for: target, portions: load.portions, seed: load.seed)
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async throws(UsageFault) -> Int32 {
    if let memory { try await memory.tryOut() }
    let pacer = load.pacer(for: control)
    let publisher = Publisher(
      endpoint: target.endpoint, pool: pool, tally: tally, control: control,
      isTopic: target.isTopic, pacer: pacer, stamps: load.batch == 1)
    var roles = [
      LoadDriver.Role(load.connections, loops: load.loops) { loop, _ in
        await publisher.run(on: loop)
      }
    ]
    if readers.plan.count > 0 {
      roles.append(
        LoadDriver.Role(readers.plan.count, loops: 1, endsByItself: false) { loop, index in
          await readers.run(on: loop, as: index)
        })
    }
    if let memory {
      roles.append(
        LoadDriver.Role(1, loops: 1, endsByItself: false) { loop, _ in await memory.run(on: loop) })
    }
    await publisher.makeTopics(target.paths.count)
    let meter = Watch.Meter(
      begin: { readers.begin() }, count: { readers.delivered }, tick: { soak.tick($0) })
    let watch = Watch(load, "soaking", tally: tally, control: control, meter: meter)
    let result = await LoadDriver.run(roles, patience: load.patience.after) { isOver in
      await readers.waitUntilOpen(within: .seconds(60))
      await pacer?.begin(whenIdle: load.connections)
      return await watch.run(until: isOver)
    } afterwards: {
      await readers.drain(published: tally.storedInAll)
    }
    guard let result else {
      complain("cannot start the loops")
      return ExitCode.failed
    }
    return conclude(Report(result, tally, of: target, load, overdue: pacer?.overdue ?? 0))
  }

  private func conclude(_ report: Report) -> Int32 {
    let findings = SoakFindings(samples: soak.samples, minutes: soak.minutes)
    let delivery = LatencyFigures(readers.latency.snapshot)
    let arrival = readers.plan.count == 0 ? nil : readers.arrival(of: tally.storedInAll)
    if load.reporting.asJSON {
      let more = [("delivery", delivery.json), ("growth", findings.json)]
      say(JSONLine.object(report.fields + (arrival?.fields ?? []) + more) + "\n")
    } else {
      var text = report.table
      if let arrival {
        text += delivery.table("delivery latency (time the send was due to event read)")
        text += arrival.row
      }
      say(text + findings.table)
    }
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    let isClean = report.isClean && readers.faults.count == 0 && arrival?.isClean ?? true
    return isWithinBound(findings) && isClean ? ExitCode.good : ExitCode.failed
  }

  /// Whether the growth breaks no bound, as far as the run is long enough to tell. Says so when it
  /// does, and when nobody knows.
  private func isWithinBound(_ findings: SoakFindings) -> Bool {
    guard let allowedSlope else { return true }
    switch findings.verdict(within: allowedSlope, besideLog: memory != nil) {
    case .kept: return true
    case .exceeded:
      complain("memory grew by more than \(allowedSlope) MiB/h")
      return false
    case .tooShort:
      complain(
        "--max-rss-slope: not judged, and nothing is proven of memory: the run was too short, "
          + "it takes \(SoakFindings.leastStretch) seconds behind the first fifth")
      return true
    case .untold:
      complain("--max-rss-slope: not judged: " + (memory?.fault ?? "/metrics told too little"))
      return false
    }
  }
}
