import Bytes
import Foundation
import JSONText
import Testing

/// Schemas, bindings and quarantined events over a real disk: what was answered is there.
extension EndToEnd {
  @Suite struct Quarantine {
    private let topic = "/v1/topics/public/default/parcels"
    private let dead = "/v1/topics/public/default/parcels-quarantine"

    @Test func `the command line tells what went into quarantine, and sends what follows`()
      async throws
    {
      try await withGateway { gateway in
        let token = try await gateway.token()
        for (path, body, type) in [
          ("schema", #"{"type":"object","required":["a"]}"#, "application/schema+json"),
          (
            "schema/binding",
            #"{"rules":[{"when":{"type":"*"},"schema":"default"}],"enforcement":"quarantine"}"#,
            "application/json"
          ),
        ] {
          let answer = try await gateway.send(
            "PUT", "\(topic)/\(path)", token: token, body: body, type: type)
          try #require(answer.status == 201, "\(answer.text)")
        }
        let place = try Workplace.directory("quarantine")
        defer { try? FileManager.default.removeItem(at: place) }
        // A whole portion of bad lines, then one of blank lines, then good ones.
        let blank = Array(repeating: " ", count: 2_000)
        let lines =
          Array(repeating: "{}", count: 2_000) + blank + [#"{"a":1}"#, "", "{}", #"{"a":2}"#]
        let file = place.appending(path: "parcels.ndjson")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        let words = ["publish", "parcels"]
        let flags = ["--url", await gateway.url, "--token", token]
        let sent = try await Workplace.run(Workplace.jodrell, words + [file.path()] + flags)
        #expect(sent.code == 1, "\(sent.errors)")
        #expect(
          sent.output.contains("2 stored, 0 refused, 2001 in quarantine"), "\(sent.output)")
        let first =
          "\(file.path()), line 1: 202 quarantined: public/default/parcels-quarantine, 1:0"
        #expect(sent.errors.contains(first), "\(sent.errors)")

        let single = place.appending(path: "bad.json")
        try Data("{}".utf8).write(to: single)
        let one = try await Workplace.run(Workplace.jodrell, words + [single.path()] + flags)
        #expect(one.code == 1 && one.errors.contains("/a"), "\(one.errors)")
        #expect(one.output.contains("0 stored, 0 refused, 1 in quarantine"), "\(one.output)")
      }
    }

    @Test func `each event is in one place, and kill -9 takes none away`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        for (schema, version) in [
          (#"{"type":"object","required":["a"]}"#, 1), ("{}", 2), (#"{"type":"integer"}"#, 3),
        ] {
          let answer = try await gateway.send(
            "PUT", "\(topic)/schema?subject=\(version == 1 ? "made" : "line-\(version)")",
            token: token, body: schema, type: "application/schema+json")
          try #require(answer.status == 201, "\(answer.text)")
        }
        let binding = try await gateway.send(
          "PUT", "\(topic)/schema/binding", token: token,
          body: #"{"rules":[{"when":{"type":"*"},"schema":"made"}],"enforcement":"quarantine"}"#)
        try #require(binding.status == 201)
        var (stored, quarantined) = (0, 0)
        for round in 0..<3 {
          for number in 0..<10 {
            let good = number % 3 != 0
            let answer = try await gateway.send(
              "POST", "\(topic)/events", token: token,
              body: good ? #"{"a":\#(round)}"# : #"{"b":\#(round)}"#)
            try #require(answer.status == (good ? 201 : 202), "\(answer.text)")
            if good { stored += 1 } else { quarantined += 1 }
          }
          try await gateway.killNine()
          try await gateway.start()
        }
        func count(_ topic: String) async throws -> Int {
          let answer = try await gateway.send("GET", topic, token: token)
          return Int(try answer.json["events"]?.integer ?? -1)
        }
        #expect(try await count(topic) == stored)
        #expect(try await count(dead) == quarantined)
        let read = try await gateway.send(
          "GET", "\(dead)/events?from=earliest", token: token)
        let first = try #require(try read.json["events"]?.elements.first { _ in true })
        #expect(first["quarantinedfrom"]?.text == "public/default/parcels")
        let list = try await gateway.send("GET", "\(topic)/schemas", token: token)
        #expect(try list.json["schemas"]?.count == 3)
        #expect(try list.json["defaults"]?["made"]?.integer == 1)
      }
    }
  }
}
