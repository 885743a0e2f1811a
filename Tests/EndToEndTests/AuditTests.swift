import Bytes
import Foundation
import JSONText
import Testing

/// The audit log of a real gateway says who was let in, and shows what was done to it.
extension EndToEnd.Policies {
  @Test func `the audit log is a chain in a file and a topic`() async throws {
    let folder = try Workplace.directory("audit")
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = folder.appending(path: "audit.jsonl")
    try await withPolicy("audit: {file: \"\(log.path())\", topic: true, sample: 1}") { place in
      let gateway = place.gateway
      let token = try await gateway.token()
      let stranger = try await gateway.token(tenant: "nobody")
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
      #expect(try await gateway.send("POST", topic, token: stranger, body: "{}").status == 403)
      #expect(try await gateway.send("POST", topic, token: "a.b.c", body: "{}").status == 401)
      let auditor = try await gateway.token(tenant: "jodrell")
      let copies = try await gateway.follow(
        "/v1/topics/jodrell/audit/decisions/events?from=earliest", token: auditor, count: 3)
      #expect(copies.count == 3)
      let own = "/v1/topics/jodrell/audit/decisions/events"
      #expect(try await gateway.send("POST", own, token: auditor, body: "{}").status == 403)
      #expect(try await gateway.terminate() == 0)
      let text = try String(contentsOf: log, encoding: .utf8)
      #expect(!text.contains(token.suffix(40)))
      let lines = text.split(separator: "\n")
      #expect(lines.count >= 5)
      #expect(try copies[0].json["data"]?.raw.text == String(lines[0]))
      let good = try await audit(log)
      #expect(good.code == 0 && good.output.contains("entries \(lines.count)"))
      // What was written before goes on after a start, cut short by a crash or not.
      try Data((text + "{\"seq\":9").utf8).write(to: log)
      try await gateway.start()
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
      #expect(try await gateway.terminate() == 0)
      let later = try await audit(log)
      #expect(later.code == 0 && later.output.contains("cut short by a crash 1"))
      let altered = text.replacing("\"status\":403", with: "\"status\":200")
      try Data(altered.utf8).write(to: log)
      let bad = try await audit(log)
      #expect(bad.code == 8 && bad.errors.contains("the line was altered"))
      try Data(lines.dropFirst().joined(separator: "\n").utf8).write(to: log)
      #expect(try await audit(log).code == 8)
    }
  }

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

    func verify(_ files: URL..., key: String = "a") async throws -> (code: Int32, text: String) {
      let told = try await Workplace.run(
        Workplace.jodrell,
        ["audit", "verify", "--key", "\(folder.path())/\(key).pem"] + files.map { $0.path() })
      return (told.code, told.output + told.errors)
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
      let start = try await Workplace.run(
        Workplace.jodrell,
        [
          "serve", "-c", place.file.path(), "--data", place.gateway.data.path(), "--listen",
          "127.0.0.1:0",
        ])
      #expect(start.code == 8 && start.errors.contains("it was shortened or replaced"))
      // Without the signed head nobody can tell.
      try FileManager.default.removeItem(at: log.head)
      let blind = try await log.verify(log.file)
      #expect(blind.code == 8 && blind.text.contains("is missing"), "\(blind)")
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

  @Test func `without its audit log a gateway changes nothing, and goes on serving`() async throws {
    let folder = try Workplace.directory("required-audit")
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = folder.appending(path: "logs")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
    let log = place.appending(path: "audit.jsonl")
    try await withPolicy(
      "audit: {file: \"\(log.path())\", required: true, sample: 0}",
      grants: "allow: [{publish: [\"*/*\"], manage: [\"*/*\"]}]"
    ) { policy in
      let gateway = policy.gateway
      let token = try await gateway.token()
      let made = "/v1/topics/public/default/made"
      #expect(try await gateway.send("PUT", made, token: token, body: "{}").status == 201)
      #expect(try String(contentsOf: log, encoding: .utf8).contains("\"outcome\":\"attempt\""))
      try FileManager.default.removeItem(at: place)
      let refused = try await gateway.send("DELETE", made, token: token)
      #expect(refused.status == 503 && refused.text.contains("audit_unavailable"))
      #expect(try await gateway.send("POST", topic, token: token, body: "{}").status == 201)
      #expect(try await gateway.send("GET", made, token: token).status == 200)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
      #expect(try await gateway.send("DELETE", made, token: token).status == 204)
    }
  }

  private func audit(
    _ file: URL
  ) async throws -> (code: Int32, output: String, errors: String) {
    try await Workplace.run(Workplace.jodrell, ["audit", "verify", file.path()])
  }
}
