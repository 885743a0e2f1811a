import Bytes
import Metrics

/// What a publish run found, as a table for people and as JSON for programs.
struct Report {
  struct Second {
    let requests: UInt64
    let events: UInt64
    let p50: UInt64
    let p99: UInt64
    let largest: UInt64
    /// What the watch's meter counted.
    let metered: UInt64
  }

  let target: Target
  let load: LoadOptions
  let elapsed: TimeSpan
  let tally: TallySnapshot
  /// One entry per second of the run, so that a stall shows.
  let series: [Second]
  let server: ServerUse?
  /// Sends of an open loop that were due and never made.
  let overdue: Int
  /// CPU time of this process.
  let generator: TimeSpan

  /// - Parameter tally: of a run whose senders have ended, so that it knows of every request what
  ///   became of it.
  init(
    _ result: Watch.Result, _ tally: Tally, of target: Target, _ load: LoadOptions, overdue: Int
  ) {
    self.target = target
    self.load = load
    self.overdue = overdue
    elapsed = result.elapsed
    self.tally = tally.snapshot
    series = result.series
    server = result.server
    generator = result.generator
  }

  private var seconds: Double { Double(max(elapsed.nanoseconds, 1)) / 1e9 }

  /// The run proves something: every request was answered with a 2xx, and there was one; no event
  /// was left out, and all connections took part to the end.
  var isClean: Bool {
    tally.requests > 0 && tally.faults == 0 && tally.refusals == 0 && tally.unstored == 0
      && tally.gaveUp == 0 && overdue == 0
  }

  // MARK: - For people

  var table: String {
    var text = heading + "\n" + figures
    if let server {
      let units = [("request", tally.requests), ("event", tally.events)]
      text += server.table(per: units, in: elapsed)
    }
    return text
  }

  private var heading: String {
    var text = "\(target.topic) at \(target.url): \(load.connections) connections, "
    if target.paths.count > 1 { text += "\(target.paths.count) topics, " }
    if target.tokens.count > 1 { text += "\(target.tokens.count) tokens, " }
    text += "\(load.batch == 1 ? "one event" : "\(load.batch) events") per request, \(loop)\n"
    return text
  }

  /// What came of the publishing, without heading and server.
  var figures: String {
    var text = TableText.row("requests", "\(tally.requests)", rate(tally.requests))
    text += TableText.row("events stored", "\(tally.events)", rate(tally.events))
    if tally.unstored > 0 {
      text += TableText.row("not stored", "\(tally.unstored)", "refused or put into quarantine")
    }
    // No more than what fits, after a run that was over at once.
    let perSecond = UInt64(min(Double(tally.bytes) / seconds, 1e18))
    text += TableText.row(
      "payload", TableText.size(tally.bytes), TableText.size(perSecond) + "/s")
    for (status, count) in tally.statuses where status / 100 != 2 {
      text += TableText.row("status \(status)", "\(count)", rate(count))
    }
    let failed = tally.faults - tally.unanswered
    if failed > 0 {
      text += TableText.row(
        "no answer", "\(failed)",
        "\(tally.unreachable) unreachable, \(tally.lost) cut, \(tally.otherFaults) other")
    }
    if tally.unanswered > 0 {
      text += TableText.row("unanswered", "\(tally.unanswered)", "under way to the end of the run")
    }
    if tally.refusalsAfter > 0 {
      text += TableText.row("refused late", "\(tally.refusalsAfter)", "after the counted time")
    }
    if tally.gaveUp > 0 {
      text += TableText.row("gave up", "\(tally.gaveUp)", "of \(load.connections) connections")
    }
    if load.rate != nil {
      text += TableText.row(
        "behind schedule", "\(tally.late)",
        "latest by \(TableText.milliseconds(tally.latest)) ms, "
          + "\(overdue) never sent")
    }
    text += TableText.row(
      "generator", TableText.decimal(generatorCores, 2) + " cores", "of this process's CPU")
    let start = load.rate == nil ? "request sent" : "time it was due"
    text += LatencyFigures(tally.latency).table("publish latency (\(start) to answer read)")
    return text
  }

  private var generatorCores: Double {
    Double(generator.nanoseconds) / Double(max(elapsed.nanoseconds, 1))
  }

  private var loop: String {
    load.rate.map { "open loop at \($0)/s, \(load.arrivals.rawValue) arrivals" } ?? "closed loop"
  }

  private func rate(_ count: UInt64) -> String {
    TableText.decimal(Double(count) / seconds, 0) + "/s"
  }

  // MARK: - For programs

  /// One JSON object; latencies in milliseconds, `server` only when a process was watched.
  var json: String { JSONLine.object(fields) }

  var fields: [(String, String)] {
    var fields: [(String, String)] = [
      ("url", JSONLine.quoted(target.url)), ("topic", JSONLine.quoted(target.topic)),
      ("connections", "\(load.connections)"), ("topics", "\(target.paths.count)"),
      ("tokens", "\(target.tokens.count)"), ("batch", "\(load.batch)"),
      ("seconds", TableText.decimal(seconds, 3)), ("requests", "\(tally.requests)"),
      ("events", "\(tally.events)"), ("notStored", "\(tally.unstored)"),
      ("payloadBytes", "\(tally.bytes)"),
      ("requestsPerSecond", TableText.decimal(Double(tally.requests) / seconds, 1)),
      ("eventsPerSecond", TableText.decimal(Double(tally.events) / seconds, 1)),
      ("statuses", JSONLine.object(tally.statuses.map { ("\($0.status)", "\($0.count)") })),
      (
        "faults",
        JSONLine.object([
          ("unreachable", "\(tally.unreachable)"), ("cut", "\(tally.lost)"),
          ("other", "\(tally.otherFaults)"), ("unanswered", "\(tally.unanswered)"),
        ])
      ),
      (
        "afterEnd",
        JSONLine.object([
          ("answers", "\(tally.answersAfter)"), ("refused", "\(tally.refusalsAfter)"),
        ])
      ),
      ("gaveUp", "\(tally.gaveUp)"),
      ("generatorCores", TableText.decimal(generatorCores, 3)),
      ("latency", LatencyFigures(tally.latency).json),
    ]
    if let rate = load.rate {
      let open = [
        ("rate", "\(rate)"), ("arrivals", JSONLine.quoted(load.arrivals.rawValue)),
        ("behindSchedule", "\(tally.late)"),
        ("latestMilliseconds", TableText.milliseconds(tally.latest)),
        ("neverSent", "\(overdue)"),
      ]
      fields.append(("openLoop", JSONLine.object(open)))
    }
    if let server {
      let per = [("Request", tally.requests), ("Event", tally.events)]
      fields.append(("server", server.json(per: per)))
    }
    fields.append(("series", JSONLine.array(series.map(\.json))))
    return fields
  }
}

extension Report.Second {
  fileprivate var json: String {
    JSONLine.object([
      ("requests", "\(requests)"), ("events", "\(events)"),
      ("p50", TableText.milliseconds(p50)), ("p99", TableText.milliseconds(p99)),
      ("max", TableText.milliseconds(largest)), ("delivered", "\(metered)"),
    ])
  }
}

extension Report {
  /// What the server spent on the run.
  struct ServerUse {
    let cpu: TimeSpan
    let residentBefore: UInt64
    let residentBytes: UInt64
    let peakBytes: UInt64

    /// - Parameter per: what the CPU time is divided by.
    func table(per units: [(name: String, count: UInt64)], in elapsed: TimeSpan) -> String {
      var text = "\nserver\n"
      let cores = Double(cpu.nanoseconds) / Double(max(elapsed.nanoseconds, 1))
      text += TableText.row(
        "CPU time", TableText.milliseconds(cpu) + " ms",
        "\(TableText.decimal(cores, 2)) cores")
      for (name, count) in units where count > 0 {
        text += TableText.row("CPU per \(name)", TableText.decimal(micros(per: count), 2) + " µs")
      }
      return text
        + TableText.row(
          "resident", TableText.size(residentBytes), "peak \(TableText.size(peakBytes))")
    }

    func json(per units: [(name: String, count: UInt64)]) -> String {
      var fields = [("cpuSeconds", TableText.decimal(Double(cpu.nanoseconds) / 1e9, 3))]
      for (name, count) in units where count > 0 {
        fields.append(("cpuMicrosPer\(name)", TableText.decimal(micros(per: count), 3)))
      }
      fields += [("residentBytes", "\(residentBytes)"), ("peakBytes", "\(peakBytes)")]
      return JSONLine.object(fields)
    }

    private func micros(per count: UInt64) -> Double {
      Double(cpu.nanoseconds) / 1000 / Double(max(count, 1))
    }
  }
}
