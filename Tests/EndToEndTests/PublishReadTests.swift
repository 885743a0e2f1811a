import Bytes
import Foundation
import JSONText
import Testing

/// What a producer's and a consumer's developer do in their first hour, over a real process.
extension EndToEnd {
  @Suite struct PublishAndRead {
    private let events = "/v1/topics/~/greetings/events"

    @Test func `an event is published, read by long-poll and by id, byte by byte`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let payload = #"{ "hello" : "wörld", "n": 1.50 }"#
        let stored = try await gateway.send(
          "POST", events, token: token, fields: [("Event-Key", "k1")], body: payload)
        #expect(stored.status == 201)
        #expect(stored.field("server-timing")?.contains("commit;dur=") == true)
        let id = try #require(try stored.json["messageId"]?.text)
        let location = try #require(stored.field("location"))

        let page = try await gateway.send("GET", events + "?from=earliest", token: token)
        #expect(page.status == 200)
        let found = try #require(try page.json["events"]?.elements.map(\.self).first)
        #expect(found["messageid"]?.text == id)
        #expect(found["partitionkey"]?.text == "k1")
        #expect(found["authid"]?.text == "tester")
        #expect(found["data"]?.raw.text == payload)
        #expect(try page.json["upToDate"]?.bool == true)

        let whole = try await gateway.send("GET", location + "?view=data", token: token)
        #expect(whole.text == payload)
        #expect(whole.field("content-type") == "application/json")

        let next = try #require(try page.json["next"]?.text)
        let waiting = try await gateway.send(
          "GET", events + "?from=\(next)&wait=100ms", token: token)
        #expect(try waiting.json["events"]?.count == 0)
        #expect(try waiting.json["next"]?.text == next)
      }
    }

    @Test func `what the log holds in memory is in the metrics`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        func part(_ name: String) async throws -> Int {
          let text = try await gateway.send("GET", "/metrics").text
          let series = "jodrell_store_memory_bytes{part=\"\(name)\"} "
          let line = text.split(separator: "\n").first { $0.hasPrefix(series) }
          return try #require(line.flatMap { Int($0.dropFirst(series.count)) })
        }
        let before = try await part("memory_tables")
        let payload = "\"\(String(repeating: "x", count: 100_000))\""
        for _ in 0..<3 {
          let stored = try await gateway.send("POST", events, token: token, body: payload)
          #expect(stored.status == 201)
        }
        #expect(try await part("memory_tables") > before + 300_000)
        // The tail's blocks, of which that takes one.
        #expect(try await part("tail") == 4 << 20)
        #expect(try await part("block_cache") < 1 << 20)
        #expect(try await part("spare_blocks") == 0)
      }
    }

    @Test func `a reader who waits is told, and CloudEvents keep what they say`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let name = "/v1/topics/public/default/orders"
        #expect(try await gateway.send("PUT", name, token: token, body: "{}").status == 201)
        let batch = """
          [{"specversion":"1.0","id":"a","source":"/shop","type":"order.placed","data":{"n":1}},
           {"specversion":"1.0","id":"b","source":"/shop","type":"order.paid","authid":"forged",
            "data_base64":"AAH/"}]
          """
        async let waiting = gateway.follow(
          name + "/events?from=earliest", token: token, count: 2)
        let stored = try await gateway.send(
          "POST", name + "/events", token: token, body: batch,
          type: "application/cloudevents-batch+json")
        #expect(stored.status == 201)
        #expect(try stored.json["stored"]?.integer == 2)
        let events = try await waiting
        #expect(events.map(\.type) == ["order.placed", "order.paid"])
        #expect(try events.map { try $0.json["id"]?.text } == ["a", "b"])
        #expect(try events[0].json["source"]?.text == "/shop")
        #expect(try events[1].json["authid"]?.text == "tester")
        #expect(try events[1].json["data_base64"]?.text == "AAH/")
      }
    }

    @Test func `lines are stored one by one, and the bad one is named`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let answer = try await gateway.send(
          "POST", events, token: token, body: "{\"n\":1}\n{\"n\":\n{\"n\":3}\n",
          type: "application/x-ndjson")
        #expect(answer.status == 207)
        #expect(try answer.json["stored"]?.integer == 2)
        let results = try #require(try answer.json["results"]?.elements.map(\.self))
        #expect(results.map { $0["status"]?.integer } == [201, 400, 201])
      }
    }

    @Test func `a stream resumes behind the last id without loss or repetition`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        for n in 0..<20 {
          #expect(
            try await gateway.send("POST", events, token: token, body: "{\"n\":\(n)}").status == 201
          )
        }
        let first = try await gateway.follow(events + "?from=earliest", token: token, count: 7)
        let id = try #require(first.last?.id)
        let second = try await gateway.follow(events, token: token, after: id, count: 13)
        let numbers = try (first + second).map { try $0.json["data"]?["n"]?.integer }
        #expect(numbers == (0..<20).map { Int64($0) })
        #expect(Set((first + second).map(\.id)).count == 20)
      }
    }

    @Test func `a ticket opens its one stream, again after a disconnect, and nothing else`()
      async throws
    {
      try await withGateway { gateway in
        let token = try await gateway.token()
        for n in 0..<4 {
          _ = try await gateway.send("POST", events, token: token, body: "{\"n\":\(n)}")
        }
        // A ticket that nobody uses is good for half a minute.
        try await gateway.promptly {
          let made = try await gateway.send(
            "POST", "/v1/tickets", token: token, body: "{\"path\":\"\(events)\"}")
          #expect(made.status == 201)
          let ticket = try #require(try made.json["ticket"]?.text)
          let target = events + "?from=earliest&ticket=\(ticket)"
          let first = try await gateway.follow(target, token: nil, count: 2)
          let second = try await gateway.follow(
            target, token: nil, after: try #require(first.last?.id), count: 2)
          let numbers = try (first + second).map { try $0.json["data"]?["n"]?.integer }
          #expect(numbers == [0, 1, 2, 3])
          let elsewhere = try await gateway.send(
            "GET", "/v1/topics/~/other/events?ticket=\(ticket)")
          #expect(elsewhere.status == 401)
        }
      }
    }
  }
}
