import Bytes
import Client
import Foundation
import Glibc
import JSONText
import Testing

/// SIGTERM: what is under way is answered, what waits is let go, and nothing answered is lost.
extension EndToEnd {
  @Suite struct Drain {
    private let events = "/v1/topics/~/drained/events"

    @Test(.timeLimit(.minutes(15)))
    func `publishes under way are answered, streams and long-polls end, and exit is clean`()
      async throws
    {
      try await withGateway { gateway in
        let token = try await gateway.token()
        _ = try await gateway.send("POST", events, token: token, body: "{\"n\":-1}")
        let events = events
        var acknowledged: Set<String> = []
        var exit: Int32 = -1

        try await withThrowingTaskGroup(of: Set<String>.self) { group in
          for writer in 0..<8 {
            group.addTask {
              var stored: Set<String> = []
              // Until the door is closed: a refusal to connect, or a 503.
              for n in 0..<100_000 {
                let answer = try? await gateway.send(
                  "POST", events, token: token, body: "{\"writer\":\(writer),\"n\":\(n)}")
                guard let answer, answer.status == 201 else {
                  #expect(answer?.status ?? 503 == 503)
                  break
                }
                stored.insert(try #require(try answer.json["messageId"]?.text))
              }
              return stored
            }
          }
          // A stream that sees everything and would never end, and a long-poll of a quiet topic.
          group.addTask {
            _ = try? await gateway.follow(events, token: token, count: 1_000_000, patience: .zero)
            return []
          }
          group.addTask {
            _ = try? await gateway.send(
              "GET", "/v1/topics/~/quiet/events?from=earliest&wait=60s", token: token)
            return []
          }
          #expect(try await gateway.shows("\njodrell_streams_open 1\n"))
          try await gateway.holds(100, in: "drained", token: token)
          exit = try await gateway.terminate()
          for try await stored in group { acknowledged.formUnion(stored) }
        }

        #expect(exit == 0)
        let line = try #require(
          await gateway.logText.split(separator: "\n").last { $0.contains("\"stopped\"") })
        let told = try JSONDocument(parsing: ByteSlice(utf8: String(line))).root
        // In milliseconds.
        #expect(try #require(told["took"]?.number?.asDouble) < 10_000)
        #expect(!acknowledged.isEmpty)
        try await gateway.start()
        let found = try await allIDs(gateway, token)
        #expect(acknowledged.subtracting(found).isEmpty)
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `a receive that the end cuts short is answered like one that brought nothing`()
      async throws
    {
      try await withGateway { gateway in
        let token = try await gateway.token()
        _ = try await gateway.send("POST", events, token: token, body: "{}")
        let subscription = "/v1/topics/~/drained/subscriptions/s"
        let made = try await gateway.send("PUT", subscription, token: token, body: "{}")
        #expect(made.status == 201)
        // One whose time is over before the end comes is followed by another.
        @Sendable func receive() async throws -> Answer {
          while true {
            let answer = try await gateway.send(
              "POST", subscription + "/receive", token: token, body: #"{"wait":"60s"}"#)
            if answer.status != 200 || answer.field("connection") != nil { return answer }
          }
        }
        async let received = receive()
        while try await gateway.send("GET", subscription, token: token).json["consumers"]?.integer
          != 1
        {
          try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await gateway.terminate() == 0)
        let answer = try await received
        #expect(answer.status == 200 && answer.text == #"{"deliveries":[]}"#, "\(answer.text)")
        #expect(answer.field("connection") == "close")
      }
    }

    private func allIDs(_ gateway: GatewayChild, _ token: String) async throws -> Set<String> {
      var ids: Set<String> = []
      var from = "earliest"
      while true {
        let page = try await gateway.send(
          "GET", events + "?from=\(from)&max=1000", token: token)
        let json = try page.json
        let list = try #require(json["events"])
        for event in list.elements { ids.insert(try #require(event["messageid"]?.text)) }
        from = try #require(json["next"]?.text)
        if list.count == 0 { return ids }
      }
    }
  }
}
