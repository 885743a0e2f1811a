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
    load = try LoadOptions(&arguments, .besideOthers)
    control = load.control
    let name = try arguments.text("--subscription") ?? "jodrell-bench"
    from = try arguments.text("--from") ?? "latest"
    type = try arguments.text("--type") ?? "shared"
    keeps = arguments.flag("--keep")
    let path = "/v1/topics/\(target.topic)/subscriptions/\(ClientRequest.segment(name))"
    workers = Workers(
      Workers.Plan(
        endpoint: target.endpoint, path: path, tokens: target.tokens, headers: target.headers,
        count: try arguments.number("--workers", in: 1...10_000, or: 8),
        most: try arguments.number("--max", in: 1...1_000, or: 10)), control: control)
    try arguments.finish()
    pool = try RequestPool(for: target, seed: load.seed)
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async -> Int32 {
    let pacer = load.pacer(for: control)
    let publisher = Publisher(
      endpoint: target.endpoint, pool: pool, tally: tally, control: control,
      isTopic: target.isTopic, pacer: pacer, stamps: true)
    if pacer != nil { await publisher.makeTopics(1) }
    let isNew: Bool
    do throws(ClientFault) {
      isNew = try await once { loop throws(ClientFault) in
        try await workers.subscribe(from: from, type: type, on: loop)
      }
    } catch {
      complain("there is no subscription: \(error)")
      return ExitCode.failed
    }
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
    var isGood = false
    if let result {
      let overdue = pacer?.overdue ?? 0
      let publishing = Report(result, tally, of: target, load, overdue: overdue)
      isGood = conclude(result, publishing, arrival(isNew))
    } else {
      complain("cannot start the loops")
    }
    // Behind the report, which a gateway that does not answer any more shall not take along.
    if isNew, !keeps, await !removes() { isGood = false }
    return isGood ? ExitCode.good : ExitCode.failed
  }

  /// Runs a call on a loop of its own.
  private func once<Outcome: Sendable>(
    _ body: @Sendable (isolated ClientLoop) async throws(ClientFault) -> Outcome
  ) async throws(ClientFault) -> Outcome {
    switch try await ClientLoop.once(body) {
    case .success(let outcome): return outcome
    case .failure(let fault): throw fault
    }
  }

  /// Removes the subscription, and complains when it stays.
  ///
  /// - Returns: whether it is gone.
  private func removes() async -> Bool {
    do throws(ClientFault) {
      try await once { loop throws(ClientFault) in try await workers.unsubscribe(on: loop) }
      return true
    } catch {
      complain("the subscription may still be there: \(error)")
      return false
    }
  }

  /// Whether all that was published has been acknowledged; nil where others publish.
  private func arrival(_ isNew: Bool) -> Arrival? {
    if load.rate == nil { return nil }
    guard isNew else { return .notJudged("the subscription was there before the run") }
    guard from == "latest" else {
      return .notJudged("--from \(from) also brings what was there before")
    }
    return Arrival(workers.acknowledged, of: tally.storedInAll)
  }

  /// Prints the report.
  ///
  /// - Returns: whether all is as it should be.
  private func conclude(
    _ result: Watch.Result, _ publishing: Report, _ arrival: Arrival?
  ) -> Bool {
    say(
      load.reporting.asJSON
        ? json(result, publishing, arrival) + "\n" : table(result, publishing, arrival))
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    let published = load.rate == nil || publishing.isClean
    return published && workers.failed == 0 && workers.acknowledged > 0
      && arrival?.isClean ?? true
  }

  // MARK: - Telling

  private func rate(_ result: Watch.Result) -> Double {
    Double(result.metered) / (Double(result.elapsed.nanoseconds) / 1e9)
  }

  private func table(
    _ result: Watch.Result, _ publishing: Report, _ arrival: Arrival?
  ) -> String {
    var text = "\(target.topic) at \(target.url): \(workers.plan.count) workers on a \(type) "
    text += "subscription, up to \(workers.plan.most) events a receive"
    if let rate = load.rate { text += ", published at \(rate)/s" }
    text += "\n\n"
    let perReceive = Double(workers.received) / Double(max(workers.answers, 1))
    text += TableText.row(
      "acknowledged", "\(result.metered)", TableText.decimal(rate(result), 0) + "/s")
    text += TableText.row("per receive", TableText.decimal(perReceive, 2))
    text += TableText.row("redelivered", "\(workers.redelivered)")
    if let arrival { text += arrival.row }
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

  private func json(
    _ result: Watch.Result, _ publishing: Report, _ arrival: Arrival?
  ) -> String {
    var fields: [(String, String)] = [
      ("url", JSONLine.quoted(target.url)), ("topic", JSONLine.quoted(target.topic)),
      ("workers", "\(workers.plan.count)"), ("max", "\(workers.plan.most)"),
      ("acknowledged", "\(result.metered)"),
      ("acknowledgedPerSecond", TableText.decimal(rate(result), 1)),
      ("receives", "\(workers.answers)"), ("redelivered", "\(workers.redelivered)"),
      ("failed", "\(workers.failed)"),
      ("receive", LatencyFigures(workers.receiving.snapshot).json),
      ("acknowledge", LatencyFigures(workers.acknowledging.snapshot).json),
      ("delivery", LatencyFigures(workers.delivery.snapshot).json),
    ]
    if let arrival { fields += arrival.fields }
    if let server = result.server {
      fields.append(("server", server.json(per: [("Event", result.metered)])))
    }
    if load.rate != nil { fields.append(("publish", publishing.json)) }
    return JSONLine.object(fields)
  }
}
