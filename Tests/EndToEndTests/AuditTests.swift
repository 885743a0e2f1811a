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
      // At once: a folder that is emptied first may get a new log before it goes.
      try FileManager.default.moveItem(at: place, to: folder.appending(path: "gone"))
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
