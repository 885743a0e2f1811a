import Bytes
import Glibc
import JSONText
import Network

/// The second half of the walk: readers, workers, a crash, and the numbers.
extension DemoStory {
  private static let first = 1
  private static let live = 2..<7
  private static let shared = 7..<21
  private static let doomed = 21..<121
  private static let after = 121..<131
  private static let measured = 131..<431

  // MARK: - Reading

  func live(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "A live stream",
      "Server-sent events: what curl -N or a browser's EventSource sees, as it happens.")
    await stage.command("curl -N '…/orders/events?from=earliest' -H 'Accept: text/event-stream'")
    try stage.check(
      await reader.wait(for: 1, within: .seconds(5)),
      "the stream begins with the event from before",
      else: reader.fault ?? "nothing came")
    for number in Self.live {
      let began = Clocks.system.monotonic()
      _ = try await publish(number..<number + 1, shop)
      let count = stored.count
      guard await reader.wait(for: count, within: .seconds(5)) else {
        throw CommandFault(.failed, "\(stored[count - 1]) did not reach the reader")
      }
      let seen = reader.seen[count - 1]
      stage.line(
        "id: \(seen.id)  " + stage.ink.dim("\((seen.at - began).figure) after the POST began"))
    }
    try stage.check(reader.seen.map(\.id) == stored, "all \(stored.count) in order, none twice")
  }

  func share(_ shop: DemoClient) async throws(CommandFault) -> DemoWorkers {
    await stage.begin(
      "Two workers",
      "A shared subscription: each event goes to one of them, until it is acknowledged.")
    let subscription = "\(topic)/subscriptions/billing"
    await stage.command(
      "curl -X PUT …/subscriptions/billing "
        + #"-d '{"type":"shared","initialPosition":"earliest"}'"#
    )
    let made = try await shop.ask(
      "PUT", subscription, #"{"type":"shared","initialPosition":"earliest","ackTimeout":"30s"}"#)
    stage.show(made)
    try stage.check(made.status == 201, "the subscription exists", else: made.body.text)
    _ = try await publish(Self.shared, shop)
    let workers = DemoWorkers(shop, subscription: subscription)
    await workers.work(["ann", "bob"], until: stored.count, within: .seconds(15))
    let done = workers.done
    for name in ["ann", "bob"] {
      let ids = done.filter { $0.worker == name }.map(\.id)
      stage.line("\(stage.ink.name(name)) \(ids.joined(separator: " "))")
    }
    try stage.check(
      workers.fault == nil && done.count == stored.count && Set(done.map(\.id)) == Set(stored),
      "\(stored.count) events, each received and acknowledged once",
      else: workers.fault ?? "\(done.count) acknowledged of \(stored.count)")
    try stage.check(
      Set(done.map(\.worker)).count == 2 && done.allSatisfy { $0.deliveryCount == 1 },
      "both had their share, nothing was delivered twice")
    return workers
  }

  // MARK: - Crash

  func crash(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "kill -9",
      "\(Self.doomed.count) more events; the moment the last one is answered, the process dies.")
    _ = try await publish(Self.doomed, shop)
    await stage.command("kill -9 \(stage.ink.dim("# no warning, no clean-up"))")
    let code = await gateway.end(SIGKILL)
    try stage.check(
      code == 128 + SIGKILL, "dead", else: code.map { "ended with \($0)" } ?? "it lives")
    await stage.command("jodrell serve … \(stage.ink.dim("# again, on the same directory"))")
    let took = try await restart()
    try stage.check(
      took < .seconds(10), "ready again after \(took.figure), log checked and replayed")
    let bounds = try await shop.ask("HEAD", "\(topic)/events")
    try stage.check(
      bounds.field("Jodrell-Last") == stored.last && bounds.field("Jodrell-First") == stored.first,
      "every acknowledged event is there: \(stored[0]) to \(stored[stored.count - 1])",
      else: "\(bounds.status), last \(bounds.field("Jodrell-Last") ?? "none")")
  }

  func resume(_ shop: DemoClient, _ earlier: DemoWorkers) async throws(CommandFault) {
    await stage.begin(
      "Resume",
      "The reader comes back by itself with Last-Event-ID; the workers where they stopped.")
    _ = try await publish(Self.after, shop)
    let isComplete = await reader.wait(for: stored.count, within: .seconds(20))
    try stage.check(
      isComplete && reader.seen.map(\.id) == stored,
      "the reader has all \(stored.count), in order, none lost, none twice "
        + "(connection \(reader.connections))",
      else: reader.fault ?? "\(reader.seen.count) of \(stored.count)")
    let settled = Set(earlier.done.map(\.id))
    let workers = DemoWorkers(shop, subscription: "\(topic)/subscriptions/billing")
    await workers.work(["ann", "bob"], until: stored.count - settled.count, within: .seconds(20))
    let ids = workers.done.map(\.id)
    try stage.check(
      workers.fault == nil && Set(ids).isDisjoint(with: settled)
        && Set(ids).union(settled) == Set(stored) && Set(ids).count == ids.count,
      "the workers got the \(ids.count) that were not acknowledged, "
        + "and none of the \(settled.count) that were",
      else: workers.fault ?? "\(ids.count) received")
  }

  // MARK: - Numbers

  func latencies(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "Latency",
      "Per topic, by the gateway itself: \(Self.measured.count) more events, and one refusal.")
    _ = try await publish(Self.measured, shop)
    _ = try await shop.ask("POST", "\(topic)/events", #"{"order":"A-1"}"#)
    let isComplete = await reader.wait(for: stored.count, within: .seconds(10))
    await stage.command("curl …/acme/default/orders")
    let answer = try await shop.ask("GET", topic)
    guard answer.status == 200, let facts = answer.json else {
      throw CommandFault(.failed, "the topic's statistics: \(answer.status) \(answer.body.text)")
    }
    var table = Table([
      ("", .left), ("events", .right), ("p50", .right), ("p90", .right), ("p99", .right),
      ("p99.9", .right), ("max", .right),
    ])
    let rows: [(name: String, key: StaticString)] = [
      ("publish: received to on disk", "publish"),
      ("delivery: on disk to written to the reader", "delivery"),
    ]
    for row in rows {
      let summary = facts[row.key]
      let ranks: [StaticString] = ["p50", "p90", "p99", "p999", "max"]
      table.add(
        [row.name, summary?["count"]?.integer.map(String.init) ?? "-"]
          + ranks.map { summary?[$0]?.number?.asDouble.milliseconds ?? "-" })
    }
    Terminal.output.write(table.text(stage.ink, indent: "  "))
    let outcomes = facts["outcomes"]?.members.map { "\($0.key.text) \($0.value.raw.text)" } ?? []
    stage.line(stage.ink.dim("outcomes: ") + outcomes.joined(separator: ", "))
    let expected = Int64(Self.after.count + Self.measured.count)
    try stage.check(
      isComplete && facts["publish"]?["count"]?.integer == expected
        && (facts["delivery"]?["count"]?.integer ?? 0) > 0,
      "counted what happened since the restart: \(expected) stored, every refusal by its reason",
      else: answer.body.text)
  }
}
