import Bytes
import Foundation
import Glibc
import TestSupport
import Testing

/// `listen.https`: a real gateway, met by its own commands and by other people's programs.
extension EndToEnd {
  @Suite struct TLS {
    /// A gateway whose data directory has a development issuer and whose policy trusts it.
    private func withSecureGateway(
      _ authority: TestAuthority, _ more: String = "",
      _ body: (GatewayChild, Int) async throws -> Void
    ) async throws {
      try await withGateway { first in
        _ = try await first.token()
        #expect(try await first.terminate() == 0)
        let file = authority.folder.appending(path: "jodrell.yaml")
        try Data(settings(keys: first.data.path() + "/development-keys.json", more).utf8)
          .write(to: file)
        let arguments = ["-c", file.path(), "--management", "127.0.0.1:0"]
        try await withGateway(arguments, data: first.data) { gateway in
          let ready = try #require(
            await gateway.logText.firstMatch(of: #/"https":"127.0.0.1:(\d+)"/#))
          try await body(gateway, #require(Int(ready.1)))
        }
      }
    }

    private func settings(keys: String, _ more: String) -> String {
      """
      listen:
        https:
          address: "127.0.0.1:0"
          certificate: server.pem
          key: server.key
          \(more)
      issuers:
        - {id: development, iss: "urn:jodrell:development", audiences: [jodrell],
           algorithms: [ES256], keys: {file: "\(keys)"}}
      tenants: {public: {}}
      mappings:
        - id: everything
          issuer: development
          when: {"/tenant": {eq: public}}
          tenant: public
          namespace: default
          principal: "{/sub}"
          allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}, {admin: ["*/*"]}]
      """
    }

    private func run(
      _ program: String, _ arguments: [String]
    ) async throws -> (code: Int32, output: String, errors: String) {
      let url = program == "jodrell" ? Workplace.jodrell : URL(filePath: "/usr/bin/\(program)")
      return try await Workplace.run(url, arguments)
    }

    /// What a handshake tells, with a request that ends the connection: by its answer a ticket of
    /// TLS 1.3 has come in.
    private func handshake(_ port: Int, _ options: [String]) async throws -> String {
      let client = ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-ign_eof"] + options
      let request = "printf 'GET /healthz HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'"
      let words = client.map { "'\($0)'" }.joined(separator: " ")
      let told = try await run("sh", ["-c", "\(request) | timeout 120 \(words)"])
      return told.output + told.errors
    }

    private func metrics(_ gateway: GatewayChild) async throws -> String {
      let told = await gateway.logText.firstMatch(of: #/"management":"([0-9.:]+)"/#)
      return try await run("curl", ["-sS", "http://\(try #require(told).1)/metrics"]).output
    }

    /// Waits until `holds`, at most ten minutes; what follows judges it.
    private func wait(until holds: () async throws -> Bool) async throws {
      let end = ContinuousClock().now + .seconds(600)
      while try await !holds(), ContinuousClock().now < end {
        try await Task.sleep(for: .milliseconds(20))
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `commands publish and read over TLS, and other programs shake hands`() async throws {
      let authority = try TestAuthority()
      try authority.sign("server", hosts: "DNS:localhost,IP:127.0.0.1")
      try await withSecureGateway(authority) { gateway, port in
        let token = try await gateway.token()
        let flags = [
          "--url", "https://127.0.0.1:\(port)", "--token", token, "--ca",
          authority.path("ca.pem"),
        ]
        let lines = authority.folder.appending(path: "lines.ndjson")
        try Data("{\"n\":1}\n{\"n\":2}\n".utf8).write(to: lines)
        let sent = try await run("jodrell", ["publish", "secure", lines.path()] + flags)
        #expect(sent.code == 0, "\(sent.errors)")
        let seen = try await run(
          "jodrell",
          ["tail", "secure", "--from", "earliest", "--count", "2", "--data-only"] + flags)
        #expect(seen.output == "{\"n\":1}\n{\"n\":2}\n", "\(seen.errors)")
        // The system's authorities have not signed it.
        let doubtful = try await run("jodrell", ["topics"] + flags.dropLast(2))
        #expect(doubtful.code == 1)
        #expect(doubtful.errors.contains("no certificate that we trust"))

        let url = "https://localhost:\(port)/healthz"
        let curl = try await run(
          "curl",
          [
            "-sS", "--cacert", authority.path("ca.pem"), "-o", "/dev/null", "-w",
            "%{http_code}", url,
          ])
        #expect(curl.output == "200", "\(curl.errors)")
        let clear = try await run("curl", ["-sS", "http://localhost:\(port)/healthz"])
        #expect(clear.output.contains("this port speaks TLS"))

        let ticket = authority.path("ticket")
        for version in ["-tls1_2", "-tls1_3"] {
          let first = try await handshake(
            port, [version, "-sess_out", ticket, "-alpn", "http/1.1"])
          #expect(first.contains("ALPN protocol: http/1.1"))
          #expect(first.contains("New, TLSv1"))
          let again = try await handshake(port, [version, "-sess_in", ticket])
          #expect(again.contains("Reused, TLSv1"))
        }
        #expect(try await handshake(port, ["-alpn", "smtp"]).contains("no application protocol"))
        #expect(
          try await handshake(port, ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"])
            .contains("New, (NONE)"))
        let metrics = try await metrics(gateway)
        let gauge = "jodrell_tls_certificate_expiry_seconds{certificate=\"server.pem\"} 1"
        #expect(metrics.contains(gauge))
        #expect(metrics.contains("jodrell_tls_handshakes_total{result=\"resumed\"} 2"))
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `other certificate files are taken with the policy, or refused with it`() async throws {
      let authority = try TestAuthority()
      try authority.sign("server", hosts: "IP:127.0.0.1")
      try authority.sign("other", hosts: "IP:127.0.0.1")
      try await withSecureGateway(authority, "") { gateway, port in
        func certificate() async throws -> String {
          let told = try await handshake(port, ["-showcerts"])
          return told.firstMatch(of: #/-----BEGIN CERT(?s:.*?)-----END/#).map { String($0.0) } ?? ""
        }
        let first = try await certificate()
        let file = authority.folder.appending(path: "jodrell.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        func write(_ certificate: String, _ key: String) throws {
          try Data(
            text.replacing("server.pem", with: certificate).replacing("server.key", with: key).utf8
          ).write(to: file, options: .atomic)
        }
        try write("other.pem", "server.key")
        try await wait { await gateway.logText.contains("policy refused") }
        #expect(await gateway.logText.contains("the private key is not the certificate's"))
        #expect(try await certificate() == first)
        try write("other.pem", "other.key")
        try await wait { await gateway.logText.contains("policy taken") }
        let second = try await certificate()
        #expect(second != first && !second.isEmpty)
        #expect(!(await gateway.logText).contains("take effect at the next start"))
        // They are watched where they lie now.
        try authority.sign("other", hosts: "IP:127.0.0.1")
        try await wait { try await certificate() != second }
        #expect(try await certificate() != second)
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `changed certificates are taken by themselves, bad ones are not, and nobody is cut`()
      async throws
    {
      let authority = try TestAuthority()
      try authority.sign("server", hosts: "IP:127.0.0.1", days: 5)
      try await withSecureGateway(authority, "maxKeyAge: 2d") { gateway, port in
        let token = try await gateway.token()
        func serial() async throws -> String {
          let told = try await handshake(port, ["-showcerts"])
          return told.firstMatch(of: #/-----BEGIN CERT(?s:.*?)-----END/#).map { String($0.0) } ?? ""
        }
        func metric(_ result: String) async throws -> String? {
          try await metrics(gateway)
            .split(separator: "\n").first { $0.contains("reloads_total{result=\"\(result)\"}") }
            .flatMap { $0.split(separator: " ").last }.map(String.init)
        }
        #expect(await gateway.logText.contains("certificate ends soon"))
        let first = try await serial()
        _ = try await gateway.send(
          "POST", "/v1/topics/~/kept/events", token: token, body: "{\"before\":\"change\"}")
        // A stream that is open all the while.
        let received = authority.folder.appending(path: "stream")
        let stream = try ChildProgram(
          "curl",
          [
            "-sSN", "--cacert", authority.path("ca.pem"), "-H", "Authorization: Bearer \(token)",
            "-H", "Accept: text/event-stream", "https://127.0.0.1:\(port)/v1/topics/~/kept/events",
          ], output: received)
        defer { stream.signal(SIGTERM) }
        func streamed(_ text: String) -> Bool {
          (try? String(contentsOf: received, encoding: .utf8))?.contains(text) == true
        }
        try await wait { streamed("retry:") }
        #expect(streamed("retry:"))

        // A certificate without its key, seen by itself.
        let certificate = try Data(contentsOf: authority.folder.appending(path: "server.pem"))
        let other = try TestAuthority()
        try other.sign("server", hosts: "IP:127.0.0.1")
        try Data(other.bytes("server.pem").array)
          .write(to: authority.folder.appending(path: "server.pem"))
        try await wait { try await metric("refused") == "1" }
        #expect(try await metric("refused") == "1")
        #expect(await gateway.logText.contains("the private key is not the certificate's"))
        #expect(try await serial() == first)
        try certificate.write(to: authority.folder.appending(path: "server.pem"))
        try await wait { try await metric("taken") == "1" }

        // A key for all to read, and asked for.
        _ = unsafe chmod(authority.path("server.key"), 0o644)
        kill(await gateway.pid, SIGHUP)
        try await wait { try await metric("refused") != "1" }
        #expect(await gateway.logText.contains("can be used by others"))
        _ = unsafe chmod(authority.path("server.key"), 0o600)

        try authority.sign("server", hosts: "IP:127.0.0.1")
        kill(await gateway.pid, SIGHUP)
        try await wait { try await serial() != first }
        #expect(try await serial() != first)
        let sent = try await gateway.send(
          "POST", "/v1/topics/~/kept/events", token: token, body: "{\"after\":\"change\"}")
        #expect(sent.status == 201)
        try await wait { streamed("after") }
        #expect(streamed("after"))
      }
    }

    @Test func `check and serve say what is wrong with certificates`() async throws {
      let authority = try TestAuthority()
      try authority.sign("server", hosts: "IP:127.0.0.1")
      try authority.sign("other", hosts: "IP:127.0.0.1")
      let file = authority.folder.appending(path: "jodrell.yaml")
      func check(_ certificate: String, _ key: String) async throws -> (Int32, String) {
        try Data(
          "listen: {https: {address: \"127.0.0.1:0\", certificate: \(certificate), key: \(key)}}"
            .utf8
        ).write(to: file)
        let checked = try await run("jodrell", ["check", "-c", file.path()])
        return (checked.code, checked.output + checked.errors)
      }
      let good = try await check("server.pem", "server.key")
      #expect(good.0 == 0)
      #expect(good.1.contains("certificates good until 20"))
      for (certificate, key, words) in [
        ("server.pem", "other.key", "the private key is not the certificate's"),
        ("none.pem", "server.key", "none.pem: No such file"),
        ("server.pem", "none.key", "none.key: No such file"),
        ("server.key", "server.key", "no certificate in PEM"),
        ("server.pem", "ca.pem", "can be used by others"),
      ] {
        let bad = try await check(certificate, key)
        #expect(bad.0 == 3)
        #expect(bad.1.contains(words), "\(bad.1)")
        #expect(bad.1.contains("jodrell.yaml:1:"))
      }
    }
  }
}
