import Bytes
import Client
import JSONText
import Metrics
import Synchronization

/// Workers that share a subscription: each takes some deliveries and acknowledges them, over and
/// over, on a connection of its own. What they count together; tasks of any loop.
final class Workers: Sendable {
  struct Plan: Sendable {
    let endpoint: Endpoint
    /// `/v1/topics/…/subscriptions/name`.
    let path: String
    let tokens: [ByteSlice]
    let headers: [(name: String, value: String)]
    let count: Int
    /// Deliveries per receive.
    let most: Int
  }

  let plan: Plan
  /// From request to answer, of receives that brought something.
  let receiving = Histogram(.fine)
  let acknowledging = Histogram(.fine)
  /// From the time a send was due to its event in a worker's hands.
  let delivery = Histogram(.fine)
  private let receives = Counter()
  private let taken = Counter()
  private let done = Counter()
  private let again = Counter()
  private let faults = Counter()
  private let control: RunControl
  private let since = Atomic<Int64>(.max)

  init(_ plan: Plan, control: RunControl) {
    self.plan = plan
    self.control = control
  }

  /// Latencies count from now on.
  func begin() { since.store(monotonicNow().nanoseconds, ordering: .relaxed) }

  var acknowledged: UInt64 { done.value }
  var received: UInt64 { taken.value }
  var redelivered: UInt64 { again.value }
  var failed: UInt64 { faults.value }
  var answers: UInt64 { receives.value }

  /// Waits until so many events are acknowledged, as long as some are.
  func drain(until expected: UInt64) async {
    var last = acknowledged
    var movedAt = monotonicNow()
    while acknowledged < expected, monotonicNow() - movedAt < .seconds(3) {
      try? await Task.sleep(for: .milliseconds(10))
      let now = acknowledged
      if now != last { (last, movedAt) = (now, monotonicNow()) }
    }
  }

  /// Makes the subscription.
  ///
  /// - Returns: whether it was not there before.
  func subscribe(
    from position: String, type: String, on loop: isolated ClientLoop
  ) async throws(ClientFault) -> Bool {
    var body = ByteWriter()
    body.append(
      text: JSONLine.object([
        ("type", JSONLine.quoted(type)), ("initialPosition", JSONLine.quoted(position)),
        ("ackTimeout", "\"30s\""),
      ]))
    let answer = try await call("PUT", "", body.slice, of: 0, on: loop)
    guard answer.status / 100 == 2 else { throw Self.refusal(answer) }
    return answer.status == 201
  }

  /// Removes the subscription. Nobody waits long for a gateway that does not answer: the run is
  /// over, and may have been interrupted.
  func unsubscribe(on loop: isolated ClientLoop) async throws(ClientFault) {
    let answer = try await call("DELETE", "", nil, of: 0, within: LoadDriver.patience, on: loop)
    guard answer.status / 100 == 2 else { throw Self.refusal(answer) }
  }

  /// An answer that is not the one asked for, with the start of its body.
  private static func refusal(_ answer: ClientAnswer) -> ClientFault {
    .refused(status: answer.status, body: ByteSlice(copying: answer.body.prefix(512).span))
  }

  private func call(
    _ method: StaticString, _ verb: String, _ body: ByteSlice?, of index: Int,
    within span: TimeSpan = .seconds(90), on loop: isolated ClientLoop
  ) async throws(ClientFault) -> ClientAnswer {
    let client = GatewayClient(plan.endpoint, token: token(of: index))
    defer { client.close(on: loop) }
    return try await client.send(request(method, verb, body), within: span, on: loop)
  }

  private func token(of index: Int) -> ByteSlice? {
    plan.tokens.isEmpty ? nil : plan.tokens[index % plan.tokens.count]
  }

  private func request(
    _ method: StaticString, _ verb: String, _ body: ByteSlice?
  ) -> ClientRequest {
    var request = ClientRequest(method, plan.path + verb)
    if let body {
      request.set("Content-Type", "application/json")
      request.body = .whole(body)
    }
    for header in plan.headers { request.set(header.name, header.value) }
    return request
  }

  // MARK: - One worker

  /// The life of one worker; ends when it is cancelled.
  func run(on loop: isolated ClientLoop, as index: Int) async {
    let client = GatewayClient(plan.endpoint, token: token(of: index))
    let text = "{\"max\":\(plan.most),\"wait\":\"1s\",\"consumer\":\"worker-\(index)\"}"
    let receive = request("POST", "/receive", ByteSlice(utf8: text))
    while !Task.isCancelled {
      do throws(ClientFault) {
        let asked = monotonicNow()
        let answer = try await client.send(receive, on: loop)
        let tokens = try take(answer, asked: asked)
        if !tokens.isEmpty { try await acknowledge(tokens, over: client, on: loop) }
      } catch {
        if Task.isCancelled { break }
        faults.add(1)
        control.note("a worker: \(error)")
        client.close(on: loop)
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    client.close(on: loop)
  }

  private func take(
    _ answer: ClientAnswer, asked: MonotonicTime
  ) throws(ClientFault) -> [ByteSlice] {
    guard answer.status == 200, let root = try? JSONDocument(parsing: answer.body).root,
      let deliveries = root["deliveries"]
    else { throw Self.refusal(answer) }
    let now = monotonicNow()
    var tokens: [ByteSlice] = []
    for delivery in deliveries.elements {
      if let token = delivery["ackToken"]?.raw { tokens.append(token) }
      if let count = delivery["deliveryCount"]?.integer, count > 1 { again.add(1) }
      if let order = delivery["event"]?["data"]?["orderId"]?.string { record(order, at: now) }
    }
    receives.add(1)
    taken.add(tokens.count)
    if !tokens.isEmpty, isCounting(asked) { receiving.record(now - asked) }
    return tokens
  }

  private func acknowledge(
    _ tokens: [ByteSlice], over client: GatewayClient, on loop: isolated ClientLoop
  ) async throws(ClientFault) {
    var body = ByteWriter(capacity: tokens.count * 64)
    body.append("{\"ackTokens\":[")
    for (index, token) in tokens.enumerated() {
      if index > 0 { body.append(",") }
      body.append(token)
    }
    body.append("]}")
    let asked = monotonicNow()
    let answer = try await client.send(request("POST", "/acknowledge", body.slice), on: loop)
    guard answer.status == 200, let root = try? JSONDocument(parsing: answer.body).root,
      let count = root["acknowledged"]?.integer
    else { throw Self.refusal(answer) }
    done.add(Int(count))
    if isCounting(asked) { acknowledging.record(monotonicNow() - asked) }
    guard count == tokens.count else { throw .refused(status: 200, body: answer.body) }
  }

  private func isCounting(_ time: MonotonicTime) -> Bool {
    time.nanoseconds >= since.load(ordering: .relaxed)
  }

  private func record(_ order: ByteSlice, at now: MonotonicTime) {
    guard let stamp = UInt64(order.dropFirst(4).text, radix: 16), let sent = Int64(exactly: stamp),
      sent >= since.load(ordering: .relaxed), sent <= now.nanoseconds
    else { return }
    delivery.record(.nanoseconds(now.nanoseconds - sent))
  }
}
