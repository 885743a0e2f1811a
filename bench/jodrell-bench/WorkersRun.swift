import Bytes
import Client
import Metrics

/// `jodrell-bench workers`: a shared subscription and many workers that receive and acknowledge.
struct WorkersRun: Sendable {
  private let target: Target
  private let load: LoadOptions
  private let pool: RequestPool
  private let workers: Workers
  private let from: String
  private let type: String
  private let keeps: Bool
  private let tally = Tally()
  private let control: RunControl

  init(_ words: [String]) throws {
    var arguments = Arguments(words)
    target = try Target(&arguments)
    load = try LoadOptions(
      &arguments, LoadOptions.Defaults(rateOption: "--publish-rate", connections: 8))
    guard load.batch == 1 else { throw UsageFault("the send time is that of single events") }
    control = load.control
    let name = try arguments.text("--subscription") ?? "jodrell-bench"
    from = try arguments.text("--from") ?? "latest"
    type = try arguments.text("--type") ?? "shared"
    keeps = arguments.flag("--keep")
    let path = "/v1/topics/\(target.topic)/subscriptions/\(ClientRequest.segment(name))"
    workers = Workers(
      Workers.Plan(
        endpoint: target.endpoint, path: path, tokens: target.tokens,
        count: try arguments.number("--workers", in: 1...10_000, or: 8),
        most: try arguments.number("--max", in: 1...1_000, or: 10)), control: control)
    try arguments.finish()
    pool = try RequestPool(for: target, seed: load.seed)
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async throws -> Int32 {
    let pacer = load.pacer(for: control)
    let publisher = Publisher(
      endpoint: target.endpoint, pool: pool, tally: tally, control: control, pacer: pacer,
      stamps: true)
    if pacer != nil { await publisher.makeTopics(1) }
    let isNew = try await ClientLoop.once { loop throws(ClientFault) in
      try await workers.subscribe(from: from, type: type, on: loop)
    }.get()
    var roles = [
      LoadDriver.Role(workers.plan.count, loops: load.loops, endsByItself: false) { loop, index in
        await workers.run(on: loop, as: index)
      }
    ]
    if pacer != nil {
      roles.append(
        LoadDriver.Role(load.connections, loops: 1) { loop, _ in await publisher.run(on: loop) })
    }
    let meter = Watch.Meter(begin: { workers.begin() }, count: { workers.acknowledged })
    let watch = Watch(load, "working", tally: tally, control: control, meter: meter)
    let result = await LoadDriver.run(roles, patience: load.patience.after) { isOver in
      await pacer?.begin(whenIdle: load.connections)
      return await watch.run(until: isOver)
    } afterwards: {
      if pacer != nil { await workers.drain(until: tally.storedInAll) }
    }
    if isNew, !keeps {
      _ = try await ClientLoop.once { loop throws(ClientFault) in
        try await workers.unsubscribe(on: loop)
      }.get()
    }
    guard let result else {
      complain("cannot start the loops")
      return ExitCode.failed
    }
    let overdue = pacer?.overdue ?? 0
    return conclude(result, Report(result, tally, of: target, load, overdue: overdue))
  }

  private func conclude(_ result: Watch.Result, _ publishing: Report) -> Int32 {
    let expected = tally.storedInAll
    let missing =
      load.rate == nil || from != "latest" ? 0 : expected - min(workers.acknowledged, expected)
    say(
      load.reporting.asJSON
        ? json(result, publishing, missing) + "\n" : table(result, publishing, missing))
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    let published = load.rate == nil || publishing.isClean
    let isClean = published && workers.failed == 0 && workers.acknowledged > 0 && missing == 0
    return isClean ? ExitCode.good : ExitCode.failed
  }

  // MARK: - Telling

  private func rate(_ result: Watch.Result) -> Double {
    Double(result.metered) / (Double(result.elapsed.nanoseconds) / 1e9)
  }

  private func table(_ result: Watch.Result, _ publishing: Report, _ missing: UInt64) -> String {
    var text = "\(target.topic) at \(target.url): \(workers.plan.count) workers on a \(type) "
    text += "subscription, up to \(workers.plan.most) events a receive"
    if let rate = load.rate { text += ", published at \(rate)/s" }
    text += "\n\n"
    let perReceive = Double(workers.received) / Double(max(workers.answers, 1))
    text += TableText.row(
      "acknowledged", "\(result.metered)", TableText.decimal(rate(result), 0) + "/s")
    text += TableText.row("per receive", TableText.decimal(perReceive, 2))
    text += TableText.row("redelivered", "\(workers.redelivered)")
    if load.rate != nil { text += TableText.row("missing", "\(missing)") }
    if workers.failed > 0 { text += TableText.row("failed", "\(workers.failed)") }
    text += LatencyFigures(workers.receiving.snapshot).table("receive (request to answer)")
    text += LatencyFigures(workers.acknowledging.snapshot).table("acknowledge")
    if load.rate != nil {
      text += LatencyFigures(workers.delivery.snapshot).table(
        "delivery latency (time the send was due to event received)")
      text += "\npublishing\n" + publishing.figures
    }
    if let server = result.server {
      let units = [("acknowledged event", result.metered), ("receive", workers.answers)]
      text += server.table(per: units, in: result.elapsed)
    }
    return text
  }

  private func json(_ result: Watch.Result, _ publishing: Report, _ missing: UInt64) -> String {
    var fields: [(String, String)] = [
      ("url", JSONLine.quoted(target.url)), ("topic", JSONLine.quoted(target.topic)),
      ("workers", "\(workers.plan.count)"), ("max", "\(workers.plan.most)"),
      ("acknowledged", "\(result.metered)"),
      ("acknowledgedPerSecond", TableText.decimal(rate(result), 1)),
      ("receives", "\(workers.answers)"), ("redelivered", "\(workers.redelivered)"),
      ("missing", "\(missing)"), ("failed", "\(workers.failed)"),
      ("receive", LatencyFigures(workers.receiving.snapshot).json),
      ("acknowledge", LatencyFigures(workers.acknowledging.snapshot).json),
      ("delivery", LatencyFigures(workers.delivery.snapshot).json),
    ]
    if let server = result.server {
      fields.append(("server", server.json(per: [("Event", result.metered)])))
    }
    if load.rate != nil { fields.append(("publish", publishing.json)) }
    return JSONLine.object(fields)
  }
}
