import Bytes
import Client
import Foundation
import JSONText
import Network
import TestSupport
import Testing

extension EndToEnd.Abuse {
  private static let events = "/v1/topics/~/orders/events"

  /// 15: nothing that waits outlives its token.
  @Test func `a stream and a waiting read end with their token`() async throws {
    try await AbuseGround.run { ground in
      let gateway = ground.gateway
      #expect(
        try await gateway.send("POST", Self.events, token: ground.token(), body: "{}").status
          == 201)
      // Both begin while the token is good.
      try await gateway.promptly {
        let brief = try ground.token(lifetime: .seconds(4))
        async let waiting = gateway.send("GET", Self.events + "?wait=60s", token: brief)
        let ended = try await gateway.follow(
          Self.events, token: brief, count: 2, patience: .seconds(60))
        #expect(ended.map(\.type).contains("jodrell.end"))
        let end = try #require(ended.first { $0.type == "jodrell.end" })
        #expect(try end.json["code"]?.text == "invalid_token")
        let answer = try await waiting
        #expect(answer.status == 200)
        #expect(try answer.json["events"]?.count == 0)
      }
    }
  }

  /// 14: taken back, a token ends what it has opened and opens nothing more.
  @Test func `a revocation ends a stream, and the next call's denial says so`() async throws {
    try await AbuseGround.run { ground in
      let gateway = ground.gateway
      let stolen = try ground.token(["jti": "stolen"])
      #expect(
        try await gateway.send("POST", Self.events, token: stolen, body: "{}").status == 201)
      async let told = gateway.follow(Self.events, token: stolen, count: 1, patience: .seconds(60))
      #expect(try await gateway.observes("\njodrell_streams_open 1\n", at: "/metrics"))
      let revoked = try await Workplace.run(
        URL(filePath: "/usr/bin/curl"),
        [
          "-sS", "--json", #"{"issuer":"remote","jti":"stolen"}"#,
          try await gateway.management + "/v1/revocations",
        ])
      #expect(revoked.output.contains("stolen"))
      #expect(try await told.first?.type == "jodrell.end")
      let next = try await gateway.send("POST", Self.events, token: stolen, body: "{}")
      #expect(next.status == 401)
      let id = try #require(next.field("request-id"))
      #expect(try await ground.audit(until: id)[id]?["reason"]?.text == "revoked")
    }
  }

  /// 32: streams of one principal have a bound, and others are not told.
  @Test func `too many streams are refused, and those of others go on`() async throws {
    try await AbuseGround.run { ground in
      let gateway = ground.gateway
      let (globex, acme) = (try ground.token(tenant: "globex"), try ground.token())
      #expect(try await gateway.send("POST", Self.events, token: globex, body: "{}").status == 201)
      let live = (0..<2).map { _ in
        Task { try await gateway.follow(Self.events, token: globex, count: 1) }
      }
      #expect(try await gateway.observes("\njodrell_streams_open 2\n", at: "/metrics"))
      let third = try await gateway.send(
        "GET", Self.events, token: globex, fields: [("Accept", "text/event-stream")])
      #expect(third.status == 429)
      #expect(try third.json["code"]?.text == "too_many_streams")
      #expect(third.field("retry-after") != nil)
      #expect(try await gateway.send("POST", Self.events, token: acme, body: "{}").status == 201)
      #expect(
        try await gateway.follow(Self.events + "?from=earliest", token: acme, count: 1).count == 1)
      for stream in live { stream.cancel() }
      for stream in live { _ = try? await stream.value }
    }
  }

  /// 34: a flood meets its own tenant's bound.
  @Test func `a flood is slowed down, and another tenant's events are not`() async throws {
    try await AbuseGround.run { ground in
      let globex = try ground.token(tenant: "globex")
      // It takes two minutes to pay for them.
      let lines = String(repeating: "{}\n", count: 6_000)
      let batch = try await ground.gateway.send(
        "POST", Self.events, token: globex, body: lines, type: "application/x-ndjson")
      #expect(batch.status == 201, "a batch beyond the burst is let in, and paid for")
      let next = try await ground.gateway.send("POST", Self.events, token: globex, body: "{}")
      #expect(next.status == 429)
      #expect(try next.json["code"]?.text == "rate_limited")
      #expect(try next.json["limit"]?.text == "tenant-events")
      #expect(next.field("retry-after") != nil)
      #expect(next.field("ratelimit")?.contains("tenant-events") == true)
      for _ in 0..<20 {
        let other = try await ground.gateway.send(
          "POST", Self.events, token: try ground.token(), body: "{}")
        #expect(other.status == 201)
      }
    }
  }

  /// 40: whoever tries tokens out is soon not listened to; good callers at that address are.
  @Test func `an address that guesses tokens is not listened to`() async throws {
    let more = "limits: {perAddress: {refusedTokens: 5/h, burst: 1h}}"
    try await AbuseGround.run(more: more) { ground in
      let gateway = ground.gateway
      // Each loop remembers tokens of its own: enough connections for every loop to have seen it.
      let known = try ground.token()
      for _ in 0..<30 {
        #expect(try await gateway.send("POST", Self.events, token: known, body: "{}").status == 201)
      }
      var statuses: [Int] = []
      var last: Answer?
      for index in 0..<12 {
        let guess = try ground.token(["jti": "\(index)", "aud": "another"])
        last = try await gateway.send("POST", Self.events, token: guess, body: "{}")
        statuses.append(last?.status ?? 0)
      }
      #expect(statuses.first == 401 && statuses.last == 429, "\(statuses)")
      let limited = try #require(last)
      #expect(try limited.json["code"]?.text == "auth_rate_limited")
      #expect(limited.field("retry-after") != nil)
      #expect(try await gateway.send("POST", Self.events, token: known, body: "{}").status == 201)
      let id = try #require(limited.field("request-id"))
      #expect(try await ground.audit(until: id)[id]?["reason"]?.text == "auth_rate_limited")
    }
  }

  /// 26: a head, and a body, that never come to their end.
  @Test(.timeLimit(.minutes(15)))
  func `who sends too slowly is told so and let go`() async throws {
    try await AbuseGround.run { ground in
      let gateway = ground.gateway
      async let head = gateway.exchange(ByteSlice(utf8: "GET /v1/whoami HTTP/1.1\r\nHost: a\r\nX"))
      async let body = gateway.exchange(
        ByteSlice(
          utf8: "POST \(Self.events) HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
            + "Authorization: Bearer \(try ground.token())\r\nContent-Length: 1000000\r\n\r\na"))
      for (answer, isClosed) in try await [head, body] {
        #expect(answer.status == 408 && isClosed)
        #expect(try answer.json["code"]?.text == "timeout")
      }
    }
  }

  /// 33: a reader that reads nothing for a while loses nothing, and holds nobody up.
  @Test func `a reader that lags reads on from the log`() async throws {
    try await AbuseGround.run { ground in
      let gateway = ground.gateway
      let token = try ground.token()
      let filler = String(repeating: "x", count: 100_000)
      #expect(try await gateway.send("POST", Self.events, token: token, body: "{}").status == 201)
      let request = Attempt.call(
        "GET", Self.events + "?from=earliest", token, ["Accept: application/x-ndjson"])
      let endpoint = try Endpoint(await gateway.url)
      let received = try await gateway.loop.run { loop in
        let reader = try await HTTPConnection.open(endpoint, on: loop)
        defer { reader.close(on: loop) }
        try await reader.beginStream(request.bytes, within: .seconds(60))
        for number in 0..<100 {
          let sent = try await gateway.send(
            "POST", Self.events, token: token, body: "{\"n\":\(number),\"x\":\"\(filler)\"}")
          #expect(sent.status == 201)
        }
        var count = 0
        var tail = ""
        while !tail.contains("\"n\":99,"),
          let piece = try await reader.nextPiece(within: .seconds(60))
        {
          count += piece.count
          tail = String(tail.suffix(16)) + piece.text
        }
        return count
      }
      #expect(received > 99 * filler.count)
    }
  }
}
