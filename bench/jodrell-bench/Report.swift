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
  }

  let url: String
  let topic: String
  let connections: Int
  let batch: Int
  let elapsed: TimeSpan
  let tally: TallySnapshot
  /// One entry per second of the run, so that a stall shows.
  let series: [Second]
  let server: ServerUse?

  /// What the server spent on the run.
  struct ServerUse {
    let cpu: TimeSpan
    let residentBytes: UInt64
    let peakBytes: UInt64
  }

  private static let percentiles: [(name: String, parts: UInt64)] = [
    ("p50", 50_000), ("p90", 90_000), ("p99", 99_000), ("p99.9", 99_900), ("p99.99", 99_990),
  ]

  private var seconds: Double { Double(elapsed.nanoseconds) / 1e9 }

  /// The run proves something: every request was answered with a 2xx, and there was one.
  var isClean: Bool { tally.requests > 0 && tally.faults == 0 && tally.refusals == 0 }

  // MARK: - For people

  var table: String {
    var text = "\(topic) at \(url): \(connections) connections, "
    text += "\(batch == 1 ? "one event" : "\(batch) events") per request, closed loop\n\n"
    text += row("requests", "\(tally.requests)", rate(tally.requests))
    text += row("events stored", "\(tally.events)", rate(tally.events))
    let perSecond = UInt64(Double(tally.bytes) / seconds)
    text += row("payload", Self.size(tally.bytes), Self.size(perSecond) + "/s")
    for (status, count) in tally.statuses where status / 100 != 2 {
      text += row("status \(status)", "\(count)", rate(count))
    }
    if tally.faults > 0 {
      text += row(
        "no answer", "\(tally.faults)",
        "\(tally.unreachable) unreachable, \(tally.lost) cut, \(tally.otherFaults) other")
    }
    text += "\nlatency (request sent to answer read)\n"
    for (name, parts) in Self.percentiles {
      if let value = tally.latency.percentile(parts, of: 100_000) {
        text += row(name, Self.milliseconds(value) + " ms", "")
      }
    }
    if let mean = tally.latency.mean {
      text += row("mean", Self.milliseconds(mean) + " ms", "")
      text += row("max", Self.milliseconds(tally.latency.largest) + " ms", "")
    }
    if let server {
      text += "\nserver\n"
      let perRequest = Double(server.cpu.nanoseconds) / 1000 / Double(max(tally.requests, 1))
      let perEvent = Double(server.cpu.nanoseconds) / 1000 / Double(max(tally.events, 1))
      text += row(
        "CPU time", Self.milliseconds(UInt64(max(server.cpu.nanoseconds, 0))) + " ms",
        "\(Self.decimal(Double(server.cpu.nanoseconds) / 1e9 / seconds, 2)) cores")
      text += row(
        "per request", Self.decimal(perRequest, 2) + " µs",
        "\(Self.decimal(perEvent, 2)) µs per event")
      text += row(
        "resident", Self.size(server.residentBytes), "peak \(Self.size(server.peakBytes))")
    }
    return text
  }

  private func row(_ name: String, _ value: String, _ note: String) -> String {
    let line =
      "  " + name + String(repeating: " ", count: max(16 - name.count, 1))
      + String(repeating: " ", count: max(14 - value.count, 0)) + value
    return (note.isEmpty ? line : line + "   " + note) + "\n"
  }

  private func rate(_ count: UInt64) -> String { Self.decimal(Double(count) / seconds, 0) + "/s" }

  static func decimal(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = UInt64((max(value, 0) * scale).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = "\(scaled % UInt64(scale))"
    return "\(scaled / UInt64(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  static func milliseconds(_ nanoseconds: UInt64) -> String {
    decimal(Double(nanoseconds) / 1e6, 3)
  }

  static func size(_ bytes: UInt64) -> String {
    bytes < 1 << 20
      ? decimal(Double(bytes) / 1024, 1) + " KiB" : decimal(Double(bytes) / 1_048_576, 1) + " MiB"
  }

  // MARK: - For programs

  /// One JSON object; latencies in milliseconds, `server` only when a process was watched.
  var json: String {
    var fields: [(String, String)] = [
      ("url", quoted(url)), ("topic", quoted(topic)), ("connections", "\(connections)"),
      ("batch", "\(batch)"), ("seconds", Self.decimal(seconds, 3)),
      ("requests", "\(tally.requests)"), ("events", "\(tally.events)"),
      ("payloadBytes", "\(tally.bytes)"),
      ("requestsPerSecond", Self.decimal(Double(tally.requests) / seconds, 1)),
      ("eventsPerSecond", Self.decimal(Double(tally.events) / seconds, 1)),
      ("statuses", object(tally.statuses.map { ("\($0.status)", "\($0.count)") })),
      (
        "faults",
        object([
          ("unreachable", "\(tally.unreachable)"), ("cut", "\(tally.lost)"),
          ("other", "\(tally.otherFaults)"),
        ])
      ),
    ]
    var latency = Self.percentiles.compactMap { name, parts in
      tally.latency.percentile(parts, of: 100_000).map {
        (name.replacing(".", with: ""), Self.milliseconds($0))
      }
    }
    if let mean = tally.latency.mean {
      latency.append(("mean", Self.milliseconds(mean)))
      latency.append(("max", Self.milliseconds(tally.latency.largest)))
    }
    fields.append(("latency", object(latency)))
    if let server {
      let micros = Double(server.cpu.nanoseconds) / 1000
      fields.append(
        (
          "server",
          object([
            ("cpuSeconds", Self.decimal(micros / 1e6, 3)),
            ("cpuMicrosPerRequest", Self.decimal(micros / Double(max(tally.requests, 1)), 3)),
            ("cpuMicrosPerEvent", Self.decimal(micros / Double(max(tally.events, 1)), 3)),
            ("residentBytes", "\(server.residentBytes)"), ("peakBytes", "\(server.peakBytes)"),
          ])
        ))
    }
    let seconds = series.map { second in
      object([
        ("requests", "\(second.requests)"), ("events", "\(second.events)"),
        ("p50", Self.milliseconds(second.p50)), ("p99", Self.milliseconds(second.p99)),
        ("max", Self.milliseconds(second.largest)),
      ])
    }
    fields.append(("series", "[" + seconds.joined(separator: ",") + "]"))
    return object(fields)
  }

  private func object(_ fields: [(String, String)]) -> String {
    "{" + fields.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }

  private func quoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.map {
        $0 == "\"" || $0 == "\\"
          ? "\\\($0)" : $0.value < 0x20 ? " " : String($0)
      }.joined() + "\""
  }
}
