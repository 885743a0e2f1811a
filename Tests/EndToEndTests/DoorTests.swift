import Foundation
import Glibc
import Testing

/// The ways in beside a TCP port: a gateway met by its own commands and by other programs.
extension EndToEnd {
  @Suite struct Doors {
    private func curl(
      _ arguments: [String]
    ) async throws -> (code: Int32, output: String, errors: String) {
      try await Workplace.run(
        URL(filePath: "/usr/bin/curl"), ["-sS", "--max-time", "30"] + arguments)
    }

    /// A folder with a configuration file, whose policy trusts the development issuer of a data
    /// directory.
    private func withPolicy(
      _ more: (URL) -> String, socket: String? = nil,
      _ body: (GatewayChild, URL) async throws -> Void
    ) async throws {
      let folder = try Workplace.directory("doors")
      defer { try? FileManager.default.removeItem(at: folder) }
      try await withGateway { first in
        _ = try await first.token()
        #expect(try await first.terminate() == 0)
        let file = folder.appending(path: "jodrell.yaml")
        let text = """
          issuers:
            - {id: development, iss: "urn:jodrell:development", audiences: [jodrell],
               algorithms: [ES256], keys: {file: "\(first.data.path())/development-keys.json"}}
          tenants: {public: {}}
          mappings:
            - {id: everything, issuer: development, when: {"/tenant": {eq: public}}, tenant: public,
               namespace: default, principal: "{/sub}",
               allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}]}
          \(more(folder))
          """
        try Data(text.utf8).write(to: file)
        try await withGateway(["-c", file.path()], data: first.data, socket: socket) { gateway in
          try await body(gateway, folder)
        }
      }
    }

    @Test func `a socket file serves commands, bench and other programs`() async throws {
      let folder = try Workplace.directory("doors")
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "j.sock").path()
      let operators = folder.appending(path: "m.sock").path()
      let lines = folder.appending(path: "lines.ndjson")
      try Data("{\"n\":1}\n{\"n\":2}\n".utf8).write(to: lines)
      try await withGateway(["--management", "unix:\(operators)"], socket: path) { gateway in
        let flags = ["--url", await gateway.url, "--data", gateway.data.path()]
        let sent = try await Workplace.run(
          Workplace.jodrell, ["publish", "numbers", lines.path()] + flags)
        #expect(sent.output.hasPrefix("2 stored"), "\(sent.errors)")
        let seen = try await Workplace.run(
          Workplace.jodrell,
          ["tail", "numbers", "--from", "earliest", "--count", "2", "--data-only"] + flags)
        #expect(seen.output == "{\"n\":1}\n{\"n\":2}\n", "\(seen.errors)")
        let token = try await gateway.token()
        let bench = try await Workplace.run(
          Workplace.bench,
          [
            "publish", "--url", await gateway.url, "--topic", "~/load", "--token", token,
            "--connections", "4", "--count", "200",
          ])
        #expect(bench.code == 0, "\(bench.errors)")
        let answer = try await curl([
          "--unix-socket", path, "-H", "Authorization: Bearer \(token)",
          "http://localhost/v1/topics/~/numbers/events?from=earliest&view=data",
        ])
        #expect(answer.output.contains("[{\"n\":1},{\"n\":2}]"), "\(answer.output)")
        let metrics = try await curl(["--unix-socket", operators, "http://localhost/metrics"])
        #expect(metrics.output.contains("jodrell_connections_open"), "\(metrics.errors)")

        // Another gateway cannot have the file; after kill -9 the same one gets it back.
        let second = try await Workplace.run(
          Workplace.jodrell,
          ["serve", "--data", folder.path() + "/other", "--listen", "unix:\(path)"])
        #expect(second.code == 4)
        #expect(second.errors.contains("the address is in use"), "\(second.errors)")
        try await gateway.killNine()
        #expect(FileManager.default.fileExists(atPath: path))
        try await gateway.start()
        let again = try await gateway.send("GET", "/healthz")
        #expect(again.status == 200)
        #expect(try await gateway.terminate() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
      }
    }

    @Test func `the user behind a socket file is what an address is elsewhere`() async throws {
      func terms(_: URL) -> String {
        """
        listen: {http: {address: "unix:j.sock", mode: "0660"}, management: "unix:m.sock"}
        limits: {perAddress: {requests: 2/h, burst: 1h}}
        audit: {file: audit.jsonl, sample: 1}
        """
      }
      let place = try Workplace.directory("socket")
      defer { try? FileManager.default.removeItem(at: place) }
      let path = place.appending(path: "j.sock").path()
      try await withPolicy(terms, socket: path) { gateway, folder in
        let facts = try FileManager.default.attributesOfItem(atPath: path)
        #expect(facts[.posixPermissions] as? Int == 0o660, "the file's terms at another address")
        let token = try await gateway.token()
        var statuses: [Int] = []
        for _ in 0..<3 {
          statuses.append(
            try await gateway.send(
              "POST", "/v1/topics/~/orders/events", token: token, body: "{}"
            ).status)
        }
        #expect(statuses == [201, 201, 429])
        let operators = folder.appending(path: "m.sock").path()
        let health = try await curl(["--unix-socket", operators, "http://localhost/healthz"])
        #expect(health.code == 0, "a path in the file is relative to it: \(health.errors)")
        #expect(try await gateway.terminate() == 0)
        let audit = try String(
          contentsOf: folder.appending(path: "audit.jsonl"), encoding: .utf8)
        #expect(audit.contains("\"peer\":\"unix:\(getuid())\""), "\(audit)")
      }
    }

    /// What comes back to bytes of one's own.
    private func raw(_ text: String, to gateway: GatewayChild) async throws -> String {
      let port = await gateway.port
      return try await Workplace.run(
        URL(filePath: "/bin/bash"),
        ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '%s' \"$1\" >&3; cat <&3", "-", text]
      ).output
    }

    private func publish(_ token: String, _ more: String = "") -> String {
      "POST /v1/topics/~/orders/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(more)"
        + "Authorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
        + "Content-Length: 2\r\n\r\n{}"
    }

    private func status(_ answer: String) -> Int? { Int(answer.dropFirst(9).prefix(3)) }

    private func peers(_ folder: URL) throws -> [String] {
      try String(contentsOf: folder.appending(path: "audit.jsonl"), encoding: .utf8)
        .matches(of: #/"peer":"([^"]*)"/#).map { String($0.1) }
    }

    @Test func `behind the PROXY protocol each client has its own limits and records`() async throws
    {
      func terms(_: URL) -> String {
        """
        listen: {http: {address: "127.0.0.1:1", proxyProtocol: [127.0.0.1]}}
        limits: {perAddress: {requests: 1/h, burst: 1h}}
        audit: {file: audit.jsonl, sample: 1}
        """
      }
      try await withPolicy(terms) { gateway, folder in
        let request = publish(try await gateway.token())
        for (source, expected) in [
          ("192.0.2.1", 201), ("192.0.2.1", 429), ("192.0.2.2", 201),
        ] {
          let header = "PROXY TCP4 \(source) 198.51.100.2 40000 443\r\n"
          #expect(try await status(raw(header + request, to: gateway)) == expected)
        }
        #expect(try await raw(request, to: gateway).isEmpty, "without the header")
        #expect(try await gateway.terminate() == 0)
        #expect(try peers(folder) == ["192.0.2.1", "192.0.2.2"])
      }
    }

    @Test func `a proxy's field names the client, a stranger's nobody`() async throws {
      for (from, expected) in [
        ("127.0.0.1", ["192.0.2.1", "192.0.2.2"]), ("10.0.0.1", ["127.0.0.1"]),
      ] {
        func terms(_: URL) -> String {
          """
          forwarded: {from: ["\(from)"], field: X-Forwarded-For}
          publicURL: "https://events.acme.example"
          limits: {perAddress: {requests: 1/h, burst: 1h}}
          audit: {file: audit.jsonl, sample: 1}
          """
        }
        try await withPolicy(terms) { gateway, folder in
          let token = try await gateway.token()
          var statuses: [Int?] = []
          for client in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            // What stands to its left is the client's own invention.
            let field = "X-Forwarded-For: 203.0.113.\(statuses.count), \(client)\r\n"
            statuses.append(try await status(raw(publish(token, field), to: gateway)))
          }
          #expect(statuses == (expected.count == 2 ? [201, 429, 201] : [201, 429, 429]))
          let refused = try await raw(
            publish("no.token.here", "X-Forwarded-Host: evil.example\r\nForwarded: host=evil\r\n"),
            to: gateway)
          #expect(status(refused) == 401)
          #expect(refused.contains("resource_metadata=\"https://events.acme.example/"))
          #expect(!refused.contains("evil"))
          #expect(try await gateway.terminate() == 0)
          #expect(try peers(folder) == expected + ["127.0.0.1"])
        }
      }
    }
  }
}
