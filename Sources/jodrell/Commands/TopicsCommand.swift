import Bytes
import Client
import JSONText

/// `jodrell topics`: what a namespace holds, with its numbers.
enum TopicsCommand {
  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let options = try ClientOptions(&arguments)
    let namespace = try arguments.rest(0...1, called: "the namespace").first ?? "~"
    let parts = namespace.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard namespace == "~" || parts.count == 2 && parts.allSatisfy({ !$0.isEmpty }) else {
      throw .usage("a namespace is tenant/namespace, or ~ for the token's own")
    }
    let path =
      "/v1/topics/"
      + (namespace == "~" ? "~" : parts.map(ClientRequest.segment).joined(separator: "/"))
    let tenant = namespace == "~" ? nil : parts[0]
    let table = try await ClientSession.run { loop throws(CommandFault) -> Table in
      let client = try options.client(for: tenant, ["subscribe", "publish", "manage"])
      defer { client.close(on: loop) }
      return try await read(path, client, on: loop)
    }
    if table.isEmpty {
      Terminal.errors.line("no topics")
    } else {
      Terminal.output.write(table.text(Ink(isOn: Terminal.output.isColourful)))
    }
    return .done
  }

  private static func read(
    _ path: String, _ client: GatewayClient, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> Table {
    var table = Table([
      ("topic", .left), ("events", .right), ("bytes", .right), ("last", .right), ("schema", .right),
      ("publish p50", .right), ("p99", .right), ("delivery p50", .right), ("p99", .right),
      ("subscriptions", .left),
    ])
    var after = ""
    while true {
      let page = try await get(path + after, client, on: loop)
      guard let topics = page.root["topics"] else { break }
      for topic in topics.elements {
        guard let name = topic["topic"]?.text ?? topic["name"]?.text else { continue }
        let facts = try await get("\(path)/\(ClientRequest.segment(name))", client, on: loop)
        table.add(row(name, facts.root))
      }
      guard let next = page.root["next"]?.text else { break }
      after = "?after=\(ClientRequest.segment(next))"
    }
    return table
  }

  private static func get(
    _ target: String, _ client: GatewayClient, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> JSONDocument {
    let answer = try await client.ask(ClientRequest("GET", target), on: loop)
    guard answer.status == 200, let document = try? JSONDocument(parsing: answer.body) else {
      throw CommandFault(answer)
    }
    return document
  }

  private static func row(_ name: String, _ facts: JSONNode) -> [String] {
    func milliseconds(_ family: StaticString, _ rank: StaticString) -> String {
      facts[family]?[rank]?.number.map { "\($0.asDouble.milliseconds)" } ?? "-"
    }
    let subscriptions = facts["subscriptions"]?.elements.compactMap { $0["name"]?.text } ?? []
    return [
      name, facts["events"]?.integer.map(String.init) ?? "-",
      facts["bytes"]?.integer.map { Figures.bytes(UInt64(clamping: $0)) } ?? "-",
      facts["last"]?.text ?? "-", facts["schemaVersion"]?.integer.map(String.init) ?? "-",
      milliseconds("publish", "p50"), milliseconds("publish", "p99"),
      milliseconds("delivery", "p50"), milliseconds("delivery", "p99"),
      subscriptions.joined(separator: " "),
    ]
  }
}

extension Double {
  /// Milliseconds with three digits, as far as they mean something: `0.612`, `13.1`, `204`.
  var milliseconds: String {
    if self >= 100 { return "\(Int(rounded())) ms" }
    let digits = self >= 10 ? 10.0 : self >= 1 ? 100 : 1000
    let value = (self * digits).rounded() / digits
    return "\(value) ms"
  }
}
