import Foundation
import Testing

/// A signed audit log of a real gateway: what a key's holder can tell, and what is never signed.
extension EndToEnd.Policies {
  /// A log that is signed, and the commands that look at it.
  private struct SignedLog {
    let folder: URL
    let file: URL

    /// With keys `a` and `b`; the gateway has `a`.
    init() async throws {
      folder = try Workplace.directory("signed-audit")
      file = folder.appending(path: "audit.jsonl")
      for key in ["a", "b"] {
        let path = folder.path() + "/\(key)"
        for arguments in [
          ["genpkey", "-algorithm", "ed25519", "-out", "\(path).key"],
          ["pkey", "-in", "\(path).key", "-pubout", "-out", "\(path).pem"],
        ] {
          let made = try await Workplace.run(URL(filePath: "/usr/bin/openssl"), arguments)
          try #require(made.code == 0)
        }
      }
    }

    var settings: String {
      "audit: {file: \"\(file.path())\", topic: true, required: true, sample: 1, "
        + "signature: {key: \"file:\(folder.path())/a.key\", every: 1s}}"
    }

    var head: URL { folder.appending(path: "audit.jsonl.head") }

    func verify(
      _ files: URL..., key: String = "a", flags: [String] = []
    ) async throws -> (code: Int32, text: String) {
      let told = try await Workplace.run(
        Workplace.jodrell,
        ["audit", "verify", "--key", "\(folder.path())/\(key).pem"] + flags
          + files.map { $0.path() })
      return (told.code, told.output + told.errors)
    }

    /// A start that is to be refused: its exit code, and what it says.
    func start(_ place: Place) async throws -> (code: Int32, text: String) {
      let told = try await Workplace.run(
        Workplace.jodrell,
        [
          "serve", "-c", place.file.path(), "--data", place.gateway.data.path(), "--listen",
          "127.0.0.1:0",
        ])
      return (told.code, told.errors)
    }

    /// Until what is in a file of the log is as it should be.
    func until(_ file: URL, _ holds: ([Substring]) -> Bool) async throws {
      let end = ContinuousClock().now + .seconds(600)
      while true {
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        if holds(text.split(separator: "\n")) { return }
        try #require(ContinuousClock().now < end)
        try await Task.sleep(for: .milliseconds(10))
      }
    }

    func write(_ lines: some Sequence<String>, to file: URL) throws {
      try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: file)
    }
  }

  /// Publishes once for each entry that is wanted, and ends the gateway.
  private func serve(_ gateway: GatewayChild, requests: Int) async throws {
    let token = try await gateway.token()
    for _ in 0..<requests {
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
    }
    #expect(try await gateway.terminate() == 0)
  }

  @Test func `signatures tell who wrote the audit log and whether it ends here`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    try await withPolicy(log.settings) { place in
      try await serve(place.gateway, requests: 3)
      let text = try String(contentsOf: log.file, encoding: .utf8)
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines.last?.contains("\"signed\":") == true)
      let good = try await log.verify(log.file)
      #expect(good.code == 0 && good.text.contains("head signed"), "\(good)")
      let other = try await log.verify(log.file, key: "b")
      #expect(other.code == 8 && other.text.contains("not this key's"), "\(other)")

      // The end is cut off.
      try log.write(lines.dropLast(), to: log.file)
      let cut = try await log.verify(log.file)
      #expect(cut.code == 8 && cut.text.contains("the end is missing"), "\(cut)")
      // A gateway does not go on with it, either.
      let short = try await log.start(place)
      #expect(short.code == 8 && short.text.contains("it was shortened or replaced"))
      // A head that is not ours is none to go on behind, nor is a log without one.
      let head = try String(contentsOf: log.head, encoding: .utf8)
      try Data(head.replacing("\"time\":\"20", with: "\"time\":\"19").utf8).write(to: log.head)
      let forged = try await log.start(place)
      #expect(forged.code == 8 && forged.text.contains("signature of its head is wrong"))
      let name = try #require(head.firstMatch(of: #/"key":"([0-9a-f]+)"/#)).1
      try Data(head.replacing(name, with: "0123456789abcdef").utf8).write(to: log.head)
      let foreign = try await log.start(place)
      #expect(foreign.code == 8 && foreign.text.contains("signed by another key"), "\(foreign)")
      // Without the signed head nobody can tell.
      try FileManager.default.removeItem(at: log.head)
      let blind = try await log.verify(log.file)
      #expect(blind.code == 8 && blind.text.contains("is missing"), "\(blind)")
      let headless = try await log.start(place)
      #expect(headless.code == 8 && headless.text.contains("no signed head"), "\(headless)")
    }
  }

  @Test func `a running gateway does not sign over an audit log that was cut`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    let grants = "allow: [{publish: [\"*/*\"]}, {manage: [\"*/*\"]}]"
    try await withPolicy(log.settings, grants: grants) { place in
      let gateway = place.gateway
      let token = try await gateway.token()
      let made = "/v1/topics/public/default/made"
      for _ in 0..<3 {
        let answer = try await gateway.send("PUT", made, token: token, body: "{}")
        #expect(answer.status == 201 || answer.status == 200)
      }
      // Signed, so that nothing more is written by itself.
      try await log.until(log.file) { lines in
        lines.count { $0.contains("\"outcome\":\"allow\"") } == 3
          && lines.last?.contains("\"signed\":") == true
      }
      let whole = try String(contentsOf: log.file, encoding: .utf8)
      let lines = whole.split(separator: "\n").map(String.init)
      // In place, as who cuts it would: of the shorter log and of none alike nothing is signed.
      for rest in [Array(lines.prefix(2)), []] {
        try log.write(rest, to: log.file)
        let refused = try await gateway.send("DELETE", made, token: token)
        #expect(refused.status == 503 && refused.text.contains("audit_unavailable"))
        let left = try String(contentsOf: log.file, encoding: .utf8)
        #expect(left.split(separator: "\n").map(String.init) == rest)
      }
      try await place.untilLogged("it was shortened or replaced")
      // What was cut can be moved away; the file that follows says where it should have ended.
      let old = log.folder.appending(path: "audit.jsonl.1")
      try log.write(lines.prefix(2), to: log.file)
      try FileManager.default.moveItem(at: log.file, to: old)
      #expect(try await gateway.send("DELETE", made, token: token).status == 204)
      #expect(try await gateway.terminate() == 0)
      let cut = try await log.verify(old, log.file)
      #expect(cut.code == 8 && cut.text.contains("the end is missing"), "\(cut)")
    }
  }

  @Test func `an audit log that was emptied follows what is not there`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    try await withPolicy(log.settings) { place in
      try await serve(place.gateway, requests: 2)
      try log.write([], to: log.file)
      try await place.gateway.start()
      try await serve(place.gateway, requests: 1)
      let empty = try await log.verify(log.file)
      #expect(empty.code == 8 && empty.text.contains("follows entry"), "\(empty)")
      let partial = try await log.verify(log.file, flags: ["--partial"])
      #expect(partial.code == 0 && partial.text.contains("not given"), "\(partial)")
    }
  }

  @Test func `a signed log that is moved away after a kill is whole`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    let old = log.folder.appending(path: "audit.jsonl.1")
    try await withPolicy(log.settings) { place in
      try await serve(place.gateway, requests: 1)
      let head = try Data(contentsOf: log.head)
      let lines = try String(contentsOf: log.file, encoding: .utf8).split(separator: "\n").count
      try await place.gateway.start()
      let token = try await place.gateway.token()
      #expect(try await place.gateway.send("POST", topic, token: token, body: "{}").status == 201)
      try await log.until(log.file) { $0.count > lines }
      try await place.gateway.killNine()
      // The head is up to a second behind: here by all that the second run has written.
      try head.write(to: log.head)
      try FileManager.default.moveItem(at: log.file, to: old)
      try await place.gateway.start()
      try await serve(place.gateway, requests: 1)
      let both = try await log.verify(old, log.file)
      #expect(both.code == 0 && both.text.contains("entries behind it"), "\(both)")
    }
  }

  @Test func `a kill right after a log was moved away does not stop the next start`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    let old = log.folder.appending(path: "audit.jsonl.1")
    try await withPolicy(log.settings) { place in
      let gateway = place.gateway
      let token = try await gateway.token()
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
      try await log.until(log.file) { $0.last?.contains("\"signed\":") == true }
      try FileManager.default.moveItem(at: log.file, to: old)
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
      try await log.until(log.file) { $0.first?.contains("\"after\":") == true }
      try await gateway.killNine()
      try await gateway.start()
      try await serve(gateway, requests: 1)
      let both = try await log.verify(old, log.file)
      #expect(both.code == 0, "\(both)")
    }
  }

  @Test func `a signed log that is moved away is followed by one that says where it ended`()
    async throws
  {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    let old = log.folder.appending(path: "audit.jsonl.1")
    try await withPolicy(log.settings) { place in
      try await serve(place.gateway, requests: 3)
      try FileManager.default.moveItem(at: log.file, to: old)
      try await place.gateway.start()
      try await serve(place.gateway, requests: 1)
      let both = try await log.verify(old, log.file)
      #expect(both.code == 0, "\(both)")
      let lines = try String(contentsOf: old, encoding: .utf8).split(separator: "\n")
      try log.write(lines.dropLast(2).map(String.init), to: old)
      let short = try await log.verify(old, log.file)
      #expect(short.code == 8 && short.text.contains("the end is missing"), "\(short)")
    }
  }

  @Test func `another log is not gone on with, however long it is`() async throws {
    let log = try await SignedLog()
    defer { try? FileManager.default.removeItem(at: log.folder) }
    try await withPolicy(log.settings) { place in
      try await serve(place.gateway, requests: 1)
      let head = try Data(contentsOf: log.head)
      for file in [log.file, log.head] { try FileManager.default.removeItem(at: file) }
      try await place.gateway.start()
      try await serve(place.gateway, requests: 5)
      try head.write(to: log.head)
      let start = try await log.start(place)
      #expect(start.code == 8 && start.text.contains("it was shortened or replaced"), "\(start)")
    }
  }
}
