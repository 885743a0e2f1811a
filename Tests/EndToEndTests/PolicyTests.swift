import Bytes
import Foundation
import Glibc
import JSONText
import Testing

/// The policy's file changes while a real gateway serves.
extension EndToEnd {
  @Suite struct Policies {
    /// A gateway on a file whose policy trusts the development issuer of its data directory.
    struct Place {
      let gateway: GatewayChild
      let file: URL
      let keys: String

      private static let all = "allow: [{publish: [\"*/*\"]}, {subscribe: [\"*/*\"]}]"

      func write(
        _ more: String = "", grants: String = Self.all, tenant: String = ""
      ) throws {
        let text = """
          issuers:
            - {id: development, iss: "urn:jodrell:development", audiences: [jodrell],
               algorithms: [ES256], keys: {file: "\(keys)"}}
          tenants: {public: {\(tenant)}, jodrell: {}}
          mappings:
            - {id: everything, issuer: development, when: {"/tenant": {eq: public}}, tenant: public,
               namespace: default, principal: "{/sub}", \(grants)}
            - {id: auditors, issuer: development, when: {"/tenant": {eq: jodrell}}, tenant: jodrell,
               namespace: audit, principal: "{/sub}", allow: [{subscribe: ["audit/*"]}]}
          \(more)
          """
        // Renamed into place: the gateway never sees half a file.
        try Data(text.utf8).write(to: file, options: .atomic)
      }

      func untilStreamIsOpen() async throws {
        let told = await gateway.logText.firstMatch(of: #/"management":"([0-9.:]+)"/#)
        let metrics = "http://\(try #require(told).1)/metrics"
        let end = ContinuousClock().now + .seconds(600)
        while ContinuousClock().now < end {
          let text = try await Workplace.run(URL(filePath: "/usr/bin/curl"), ["-sS", metrics])
          if text.output.contains("\njodrell_streams_open 1\n") { return }
          try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("no stream is open")
      }

      /// Until the log has a line with `words`, `count` times.
      func untilLogged(_ words: String, count: Int = 1) async throws {
        let end = ContinuousClock().now + .seconds(600)
        while await gateway.logText.components(separatedBy: words).count <= count,
          ContinuousClock().now < end
        {
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(await gateway.logText.contains(words))
      }
    }

    func withPolicy(
      _ more: String = "", grants: String? = nil, _ body: (Place) async throws -> Void
    ) async throws {
      try await withGateway { first in
        _ = try await first.token()
        #expect(try await first.terminate() == 0)
        let folder = try Workplace.directory("policy")
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "jodrell.yaml")
        let keys = first.data.path() + "/development-keys.json"
        let place = Place(gateway: first, file: file, keys: keys)
        if let grants { try place.write(more, grants: grants) } else { try place.write(more) }
        try await withGateway(
          ["-c", file.path(), "--management", "127.0.0.1:0"], data: first.data
        ) { gateway in
          try await body(Place(gateway: gateway, file: file, keys: keys))
        }
      }
    }

    let topic = "/v1/topics/public/default/orders/events"

    @Test func `a changed file takes effect, a bad one does not`() async throws {
      try await withPolicy { place in
        let gateway = place.gateway
        let token = try await gateway.token()
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
        try place.write(grants: "allow: [{subscribe: [\"*/*\"]}]")
        try await place.untilLogged("policy taken")
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 403)
        try place.write("nonsense: 1")
        try await place.untilLogged("policy refused")
        #expect(await gateway.logText.contains("unknown key 'nonsense'"))
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 403)
        try place.write(
          "tests: [{name: t, issuer: development, claims: {}, expect: {status: 200}}]")
        try await place.untilLogged("policy refused", count: 2)
        try place.write()
        try await place.untilLogged("policy taken", count: 2)
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
        kill(await gateway.pid, SIGHUP)
        try await place.untilLogged("policy unchanged")
      }
    }

    @Test func `a secret's command that hangs holds up neither callers nor the end`() async throws {
      try await withPolicy { place in
        let gateway = place.gateway
        let token = try await gateway.token()
        let folder = place.file.deletingLastPathComponent()
        let begun = folder.appending(path: "begun")
        let slow = folder.appending(path: "slow")
        let secret = "k9f2Lw07qPz8Xc51Vb34Nm6RtYuHgJdS"
        let command =
          "test ! -e \(slow.path()) || { echo $$ > \(begun.path()); exec sleep 600; }; "
          + "echo \(secret)"
        func write(_ comment: String) throws {
          try place.write(comment)
          let text = try String(contentsOf: place.file, encoding: .utf8)
          let issuer = "  - {id: shared, iss: shared, audiences: [a], algorithms: [HS256], "
          let keys = "keys: {secret: \"cmd:\(command)\"}}\ntenants:"
          let more = text.replacingOccurrences(of: "tenants:", with: issuer + keys)
          try Data(more.utf8).write(to: place.file, options: .atomic)
        }
        try write("# one")
        try await place.untilLogged("policy taken")
        try Data().write(to: slow)
        try write("# two")
        var number: pid_t?
        let end = ContinuousClock().now + .seconds(600)
        while number == nil, ContinuousClock().now < end {
          let text = try? String(contentsOf: begun, encoding: .utf8)
          number = text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
          try await Task.sleep(for: .milliseconds(10))
        }
        let child = try #require(number)
        defer { kill(child, SIGKILL) }
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
        #expect(try await gateway.terminate() == 0)
        #expect(kill(child, 0) == 0, "the gateway has not waited for it")
      }
    }

    @Test func `how long a tenant's events are kept changes with the file`() async throws {
      try await withPolicy { place in
        let gateway = place.gateway
        let token = try await gateway.token()
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
        try place.write(tenant: "namespaceDefaults: {retention: {age: 1s}}")
        try await place.untilLogged("policy taken")
        // Topics are looked at every few seconds.
        let end = ContinuousClock().now + .seconds(600)
        while true {
          let told = try await gateway.send(
            "GET", "/v1/topics/public/default/orders", token: token
          ).json
          #expect(told["effective"]?["retention"]?["age"]?.text == "1s")
          if told["events"]?.integer == 0 { break }
          guard ContinuousClock().now < end else {
            Issue.record("the event is kept")
            break
          }
          try await Task.sleep(for: .milliseconds(100))
        }
      }
    }

    @Test func `a stream ends when its grant is taken away`() async throws {
      try await withPolicy { place in
        let gateway = place.gateway
        let token = try await gateway.token()
        #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
        async let last = gateway.follow(topic, token: token, count: 1, patience: .seconds(60))
        try await place.untilStreamIsOpen()
        try place.write(grants: "allow: [{publish: [\"*/*\"]}]")
        let events = try await last
        #expect(events.first?.type == "jodrell.end")
        #expect(try events.first?.json["code"]?.text == "forbidden")
      }
    }

    @Test func `callers who stay valid notice nothing of a change`() async throws {
      try await withPolicy { place in
        let gateway = place.gateway
        let token = try await gateway.token()
        try await withThrowingTaskGroup(of: [Int].self) { group in
          for _ in 0..<4 {
            group.addTask {
              var statuses: [Int] = []
              for _ in 0..<60 {
                statuses.append(
                  try await gateway.send("POST", topic, token: token, body: "{}").status)
              }
              return statuses
            }
          }
          for turn in 1...4 {
            try place.write("# \(turn)")
            try await place.untilLogged("policy taken", count: turn)
          }
          for try await statuses in group {
            #expect(statuses.allSatisfy { $0 == 201 }, "\(statuses)")
          }
        }
      }
    }

    @Test func `pages, secrets and nonces follow the file, and the audit log names each policy`()
      async throws
    {
      func settings(_ page: String) -> String {
        "audit: {file: audit.jsonl}\ncrossOrigin: {origins: [\"https://\(page).example\"]}\n"
      }
      try await withPolicy(settings("a")) { place in
        let gateway = place.gateway
        func isAllowed(_ page: String, _ path: String = "/healthz") async throws -> Bool {
          let url = "\(await gateway.url)\(path)"
          let told = try await Workplace.run(
            URL(filePath: "/usr/bin/curl"), ["-sSi", url, "-H", "Origin: https://\(page).example"])
          return told.output.lowercased().contains("access-control-allow-origin: https://\(page)")
        }
        #expect(try await [isAllowed("a"), isAllowed("b")] == [true, false])
        try place.write(settings("b") + "dpop: {nonce: true}")
        try await place.untilLogged("policy taken")
        #expect(try await [isAllowed("a"), isAllowed("b")] == [false, true])
        #expect(!(await gateway.logText).contains("take effect at the next start"))
        try place.write(settings("b") + "streams: {heartbeat: 7s}")
        try await place.untilLogged("policy taken", count: 2)
        try await place.untilLogged("take effect at the next start")
        #expect(await gateway.logText.contains("\"keys\":\"streams.heartbeat\""))
        try place.write(settings("b") + "nonsense: 1")
        try await place.untilLogged("policy refused")
        #expect(try await gateway.terminate() == 0)

        let lines = try String(
          contentsOf: place.file.deletingLastPathComponent().appending(path: "audit.jsonl"),
          encoding: .utf8
        ).split(separator: "\n").filter { $0.contains("\"operation\":\"policy\"") }
        let entries = try lines.map { try JSONDocument(parsing: ByteSlice(utf8: String($0))).root }
        #expect(
          entries.map { $0["outcome"]?.text } == ["taken", "taken", "taken", "refused"])
        let logged = await gateway.logText.matches(of: #/"version":"([0-9a-f]{64})"/#)
          .map { String($0.1) }
        #expect(entries.compactMap { $0["version"]?.text } == logged)
        #expect(Set(logged).count == 3)
      }
    }

    @Test func `explain foresees what claims would be that nobody has signed`() async throws {
      try await withPolicy { place in
        let claims = place.file.deletingLastPathComponent().appending(path: "claims.json")
        try Data(#"[{"tenant":"public","sub":"till-7"},{"sub":"stranger"}]"#.utf8).write(to: claims)
        let told = try await Workplace.run(
          Workplace.jodrell,
          [
            "explain", "-c", place.file.path(), "--claims", claims.path(), "--issuer",
            "development", "--publish", "~/orders",
          ])
        #expect(told.code == 1, "one of them is nobody")
        let lines = try told.output.split(separator: "\n").map {
          try JSONDocument(parsing: ByteSlice(utf8: String($0))).root
        }
        #expect(lines.count == 2)
        #expect(lines[0]["principal"]?.text == "till-7" && lines[0]["status"]?.integer == 200)
        #expect(lines[0]["request"]?["rule"]?.text == "everything")
        #expect(lines[1]["code"]?.text == "no_tenant")
        let unknown = try await Workplace.run(
          Workplace.jodrell,
          [
            "explain", "-c", place.file.path(), "--claims", claims.path(), "--issuer", "nobody",
          ])
        #expect(unknown.code == 64 && unknown.errors.contains("no issuer 'nobody'"))
      }
    }

    @Test func `explain says offline what the gateway decides`() async throws {
      try await withPolicy { place in
        let token = try await place.gateway.token()
        func explain(_ more: String...) async throws -> (code: Int32, json: JSONNode) {
          let told = try await Workplace.run(
            Workplace.jodrell, ["explain", "-c", place.file.path(), "--token", token] + more)
          return (told.code, try JSONDocument(parsing: ByteSlice(utf8: told.output)).root)
        }
        let allowed = try await explain("--publish", "public/default/orders")
        #expect(allowed.code == 0)
        #expect(allowed.json["request"]?["rule"]?.text == "everything")
        let refused = try await explain("--manage", "~/orders")
        #expect(refused.code == 1 && refused.json["status"]?.integer == 403)
        let later = try await explain("--at", "2100-01-01T00:00:00Z")
        #expect(later.json["token"]?["reason"]?.text == "expired")
        let grants = try await Workplace.run(
          Workplace.jodrell, ["explain", "-c", place.file.path(), "--grants"])
        #expect(grants.code == 0 && grants.output.split(separator: "\n").count == 3)
        let key = try #require(allowed.json["token"]?["kid"]?.text)
        try place.write("revoked: [{issuer: development, kid: \"\(key)\"}]")
        let revoked = try await explain()
        #expect(revoked.code == 1 && revoked.json["token"]?["reason"]?.text == "revoked")
      }
    }
  }
}
