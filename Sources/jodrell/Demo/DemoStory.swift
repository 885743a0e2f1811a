import Bytes
import Client
import Glibc
import JSONText
import Network

/// The walk: what is done in front of the reader, in order, and what must be seen at each step.
/// Used by one task.
final class DemoStory {
  let gateway: DemoGateway
  let stage: DemoStage
  /// The topic that everything happens on.
  let topic = "/v1/topics/acme/default/orders"
  let reader = DemoReader()
  /// Ids of the events that were answered with 201, in the order of the answers.
  var stored: [String] = []
  private var port: UInt16 = 0

  init(_ gateway: DemoGateway, _ stage: DemoStage) {
    self.gateway = gateway
    self.stage = stage
  }

  func tell() async throws(CommandFault) {
    let began = Clocks.system.monotonic()
    let shop = try await open()
    let neighbour = try await tenants(shop)
    try await schema(shop)
    try await good(shop)
    try await bad(shop)
    try await stranger(shop, neighbour)
    let following = reader.follow(topic, shop)
    do throws(CommandFault) {
      try await live(shop)
      let workers = try await share(shop)
      try await crash(shop)
      try await resume(shop, workers)
      try await latencies(shop)
    } catch {
      following.cancel()
      throw error
    }
    following.cancel()
    try await close()
    let span = Clocks.system.monotonic() - began
    stage.title("All of it held, in \(span.nanoseconds / 1_000_000_000) s.")
    stage.line("Next: jodrell serve · jodrell --help · docs/cli.md\n")
  }

  // MARK: - Beginning

  private func open() async throws(CommandFault) -> DemoClient {
    stage.title("Jodrell \(Command.version): an event gateway with a durable log inside")
    await stage.begin(
      "A gateway", "One process, one directory, nothing else. This one is thrown away at the end.")
    await stage.command("jodrell serve --data \(gateway.data) --tenants acme,globex")
    let (address, took) = try await gateway.start(port: 0)
    guard let colon = address.lastIndex(of: ":"),
      let port = UInt16(address[address.index(after: colon)...])
    else { throw CommandFault(.failed, "the gateway's address is '\(address)'") }
    self.port = port
    try stage.check(true, "ready at http://\(address) after \(took.figure)")
    return try client(of: "acme", as: "shop", ["publish", "subscribe", "manage"])
  }

  private func client(
    of tenant: String, as subject: String, _ actions: [String]
  ) throws(CommandFault) -> DemoClient {
    guard let keys = try DevelopmentKeys(loadingFrom: gateway.data) else {
      throw CommandFault(.failed, "the gateway made no development key")
    }
    let token = try keys.token(
      subject: subject, tenant: tenant, actions: actions, lifetime: .seconds(3600))
    do throws(ClientFault) {
      return DemoClient(endpoint: try Endpoint("http://127.0.0.1:\(port)"), token: token)
    } catch {
      throw CommandFault(.failed, "the gateway's port is \(port)")
    }
  }

  private func tenants(_ shop: DemoClient) async throws(CommandFault) -> DemoClient {
    await stage.begin(
      "Two tenants",
      "Who calls is decided by a signed token; the policy maps its claims to a tenant.")
    let neighbour = try client(of: "globex", as: "spy", ["publish", "subscribe", "manage"])
    for (client, tenant, subject) in [(shop, "acme", "shop"), (neighbour, "globex", "spy")] {
      await stage.command(
        "jodrell token --tenant \(tenant) --subject \(subject) --allow …; curl …/v1/whoami")
      let answer = try await client.ask("GET", "/v1/whoami")
      try stage.check(
        answer.status == 200 && answer.text("tenant") == tenant
          && answer.text("principal") == subject,
        "'\(subject)' acts for tenant \(tenant)", else: answer.body.text)
    }
    return neighbour
  }

  private func schema(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "A schema", "A topic's promise: what does not keep it never enters the stream.")
    await stage.command(
      "curl -X PUT …/orders/schema -d '{\"required\":[\"order\",\"items\",\"total\"],…}'")
    let answer = try await shop.ask(
      "PUT", "\(topic)/schema", Self.schema, contentType: "application/schema+json")
    stage.show(answer)
    try stage.check(
      answer.status == 201 && answer.json?["version"]?.integer == 1,
      "version 1, \(answer.text("fingerprint")?.prefix(23) ?? "")…", else: answer.body.text)
  }

  private static let schema = """
    {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
     "required":["order","items","total"],"additionalProperties":false,
     "properties":{
       "order":{"type":"string","pattern":"^A-[0-9]+$"},
       "items":{"type":"array","minItems":1,"items":{"type":"object","required":["sku","quantity"],
         "properties":{"sku":{"type":"string"},"quantity":{"type":"integer","minimum":1}}}},
       "total":{"type":"number","minimum":0}}}
    """

  // MARK: - Publishing

  /// An order that keeps the promise.
  static func order(_ number: Int) -> String {
    let item = #"{"sku":"tea-\#(number % 7)","quantity":\#(1 + number % 3)}"#
    return #"{"order":"A-\#(number)","items":[\#(item)],"total":\#(number % 50 + 1).50}"#
  }

  /// Publishes orders one after the other and keeps their ids.
  func publish(_ numbers: Range<Int>, _ shop: DemoClient) async throws(CommandFault) -> [DemoAnswer]
  {
    let answers = try await shop.ask(
      numbers.map { DemoClient.request("POST", "\(topic)/events", Self.order($0)) })
    for answer in answers {
      guard answer.status == 201, let id = answer.text("messageId") else {
        throw CommandFault(
          .failed, "a publish was answered with \(answer.status): \(answer.body.text)")
      }
      stored.append(id)
    }
    return answers
  }

  private func good(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "A good event",
      "One POST. The answer leaves when the event is on disk, and says where time went.")
    await stage.command("curl -i …/orders/events -d '\(Self.order(1))'")
    let answers = try await publish(1..<2, shop)
    guard let answer = answers.first else { return }
    stage.show(answer, fields: ["Location", "Server-Timing"])
    let timing = answer.field("Server-Timing") ?? ""
    try stage.check(
      answer.status == 201 && timing.contains("auth;dur=") && timing.contains("commit;dur="),
      "stored as \(stored[0]), schema version \(answer.json?["schemaVersion"]?.integer ?? 0)",
      else: answer.body.text)
  }

  private func bad(_ shop: DemoClient) async throws(CommandFault) {
    await stage.begin(
      "A bad event", "Refused with every fault, its place, and whether a retry helps.")
    let event = #"{"order":"B-7","items":[{"sku":"tea","quantity":0}],"totals":9}"#
    await stage.command("curl -i …/orders/events -d '\(event)'")
    let answer = try await shop.ask("POST", "\(topic)/events", event)
    stage.show(answer)
    let problem = ProblemText(status: answer.status, body: answer.body)
    for fault in problem.faults { stage.line("  \(fault.printable)") }
    let pointers = answer.json?["errors"]?.elements.compactMap { $0["pointer"]?.text } ?? []
    try stage.check(
      answer.status == 422 && answer.json?["retryable"]?.bool == false
        && pointers.contains("/items/0/quantity") && pointers.contains("/order"),
      "422 names /order and /items/0/quantity; nothing was stored", else: answer.body.text)
  }

  private func stranger(
    _ shop: DemoClient, _ neighbour: DemoClient
  ) async throws(CommandFault) {
    await stage.begin(
      "The neighbour", "Another tenant's topic and one that does not exist look exactly the same.")
    await stage.command("curl -i …/acme/default/orders/events   # with globex's token")
    let real = try await neighbour.ask("GET", "\(topic)/events?from=earliest")
    stage.show(real)
    let absent = try await neighbour.ask(
      "GET", "/v1/topics/acme/default/nothing/events?from=earliest")
    try stage.check(
      real.status == 404 && absent.status == 404 && real.text("code") == absent.text("code")
        && real.text("detail") == absent.text("detail")
        && real.text("title") == absent.text("title"),
      "404 for both, word for word", else: "\(real.body.text) and \(absent.body.text)")
    let intrusion = try await neighbour.ask("POST", "\(topic)/events", Self.order(666))
    try stage.check(
      intrusion.status == 404, "and 404 for a POST: nothing gets in either",
      else: "\(intrusion.status) \(intrusion.body.text)")
  }

  /// Ends the gateway the polite way.
  private func close() async throws(CommandFault) {
    await stage.begin("The end", "SIGTERM: what is in flight is answered, then the log is closed.")
    let began = Clocks.system.monotonic()
    let code = await gateway.end(SIGTERM)
    try stage.check(
      code == 0, "ended with 0 after \((Clocks.system.monotonic() - began).figure)",
      else: code.map { "\($0)" } ?? "still running")
  }

  /// Starts the gateway again where it was.
  func restart() async throws(CommandFault) -> TimeSpan { try await gateway.start(port: port).took }
}
