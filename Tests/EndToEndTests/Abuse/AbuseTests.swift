import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

/// What attackers try, one kind after the other as docs/abuse.md counts them, against a gateway in
/// a process of its own; each attempt with the status, the problem and the audit line it must meet.
extension EndToEnd {
  @Suite struct Abuse {
    @Test(.timeLimit(.minutes(15)))
    func `every attempt is answered as it should be, and its denial is on record`() async throws {
      try await AbuseGround.run { ground in
        try await settle(ground)
        let cases =
          try TokenAbuses.cases(ground) + PathAbuses.cases(ground) + WireAbuses.cases(ground)
          + ContentAbuses.cases(ground)
        let promised = try Self.page().filter { $0.value.contains("table") }.keys
        #expect(Set(promised).isSubset(of: cases.map(\.number) + [24, 48, 49]))
        #expect(Set(cases.map(\.number)).isSubset(of: promised))
        // Unknown keys cost one look in half a minute.
        let met = try await ground.gateway.promptly { () async throws -> [(AbuseCase, Answer)] in
          var met: [(AbuseCase, Answer)] = []
          for attempt in cases {
            let isHead = attempt.attempt.bytes.starts(with: "HEAD ")
            let (answer, isClosed) = try await ground.gateway.exchange(
              attempt.attempt.bytes, isHead: isHead)
            attempt.check(answer, isClosed: isClosed)
            met.append((attempt, answer))
          }
          return met
        }
        let last = try await ground.gateway.send("GET", "/v1/whoami", token: "a.b.c")
        let audit = try await ground.audit(until: try #require(last.field("request-id")))
        for (attempt, answer) in met { attempt.check(audit[answer.field("request-id") ?? ""]) }
        try check(met, ground)
        try await checkWhatIsLeft(ground, audit)
      }
    }

    /// docs/abuse.md: a row's number and what shows it.
    private static func page() throws -> [Int: String] {
      let text = try String(
        contentsOf: Workplace.root.appending(path: "docs/abuse.md"), encoding: .utf8)
      var rows: [Int: String] = [:]
      for row in text.matches(of: #/\n\| (\d+) \|.*\| ([^|]+) \|(?=\n)/#) {
        rows[try #require(Int(row.1))] = String(row.2)
      }
      return rows
    }

    @Test func `the page names every kind of abuse once, and tests that are there`() throws {
      let rows = try Self.page()
      #expect(rows.keys.sorted() == Array(1...50))
      var sources = ""
      let folder = Workplace.root.appending(path: "Tests")
      let files = try #require(FileManager.default.enumerator(atPath: folder.path()))
      for case let path as String in files where path.hasSuffix(".swift") {
        sources += try String(contentsOf: folder.appending(path: path), encoding: .utf8)
      }
      for (number, shown) in rows {
        for name in shown.matches(of: #/`([^`]+)`/#).map(\.1) {
          let isThere =
            sources.contains("func `\(name)`") || sources.contains("@Test(\"\(name)\"")
            || sources.contains("struct \(name) ")
          #expect(isThere, "\(number): \(name)")
        }
      }
    }

    /// What globex has before anybody attacks.
    private func settle(_ ground: AbuseGround) async throws {
      let globex = try ground.token(tenant: "globex")
      let made = try await ground.gateway.send(
        "POST", "/v1/topics/globex/shop/orders/events", token: globex, body: #"{"secret":"g"}"#)
      #expect(made.status == 201)
      let own = try await ground.gateway.send(
        "POST", "/v1/topics/acme/shop/orders/events", token: try ground.token(), body: "{}")
      #expect(own.status == 201)
    }

    /// What holds for all answers together.
    private func check(_ met: [(AbuseCase, Answer)], _ ground: AbuseGround) throws {
      // 39: one text for every token that is not accepted, whatever was wrong with it.
      let texts = met.filter { $0.0.code == "invalid_token" && $0.0.name != "exp is long ago" }.map
      {
        $0.1.text.replacing($0.1.field("request-id") ?? "-", with: "")
          + ($0.1.field("www-authenticate") ?? "")
      }
      #expect(texts.count > 60)
      #expect(Set(texts).count == 1, "\(Set(texts))")
      // 21: absent and not yours read the same.
      func probed(_ topic: String) -> [String] {
        met.filter { $0.0.number == 21 && $0.0.name.contains(topic) }.map {
          "\($0.1.status)"
            + $0.1.text.replacing($0.1.field("request-id") ?? "-", with: "")
        }
      }
      #expect(probed("globex/shop/orders") == probed("globex/shop/nothing"))
      #expect(probed("globex/shop/orders") == probed("nobody/shop/orders"))
      for (attempt, answer) in met {
        // 24: nothing of a caller's is kept by anybody in between.
        if attempt.number != 44 || attempt.status == 200 {
          #expect(answer.field("cache-control") == "no-store" || answer.status == 204, "\(attempt)")
        }
        // 44: no page is let in that is not listed.
        #expect(answer.field("access-control-allow-origin") == nil)
        #expect(answer.field("access-control-allow-methods") == nil)
        #expect(!answer.text.contains("evil"), "\(attempt.number) \(attempt.name)")
      }
      // 3: nobody asks where a token says that keys are.
      #expect(ground.neighbour.requests.allSatisfy { $0.path == "/keys" })
      #expect(ground.neighbour.requests.count <= 2, "5: unknown keys cost one look")
    }

    private func checkWhatIsLeft(
      _ ground: AbuseGround, _ audit: [String: JSONNode]
    ) async throws {
      let gateway = ground.gateway
      let mallory = try ground.token()
      // 25: what is the gateway's to say, it says.
      let spoofed = try await gateway.send(
        "GET", "/v1/topics/acme/shop/spoofed/events/1:0", token: mallory)
      #expect(try spoofed.json["authid"]?.text == "mallory")
      #expect(!spoofed.text.contains("root") && !spoofed.text.contains("payroll"))
      #expect(!spoofed.text.contains("evil") && !spoofed.text.contains("1970"))
      // 37: a payload stays one event, whatever it looks like.
      let frames = try await gateway.follow(
        "/v1/topics/acme/shop/injected/events?from=earliest&view=data", token: mallory, count: 1)
      #expect(frames.first?.type != "evil" && frames.first?.data.contains("event: evil") == true)
      #expect(frames.first?.id == "1:0")
      // 19: of names that run into one another each has its own.
      for topic in ["acme/a/b.c", "acme/a.b/c", "acme/team10/x"] {
        let page = try await gateway.send(
          "GET", "/v1/topics/\(topic)/events?from=earliest&view=data", token: mallory)
        #expect(try page.json["events"]?.raw.text == "[{\"only\":\"\(topic)\"}]")
      }
      // 45: the peer on record is the socket's, not a field's.
      #expect(
        audit.values.allSatisfy {
          $0["operation"]?.text == "policy" || $0["peer"]?.text?.hasPrefix("127.0.0.1") == true
        })
      let metrics = try await gateway.observed("/metrics")
      #expect(!metrics.contains("jodrell_stripped_attributes_total 0\n"))
      for reason in ["alg_key_mismatch", "alg_not_allowed", "json_strict", "cnf_mismatch"] {
        #expect(!metrics.contains("jodrell_token_refused_total{reason=\"\(reason)\"} 0\n"))
      }
      // The other tenant has what it had.
      let globex = try ground.token(tenant: "globex")
      let page = try await gateway.send(
        "GET", "/v1/topics/globex/shop/orders/events?from=earliest&view=data", token: globex)
      #expect(try page.json["events"]?.raw.text == #"[{"secret":"g"}]"#)
      // 48: tokens are nowhere.
      #expect(try await gateway.terminate() == 0)
      let told = try String(
        contentsOf: ground.folder.appending(path: "audit.jsonl"), encoding: .utf8)
      let needle = String(mallory.split(separator: ".")[2].suffix(40))
      for text in [metrics, told, await gateway.logText] { #expect(!text.contains(needle)) }
      let grep = try await Workplace.run(
        URL(filePath: "/usr/bin/grep"), ["-rlF", needle, gateway.data.path()])
      #expect(grep.code == 1, "the data directory holds a token: \(grep.output)")
      // 36, 49: each line is one JSON object, and the chain holds.
      let verified = try await Workplace.run(
        Workplace.jodrell,
        ["audit", "verify", ground.folder.appending(path: "audit.jsonl").path()])
      #expect(verified.code == 0, "\(verified.errors)")
    }
  }
}
