import Bytes
import Client
import Foundation
import HTTPWire
import JSONText
import Network
import TestSupport
import Testing

extension EndToEnd {
  /// Whatever acme does, it learns nothing of a twin with the same names and changes nothing there.
  @Suite struct Isolation {
    /// An operation of the contract as its document has it.
    private struct Operation {
      let id: String
      let method: String
      let template: String
    }

    private static func operations(_ gateway: GatewayChild) async throws -> [Operation] {
      let document = try await gateway.send("GET", "/openapi.json").json
      var operations: [Operation] = []
      for (template, path) in try #require(document["paths"]?.members) {
        for (method, operation) in path.members where operation["operationId"] != nil {
          operations.append(
            Operation(
              id: operation["operationId"]?.text ?? "", method: method.text.uppercased(),
              template: template.text))
        }
      }
      // What reads before what writes, and what deletes at the end.
      let turns = ["GET": 0, "HEAD": 0, "POST": 1, "PATCH": 2, "PUT": 2, "DELETE": 3]
      return operations.sorted {
        (turns[$0.method] ?? 9, $0.template.count, $0.id)
          < (turns[$1.method] ?? 9, $1.template.count, $1.id)
      }
    }

    /// Bodies that the operations take, by their ids; most take `{}`.
    private static func body(of id: String, _ tenant: String, _ topic: String) -> String {
      switch id {
      case "publish", "validate": #"{"note":"x","n":1}"#
      case "receive": #"{"max":2}"#
      case "acknowledge", "release": #"{"ackTokens":[]}"#
      case "extend": #"{"ackTokens":[],"lease":"30s"}"#
      case "seek": #"{"to":"earliest"}"#
      case "putSubscription":
        #"{"type":"shared","initialPosition":"earliest","ackTimeout":"0s"}"#
      case "putSchema", "checkSchema", "replaySchema", "putDocument": #"{"title":"x"}"#
      case "putSchemaDefault": #"{"version":1}"#
      case "patchSchemaVersion": #"{"state":"deprecated"}"#
      case "issueTicket": #"{"path":"/v1/topics/\#(tenant)/shop/\#(topic)/events"}"#
      case "explain": #"{"publish":"\#(tenant)/shop/\#(topic)"}"#
      case "revoke": #"{"issuer":"remote","sub":"eve"}"#
      case "pulsarPostSchema", "pulsarTestCompatibility", "pulsarGetVersion":
        #"{"type":"JSON","schema":"{\"type\":\"record\",\"name\":\"O\",\"fields\":[]}","properties":{}}"#
      default: "{}"
      }
    }

    private static func attempt(
      _ operation: Operation, _ token: String, tenant: String, topic: String = "orders"
    ) -> Attempt {
      var path = operation.template
      for (name, value) in [
        ("tenant", tenant), ("namespace", "shop"), ("topic", topic), ("subscription", "workers"),
        ("messageId", "1:0"), ("version", "1"), ("stream", "00000000000000000001"),
        ("name", topic == "orders" ? "common/address" : topic),
      ] {
        path = path.replacing("{\(name)}", with: value)
      }
      let hasBody = !["GET", "HEAD", "DELETE"].contains(operation.method)
      let isSchema = ["putSchema", "checkSchema", "replaySchema", "putDocument"]
        .contains(operation.id)
      return .call(
        operation.method, path, token, body: hasBody ? body(of: operation.id, tenant, topic) : nil,
        type: isSchema ? "application/schema+json" : "application/json")
    }

    @Test(.timeLimit(.minutes(15)))
    func `no operation shows or changes anything of a twin's`() async throws {
      try await Twins.run { twins in
        let before = try await twins.globexView()
        let operations = try await Self.operations(twins.gateway)
        #expect(operations.count > 50)
        var served = 0
        for operation in operations {
          let place = "\(operation.method) \(operation.template)"
          func send(tenant: String, topic: String = "orders") async throws -> Answer {
            let bytes = Self.attempt(operation, twins.acme, tenant: tenant, topic: topic).bytes
            return try await twins.gateway.exchange(bytes, isHead: operation.method == "HEAD")
              .answer
          }
          if operation.template.contains("{tenant}") {
            // First what is not acme's, while the twin has all of it.
            let there = try await send(tenant: "globex")
            twins.expectNothing(of: there, place)
            #expect(there.status == 404, "\(place): \(there.text)")
            for (tenant, topic) in [("globex", "absent"), ("nobody", "orders"), ("nobody", "x")] {
              let absent = try await send(tenant: tenant, topic: topic)
              #expect(Self.shape(there) == Self.shape(absent), "\(place) tells them apart")
            }
          }
          let own = try await send(tenant: "acme")
          twins.expectNothing(of: own, place)
          #expect(!own.everything.contains("globex"), "\(place): \(own.everything)")
          #expect(own.status < 500, "\(place): \(own.text)")
          if own.status < 300 { served += 1 }
        }
        // Looked at, not only refused.
        #expect(served >= 40, "only \(served) of \(operations.count) were served")
        #expect(try await twins.globexView() == before)
      }
    }

    /// All of an answer that two requests can have in common.
    private static func shape(_ answer: Answer) -> String {
      let fields = answer.names.sorted().filter { !["request-id", "date"].contains($0) }
      return "\(answer.status)\n" + fields.map { "\($0): \(answer.field($0) ?? "")\n" }.joined()
        + anonymous(answer)
    }

    @Test func `counts, lists and metrics are one's own`() async throws {
      try await Twins.run { twins in
        func get(_ path: String) async throws -> Answer {
          let answer = try await twins.gateway.send("GET", path, token: twins.acme)
          twins.expectNothing(of: answer, path)
          return answer
        }
        let topic = "/v1/topics/acme/shop/orders"
        #expect(try await get(topic).json["events"]?.integer == 3)
        #expect(try await get("/v1/topics/acme/shop").json["topics"]?.count == 1)
        #expect(try await get(topic + "/subscriptions").json["subscriptions"]?.count == 1)
        #expect(try await get(topic + "/subscriptions/workers").json["backlog"]?.integer == 3)
        #expect(try await get(topic + "/schemas").json["schemas"]?.count == 1)
        #expect(try await get("/v1/schemas/acme/shop").json["documents"]?.count == 1)
        let metrics = try await get("/metrics")
        #expect(metrics.status == 200 && metrics.text.contains("tenant=\"acme\""))
        #expect(!metrics.text.contains("globex"))
        let value = try await get(topic + "/events?from=earliest")
        #expect(try value.json["events"]?.count == 3)
      }
    }

    @Test func `a stream sees its own topic's events, and its name is of no use to others`()
      async throws
    {
      try await Twins.run { twins in
        let gateway = twins.gateway
        let events = "/v1/topics/globex/shop/orders/events"
        let request = Attempt.call(
          "GET", events, twins.globex, ["Accept: application/x-ndjson"])
        let endpoint = try Endpoint(await gateway.url)
        let seen = try await gateway.loop.run { loop in
          let stream = try await HTTPConnection.open(endpoint, on: loop)
          defer { stream.close(on: loop) }
          _ = await stream.send(request.bytes)
          let head = try await stream.readHead(within: .seconds(60))
          let id = try #require(head.fields.first("request-id")).text
          for number in 0..<5 {
            let own = try await gateway.send(
              "POST", "/v1/topics/acme/shop/orders/events", token: twins.acme,
              body: #"{"note":"own","n":\#(number)}"#)
            #expect(own.status == 201)
          }
          let renewed = try await gateway.send(
            "POST", "/v1/streams/\(id)/token", token: twins.acme)
          let absent = try await gateway.send(
            "POST", "/v1/streams/00000000000000000001/token", token: twins.acme)
          #expect(renewed.status == 404 && Self.shape(renewed) == Self.shape(absent))
          let sent = try await gateway.send(
            "POST", events, token: twins.globex, body: #"{"note":"x","n":99}"#)
          #expect(sent.status == 201)
          var text = ""
          while !text.contains("\"n\":99"),
            let piece = try await stream.nextPiece(within: .seconds(60))
          {
            text += piece.text
          }
          return text
        }
        #expect(!seen.contains("\"own\""), "\(seen)")
      }
    }
  }
}
