import Bytes
import Client
import Crypto
import Foundation
import HTTPWire
import JSONText
import Network
import TestSupport
import Testing

/// Where abuse is tried out: a real gateway with two tenants, an issuer on the network that signs
/// RS256 and ES256, limits, and an audit log that leaves nothing out.
struct AbuseGround: Sendable {
  let gateway: GatewayChild
  let issuer: TestIssuer
  /// The issuer's server, which also sees what nobody should ask it.
  let neighbour: HTTPNeighbour
  /// Holds `jodrell.yaml` and `audit.jsonl`.
  let folder: URL

  static var now: UnixTime { UnixTime(seconds: Int64(Date().timeIntervalSince1970)) }

  /// A token of `tenant`'s, with the usual claims altered.
  func token(
    _ claims: [String: Any] = [:], header: [String: Any] = [:], tenant: String = "acme",
    algorithm: SignatureAlgorithm = .es256, lifetime: TimeSpan = .seconds(3600)
  ) throws -> String {
    try issuer.token(
      ["tenant": tenant, "sub": "mallory"].merging(claims) { $1 }, header: header,
      algorithm: algorithm, at: Self.now, lifetime: lifetime
    ).text
  }

  /// Every line of the audit log, once it holds one about the request `id`.
  func audit(until id: String) async throws -> [String: JSONNode] {
    let file = folder.appending(path: "audit.jsonl")
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      if text.contains(id) {
        var lines: [String: JSONNode] = [:]
        for line in text.split(separator: "\n") {
          let node = try JSONDocument(parsing: ByteSlice(utf8: String(line))).root
          lines[node["request"]?.text ?? ""] = node
        }
        return lines
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("the audit log has no line about \(id)")
    return [:]
  }

  private static func settings(
    _ issuer: TestIssuer, _ neighbour: HTTPNeighbour, issuers: String, mappings: String,
    more: String
  ) -> String {
    """
    publicURL: "https://events.example"
    issuers:
      - {id: remote, iss: "\(issuer.iss)", audiences: [\(issuer.audience)],
         algorithms: [RS256, ES256],
         keys: {url: "\(neighbour.url)/keys", addresses: [127.0.0.1]}}
      \(issuers)
    tenants:
      acme: {}
      globex: {limits: {publishRate: 50/s, perPrincipal: {streams: 2}}}
    mappings:
      - {id: staff, issuer: remote, when: {"/tenant": {exists: true}}, tenant: "{/tenant}",
         namespace: shop, principal: "{/sub}",
         allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
      - {id: readers, issuer: remote, when: {"/reader": {exists: true}}, tenant: "{/reader}",
         namespace: shop, principal: "{/sub}", allow: [{subscribe: ["*/*"]}]}
      - {id: owners, issuer: remote, when: {"/owner": {exists: true}}, tenant: "{/owner}",
         namespace: shop, principal: "{/sub}", allow: [{admin: ["*/*"]}]}
      \(mappings)
    crossOrigin: {origins: ["https://app.example"]}
    audit: {file: audit.jsonl, sample: 1}
    \(more)
    """
  }

  /// Runs `body` on fresh ground, once the gateway has its issuer's keys.
  ///
  /// - Parameters:
  ///   - issuers: further elements of the settings' `issuers`.
  ///   - more: further members of the settings.
  ///   - mappings: further elements of its `mappings`.
  ///   - neighbour: answers instead of one that has the key set alone; stopped at the end.
  static func run(
    issuers: String = "", mappings: String = "", more: String = "",
    neighbour: HTTPNeighbour? = nil, _ body: (AbuseGround) async throws -> Void
  ) async throws {
    let issuer = TestIssuer(id: "remote")
    let keys = try TestIssuer.keySet([.rs256, .es256]).text
    let server = try neighbour ?? HTTPNeighbour()
    defer { server.stop() }
    if neighbour == nil { server.answer { _ in .init(keys) } }
    let folder = try Workplace.directory("abuse")
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "jodrell.yaml")
    try Data(settings(issuer, server, issuers: issuers, mappings: mappings, more: more).utf8)
      .write(to: file)
    try await withGateway(["-c", file.path(), "--management", "127.0.0.1:0"]) { gateway in
      let end = ContinuousClock().now + .seconds(600)
      while try await gateway.send("GET", "/readyz").status != 200, ContinuousClock().now < end {
        try await Task.sleep(for: .milliseconds(20))
      }
      try await body(
        AbuseGround(gateway: gateway, issuer: issuer, neighbour: server, folder: folder))
    }
  }
}

extension GatewayChild {
  /// The operators' listener, of a gateway that was started with `--management`.
  var management: String {
    get throws {
      let told = logText.matches(of: #/"management":"([0-9.:]+)"/#).last
      return "http://\(try #require(told).1)"
    }
  }

  /// What the operators' listener answers to a GET.
  func observed(_ path: String) async throws -> String {
    try await Workplace.run(URL(filePath: "/usr/bin/curl"), ["-sS", try management + path]).output
  }

  /// Waits until `path` on the operators' listener says `words`; whether it did within ten minutes.
  func observes(_ words: String, at path: String) async throws -> Bool {
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      if try await observed(path).contains(words) { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    return false
  }

  /// Sends bytes as they are on a connection of their own; the answer, and whether the connection
  /// is closed after it.
  func exchange(
    _ bytes: ByteSlice, isHead: Bool = false
  ) async throws -> (answer: Answer, isClosed: Bool) {
    let endpoint = try Endpoint(url)
    return try await loop.run { loop in
      let connection = try await HTTPConnection.open(endpoint, on: loop)
      defer { connection.close(on: loop) }
      let answer = try await connection.exchange(bytes, isHead: isHead)
      var isClosed = !answer.keepsConnection
      if isClosed {
        // Nothing more comes: not an answer to what stands behind a refused request.
        do throws(ClientFault) {
          _ = try await connection.readHead(within: .seconds(30))
          isClosed = false
        } catch {
          isClosed = error == .connectionLost
        }
      }
      return (Answer(answer), isClosed)
    }
  }
}
