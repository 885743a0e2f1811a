import Foundation
import Testing

/// The commands as a person runs them: real processes, their exit codes and what they print.
extension EndToEnd {
  @Suite struct CommandLine {
    private func run(
      _ words: [String], environment: [String: String] = [:]
    ) async throws -> (code: Int32, output: String, errors: String) {
      try await Workplace.run(Workplace.jodrell, words, environment: environment)
    }

    @Test func `the demonstration shows every step and leaves nothing behind`() async throws {
      let place = try Workplace.directory("demo")
      defer { try? FileManager.default.removeItem(at: place) }
      let demo = try await run(["demo", "--fast"])
      #expect(demo.code == 0, "\(demo.output)\(demo.errors)")
      for words in [
        "ready at", "422 names", "404 for both", "in order, none twice",
        "acknowledged once", "every acknowledged event is there", "delivery:", "All of it held",
      ] {
        #expect(demo.output.contains(words), "\(words)")
      }
      let directory = demo.output.firstMatch(of: #/--data (\S+)\/data/#).map { String($0.1) }
      let path = try #require(directory)
      #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: ["crc32c6Extend", "`_Znam'", "`_ZdaPv'"])
    func `RocksDB is bound to the program's checksum and its blocks`(name: String) async throws {
      // ld.so(8): every binding that the dynamic linker makes, on standard error.
      let started = try await run(
        ["--version"], environment: ["LD_DEBUG": "bindings", "LD_BIND_NOW": "1"])
      let bound = started.errors.split(separator: "\n").filter {
        $0.contains("librocksdb") && $0.contains(name)
      }
      #expect(!bound.isEmpty)
      for line in bound { #expect(line.contains(#/librocksdb\S+ \[0\] to \S*jodrell \[0\]/#)) }
    }

    @Test func `what publish sends is what tail shows`() async throws {
      try await withGateway { gateway in
        let place = try Workplace.directory("files")
        defer { try? FileManager.default.removeItem(at: place) }
        let lines = place.appending(path: "lines.ndjson")
        try Data("{\"n\":1}\n\n{\"n\":2}\n{bad\n{\"n\":3}".utf8).write(to: lines)
        let gatewayFlags = ["--url", await gateway.url, "--data", gateway.data.path()]
        let sent = try await run(["publish", "numbers", lines.path()] + gatewayFlags)
        #expect(sent.code == 1)
        #expect(sent.output.hasPrefix("3 stored, 1 refused"))
        #expect(sent.errors.contains("line 4: 400"))
        let seen = try await run(
          ["tail", "numbers", "--from", "earliest", "--count", "3", "--data-only"] + gatewayFlags)
        #expect(seen.code == 0)
        #expect(seen.output == "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
        let listed = try await run(["topics"] + gatewayFlags)
        #expect(listed.output.contains(#/numbers +3 /#))
        let inUse = try await run(["inspect", "--data", gateway.data.path()])
        #expect(inUse.code == 5)
        #expect(try await gateway.terminate() == 0)
        let found = try await run(["inspect", "--verify", "--data", gateway.data.path()])
        #expect(found.code == 0)
        #expect(found.output.contains("public/default/numbers"))
        #expect(found.output.contains("none damaged"))
      }
    }

    @Test func `a line that is too long for an event is refused alone, by its number`()
      async throws
    {
      try await withGateway { gateway in
        let place = try Workplace.directory("long")
        defer { try? FileManager.default.removeItem(at: place) }
        let lines = place.appending(path: "lines.ndjson")
        let long = String(repeating: "x", count: 3 << 20)
        try Data("{\"n\":1}\n\n\"\(long)\"\n{\"n\":2}".utf8).write(to: lines)
        let flags = ["--url", await gateway.url, "--data", gateway.data.path()]
        let sent = try await run(["publish", "numbers", lines.path()] + flags)
        #expect(sent.code == 1)
        #expect(sent.output.hasPrefix("2 stored, 1 refused"))
        #expect(sent.errors.contains("line 3: not sent"))
      }
    }

    @Test func `tail fails when its output cannot be written`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let sent = try await gateway.send(
          "POST", "/v1/topics/~/numbers/events", token: token, body: "{}")
        #expect(sent.status == 201)
        let tail = [
          Workplace.jodrell.path(), "tail", "numbers", "--from", "earliest", "--count", "1",
          "--url", await gateway.url, "--data", gateway.data.path(),
        ]
        let full = try await Workplace.run(
          URL(filePath: "/bin/sh"), ["-c", #"exec "$0" "$@" > /dev/full"#] + tail)
        #expect(full.code == 1)
        #expect(full.errors.contains("standard output: No space left on device"))
        #expect(full.errors.contains("no event was shown"))
      }
    }

    @Test func `schema says offline what the gateway says of the same payload`() async throws {
      try await withGateway { gateway in
        let place = try Workplace.directory("schema")
        defer { try? FileManager.default.removeItem(at: place) }
        let schema = place.appending(path: "order.schema.json")
        let text = #"{"additionalProperties":false,"properties":{"total":{"minimum":0}}}"#
        try Data(text.utf8).write(to: schema)
        let lines = place.appending(path: "orders.ndjson")
        try Data("{\"total\":1}\n\n{\"totla\":7734}\n{\"total\":,}\n".utf8).write(to: lines)
        let offline = try await run(
          ["schema", "validate", schema.path(), lines.path(), "--lines", "--json"])
        #expect(offline.code == 1 && offline.errors.isEmpty)
        #expect(!offline.output.contains("7734"))

        let token = try await gateway.token(allow: "publish,manage")
        let topic = "/v1/topics/~/orders"
        let put = try await gateway.send(
          "PUT", topic + "/schema", token: token, body: text, type: "application/schema+json")
        #expect(put.status == 201)
        let answer = try await gateway.send(
          "POST", topic + "/events", token: token,
          body: try String(contentsOf: lines, encoding: .utf8), type: "application/x-ndjson")
        #expect(answer.status == 207)
        let told = offline.output.split(separator: "\n")
        #expect(told.count == 3 && told[2] == #"{"checked":3,"refused":2}"#)
        let errors = #/"errors":\[.*?\]/#
        #expect(
          told.prefix(2).compactMap { $0.firstMatch(of: errors)?.output }
            == answer.text.matches(of: errors).map(\.output))

        let shown = try await run(["schema", "validate", schema.path(), lines.path(), "--lines"])
        #expect(shown.output == "1 good, 2 refused\n")
        #expect(shown.errors.contains("/totla is not a known property (did you mean 'total'?)"))
        #expect(shown.errors.contains("line 3, column 10; #/additionalProperties"))
      }
    }

    @Test func `check finds secrets and the audit log, and warns of what another machine has`()
      async throws
    {
      let place = try Workplace.directory("check")
      defer { try? FileManager.default.removeItem(at: place) }
      let file = place.appending(path: "jodrell.yaml")
      func check(
        secret: String = "env:JODRELL_TEST_SECRET", client: String = "env:JODRELL_TEST_CLIENT",
        key: String = "env:JODRELL_TEST_KEY", log: String = "logs/audit.jsonl",
        _ environment: [String: String] = [:]
      ) async throws -> (code: Int32, output: String, errors: String) {
        let text = """
          issuers:
            - {id: own, iss: own, audiences: [a], algorithms: [HS256], keys: {secret: "\(secret)"}}
            - {id: asked, iss: asked, audiences: [a], introspection: {url: "https://idp.example/i",
               clientID: g, clientSecret: "\(client)"}}
          audit: {file: "\(log)", signature: {key: "\(key)"}}
          """
        try Data(text.utf8).write(to: file)
        return try await run(["check", "-c", file.path()], environment: environment)
      }
      let elsewhere = try await check()
      #expect(elsewhere.code == 0, "\(elsewhere.errors)")
      for words in ["SECRET here", "CLIENT here", "KEY here", "logs: No such file"] {
        #expect(elsewhere.errors.contains(words), "\(words): \(elsewhere.errors)")
      }
      #expect(elsewhere.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("warning: ") })
      let served = try await run(["serve", "-c", file.path(), "--data", place.path() + "/data"])
      #expect(served.code == 3, "\(served.errors)")
      // What is there is looked at: a secret that is too short, a file that is none or no key.
      let short = try await check(["JODRELL_TEST_SECRET": "short"])
      #expect(short.code == 3 && short.errors.contains("jodrell.yaml:2:"), "\(short.errors)")
      let absent = try await check(client: "file:absent")
      #expect(absent.code == 3 && absent.errors.contains("issuer asked"), "\(absent.errors)")
      let wrong = try await check(key: "file:jodrell.yaml")
      #expect(wrong.code == 3 && wrong.errors.contains("audit.signature.key"), "\(wrong.errors)")
      let good = try await check(
        key: "cmd:openssl genpkey -algorithm ed25519", log: "audit.jsonl",
        [
          "JODRELL_TEST_SECRET": "k9f2Lw07qPz8Xc51Vb34Nm6RtYuHgJdS", "JODRELL_TEST_CLIENT": "c",
        ])
      #expect(good.code == 0 && good.errors.isEmpty, "\(good.errors)")
      let made = try FileManager.default.contentsOfDirectory(atPath: place.path())
      #expect(made == ["jodrell.yaml"])
    }

    @Test func `the bench tool goes by the variables of the other commands`() async throws {
      try await withGateway { gateway in
        let words = ["publish", "--topic", "~/orders", "--count", "3", "--quiet", "--json"]
        let (url, token) = (await gateway.url, try await gateway.token())
        let sent = try await Workplace.run(
          Workplace.bench, words, environment: ["JODRELL_URL": url, "JODRELL_TOKEN": token])
        #expect(sent.code == 0, "\(sent.errors)")
        let figures = try JSONSerialization.jsonObject(with: Data(sent.output.utf8))
        let statuses = (figures as? [String: Any])?["statuses"] as? [String: Int]
        #expect(statuses == ["201": 3])
        let authorities = try await Workplace.run(
          Workplace.bench, words,
          environment: ["JODRELL_URL": url, "JODRELL_CA": gateway.data.path() + "/absent.pem"])
        #expect(authorities.code == 64 && authorities.errors.contains("absent.pem"))
      }
    }

    @Test func `a gateway that cannot serve says why in one line and by its exit code`()
      async throws
    {
      let place = try Workplace.directory("refused")
      defer { try? FileManager.default.removeItem(at: place) }
      let empty = place.appending(path: "empty.yaml").path()
      try Data().write(to: URL(filePath: empty))
      let data = place.appending(path: "data").path()
      let shared = place.appending(path: "shared").path()
      let proxied = place.appending(path: "proxied.yaml").path()
      try Data("listen: {http: {address: '127.0.0.1:0', proxyProtocol: ['::1']}}".utf8)
        .write(to: URL(filePath: proxied))
      let file = place.appending(path: "j.sock").path()
      for (words, code) in [
        (["serve", "-c", proxied, "--data", data, "--listen", "unix:\(file)"], 64),
        (["serve", "-c", empty], 3), (["serve", "-c", empty + ".absent"], 3),
        (["check", "-c", empty], 3), (["serve", "--listen", "0.0.0.0:0"], 64),
        (["serve", "--unknown"], 64), (["frobnicate"], 64), (["inspect", "--data", data], 9),
        (["token", "--data", data], 9), (["publish", "t", empty + ".absent"], 1),
        (
          [
            "serve", "--data", shared, "--listen", "127.0.0.1:8080", "--management",
            "localhost:8080",
          ], 64
        ),
      ] as [([String], Int32)] {
        let refused = try await run(words)
        #expect(refused.code == code, "\(words)")
        #expect(refused.output.isEmpty, "\(words)")
        #expect(refused.errors.hasPrefix("jodrell"), "\(words)")
        #expect(refused.errors.split(separator: "\n").count <= 2, "\(words)")
      }
    }
  }
}
