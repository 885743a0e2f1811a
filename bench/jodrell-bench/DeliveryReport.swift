import Bytes
import Metrics

/// What a run with readers found.
struct DeliveryReport {
  private let outcome: SubscribeRun.Outcome
  private let readers: Readers
  private let target: Target
  private let load: LoadOptions
  private let publishing: Report
  /// Nil where this process publishes nothing.
  private let arrival: Arrival?

  init(
    _ outcome: SubscribeRun.Outcome, readers: Readers, target: Target, load: LoadOptions,
    overdue: Int, published tally: Tally
  ) {
    self.outcome = outcome
    self.readers = readers
    self.target = target
    self.load = load
    publishing = Report(outcome.result, tally, of: target, load, overdue: overdue)
    arrival = load.rate == nil ? nil : readers.arrival(of: tally.storedInAll)
  }

  private var seconds: Double { Double(outcome.result.elapsed.nanoseconds) / 1e9 }
  private var deliveries: UInt64 { outcome.result.metered }
  private var perSecond: Double { Double(deliveries) / seconds }

  /// Every reader has its stream and everything that was published for it.
  var isClean: Bool {
    readers.faults.count == 0 && outcome.opened == readers.plan.count
      && arrival?.isClean ?? true && (load.rate == nil || publishing.isClean)
  }

  /// What a connection of a reader that waits costs the server.
  private var residentPerReader: UInt64? {
    guard let before = outcome.before, let with = outcome.with,
      with.residentBytes > before.residentBytes
    else { return nil }
    return (with.residentBytes - before.residentBytes) / UInt64(readers.plan.count)
  }

  // MARK: - For people

  var table: String {
    var text = "\(target.topic) at \(target.url): \(readers.plan.count) reader"
    if readers.plan.count != 1 { text += "s" }
    if target.paths.count > 1 { text += " on \(target.paths.count) topics" }
    if let rate = load.rate {
      text += ", published at \(rate)/s over \(load.connections) connections, "
      text += "\(load.arrivals.rawValue) arrivals"
    }
    text += "\n\n"
    let millis = TableText.milliseconds(outcome.openedIn)
    text += TableText.row(
      "streams open", "\(outcome.opened)", "of \(readers.plan.count), in \(millis) ms")
    text += TableText.row(
      "deliveries", "\(deliveries)", TableText.decimal(perSecond, 0) + "/s")
    if let arrival { text += arrival.row }
    if readers.plan.checksIDs { text += TableText.row("gaps in ids", "\(readers.faults.gaps)") }
    let faults = readers.faults
    if faults.refused + faults.cut > 0 {
      text += TableText.row("lost", "\(faults.refused + faults.cut)", "\(faults.refused) refused")
    }
    if faults.notices > 0 { text += TableText.row("notices", "\(faults.notices)") }
    text += LatencyFigures(readers.latency.snapshot).table(
      "delivery latency (time the send was due to event read)")
    if load.rate != nil { text += "\npublishing\n" + publishing.figures }
    guard let server = outcome.result.server else { return text }
    let units = [("delivery", deliveries), ("publish", publishing.tally.requests)]
    text += server.table(per: units, in: outcome.result.elapsed)
    if let bytes = residentPerReader {
      text += TableText.row("per reader", TableText.size(bytes), "resident, while it waits")
    }
    return text
  }

  // MARK: - For programs

  var json: String {
    let faults = readers.faults
    var fields: [(String, String)] = [
      ("url", JSONLine.quoted(target.url)), ("topic", JSONLine.quoted(target.topic)),
      ("readers", "\(readers.plan.count)"), ("topics", "\(target.paths.count)"),
      ("opened", "\(outcome.opened)"),
      ("seconds", TableText.decimal(seconds, 3)), ("deliveries", "\(deliveries)"),
      ("deliveriesPerSecond", TableText.decimal(perSecond, 1)),
      ("refused", "\(faults.refused)"), ("cut", "\(faults.cut)"), ("gaps", "\(faults.gaps)"),
      ("notices", "\(faults.notices)"),
      ("delivery", LatencyFigures(readers.latency.snapshot).json),
    ]
    if let arrival { fields += arrival.fields }
    if let server = outcome.result.server {
      fields.append(("server", server.json(per: [("Delivery", deliveries)])))
    }
    if let bytes = residentPerReader { fields.append(("residentPerReader", "\(bytes)")) }
    if load.rate != nil { fields.append(("publish", publishing.json)) }
    return JSONLine.object(fields)
  }
}
