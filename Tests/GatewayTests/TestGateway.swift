import Authentication
import Bytes
import Crypto
import Delivery
import Foundation
import HTTPWire
import LogConformance
import Metrics
import Settings
import Tenancy
import TestSupport
import Topics

@testable import Gateway

/// One loop's gateway over the log in memory, with real tokens; stands in for the loop.
actor TestGateway {
  struct Answer: Sendable {
    let status: Int
    let fields: [String: String]
    let body: String
    /// What the stream wrote, step by step; empty for other answers.
    var steps: [String] = []

    var json: [String: Any] {
      get throws {
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8))
        return object as? [String: Any] ?? [:]
      }
    }

    var code: String? { try? json["code"] as? String }
  }

  let clock = SteppedClock()
  let log: MemoryLog
  let metrics = MetricsRegistry()
  let access: AccessDesk
  private let server = ServerMetrics()
  private let streams: StreamDirectory
  private let quotas: StorageQuotas
  let responder: GatewayResponder<MemoryLog>
  private let timers: StandingTimers
  private var sequence: UInt64 = 0
  /// All requests come over one connection, as far as they come one at a time.
  private var parser = RequestParser(limits: WireLimits())
  var last: HTTPRequest?
  /// What all streams have written.
  private var streamed = ""

  /// - Parameters:
  ///   - settings: instead of the policy below.
  ///   - hosts: names by which the operators' listener may be called.
  ///   - audit: where decisions are recorded.
  ///   - workers: what runs at once if nothing else is said.
  init(
    isDevelopment: Bool = false, crossOrigin: CrossOrigin = .none,
    settings text: String = TestGateway.settings, hosts: [String] = [],
    audit: AuditTrail? = nil, workers: Workers = .inline, identity: IdentityServices = .init(),
    subscriptions: DispatcherLimits = DispatcherLimits()
  ) throws {
    log = MemoryLog(clocks: clock.clocks)
    let settings = try Self.compile(text)
    let keys = try TestIssuer.keySet()
    let profiles = try settings.issuers.map { try IssuerProfile.compile($0) { _ in keys } }
    access = AccessDesk(
      verifier: try TokenVerifier(issuers: profiles, generation: 1),
      policy: try TenancyPolicy.compile(settings, generation: 1),
      issuers: profiles.map(\.issuer), crossOrigin: crossOrigin)
    let (wall, registry, server) = (clock.clocks.wall, metrics, server)
    let parts = GatewayParts(
      engine: log, access: access, metrics: metrics, server: server,
      dispatchers: DispatcherDirectory(log, limits: subscriptions, wall: wall),
      tickets: StreamTickets(random: { count in
        ByteSlice((0..<count).map { _ in UInt8.random(in: 0...255) })
      }), workers: workers, now: clock.clocks.monotonic,
      log: LogWriter(now: wall, wake: {}), audit: audit,
      operations: Operations(
        publicURL: ByteSlice(utf8: "https://events.example"), isDevelopment: isDevelopment,
        hosts: HostNames(hosts.map { ByteSlice(utf8: $0) }),
        heartbeat: .seconds(15), version: "test", unreadiness: { nil },
        scrape: { visible in
          let scrape = Scrape(registry: registry, server: server, version: "test")
          guard let visible else { return scrape.text(for: .all) }
          return scrape.text(for: .tenants(visible: visible))
        }), identity: identity)
    streams = parts.streams
    quotas = parts.quotas
    timers = StandingTimers(clocks: clock.clocks)
    responder = GatewayResponder(parts, timers: timers)
  }

  static func compile(_ text: String) throws -> GatewaySettings {
    try GatewaySettings(
      compiling: SettingsDocument(parsing: ByteSlice(utf8: text), named: "test"))
  }

  /// Puts another policy in force, as a changed file would.
  nonisolated func take(_ text: String) throws {
    access.take(
      policy: try TenancyPolicy.compile(
        try Self.compile(text), generation: access.nextGeneration()))
  }

  static let settings = """
    issuers:
      - {id: test, iss: "https://issuer.example", audiences: [event-gateway],
         algorithms: [RS256, ES256], keys: {file: keys.json}}
    tenants: {acme: {}, globex: {}}
    mappings:
      - {id: acme-all, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, namespace: shop,
         principal: "{/sub}", service: till,
         allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
      - {id: acme-reader, issuer: test, when: {"/sub": {eq: rita}}, tenant: acme, namespace: shop,
         principal: "{/sub}", allow: [{subscribe: ["shop/orders"]}]}
      - {id: acme-manager, issuer: test, when: {"/sub": {eq: mona}}, tenant: acme, namespace: shop,
         principal: "{/sub}", allow: [{manage: ["shop/orders"]}]}
      - {id: acme-publisher, issuer: test, when: {"/sub": {eq: paul}}, tenant: acme,
         namespace: shop, principal: "{/sub}", allow: [{publish: ["shop/orders"]}]}
      - {id: globex-all, issuer: test, when: {"/sub": {eq: bob}}, tenant: globex,
         namespace: shop, principal: "{/sub}",
         allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}, {admin: ["*/*"]}]}
    """

  /// A token of one of the principals above.
  static func token(_ subject: String = "alice", lifetime: TimeSpan = .seconds(3600)) throws
    -> String
  {
    try TestIssuer().token(["sub": subject], algorithm: .rs256, lifetime: lifetime).text
  }

  /// Sends one request and returns the answer; of a stream, the head and `steps` of its body,
  /// or fewer, up to the one that holds `last`.
  /// `beforeBody` runs when the journey asks for the body. `pieces` are a body of unknown length,
  /// each with what happens ahead of it.
  func send(
    _ method: String, _ target: String, as subject: String? = "alice", token: String? = nil,
    _ fields: [String: String] = [:], _ body: String = "", steps: Int = 0,
    until last: String? = nil, until text: String? = nil,
    from peer: String = "192.0.2.1", listener: ListenerKind = .open, host: String? = nil,
    certificate: ByteSlice? = nil,
    beforeBody: (@Sendable () async throws -> Void)? = nil, pieces: [LatePiece] = []
  ) async throws -> Answer {
    let host = host ?? (listener == .management ? "127.0.0.1:9090" : "gateway")
    var text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
    if let token = try token ?? subject.map({ try Self.token($0) }) {
      text += "Authorization: Bearer \(token)\r\n"
    }
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\r\n" }
    if !body.isEmpty { text += "Content-Length: \(body.utf8.count)\r\n" }
    text += "\r\n"
    sequence += 1
    let id = RequestID(run: 7, sequence: sequence)
    parser.reset()
    let commons = AnswerCommons(now: clock.wall)
    let outbox = Outbox()
    guard case .request(let head, _) = parser.next(ByteSlice(utf8: text)) else {
      throw NotARequest(text: text)
    }
    let requestBody =
      if let beforeBody {
        RequestBody(
          arrivingFrom: LateBody([LatePiece(body, after: beforeBody)]), declared: body.utf8.count)
      } else if !pieces.isEmpty {
        RequestBody(arrivingFrom: LateBody(pieces), declared: nil)
      } else {
        RequestBody(whole: ByteSlice(utf8: body))
      }
    var writer = AnswerWriter(
      into: outbox, commons: commons, id: id, terms: AnswerTerms(for: head), body: requestBody)
    let request = makeRequest(id, head, requestBody, listener, ByteSlice(utf8: peer), certificate)
    let pump = Task {
      while !Task.isCancelled {
        endTurn()
        await Task.yield()
      }
    }
    defer { pump.cancel() }
    // As a connection does, which waits for what the responder has begun and leaves the rest to its
    // task.
    let taker = HeldAnswer(writer)
    switch responder.begin(request, with: &taker.writer, for: taker) {
    case .complete: return Self.read(outbox.bytes.bytes)
    case .begun:
      answeredAtOnce += 1
      while taker.writer.phase != .complete { await Task.yield() }
      return Self.read(outbox.bytes.bytes)
    case .left: writer = taker.writer
    }
    let end = await responder.respond(to: request, with: &writer)
    var answer = Self.read(outbox.bytes.bytes)
    if case .stream(let stream) = end {
      answer.steps = try await read(stream, steps: steps, until: last)
    }
    return answer
  }

  /// The next request of the connection, or the first of another one.
  private func makeRequest(
    _ id: RequestID, _ head: RequestHead, _ body: RequestBody, _ listener: ListenerKind,
    _ peer: ByteSlice, _ certificate: ByteSlice?
  ) -> HTTPRequest {
    if isKnownUniquelyReferenced(&last), let last, last.listener == listener,
      last.clientCertificate == certificate
    {
      last.renew(
        id: id, head: head, body: body, received: clock.monotonic, receivedAt: clock.wall,
        peer: peer)
      return last
    }
    let request = HTTPRequest(
      id: id, head: head, body: body, received: clock.monotonic, receivedAt: clock.wall,
      listener: listener, peer: peer, clientCertificate: certificate)
    last = request
    return request
  }

  /// What a stream writes in so many steps, or fewer, up to the one that holds `last`.
  private func read(
    _ stream: any AnswerStream, steps: Int, until last: String?
  ) async throws -> [String] {
    var all: [String] = []
    for _ in 0..<steps {
      var bytes = ByteWriter()
      var step = await stream.next(into: &bytes)
      while case .wait = step {
        try await Task.sleep(for: .milliseconds(1))
        step = await stream.next(into: &bytes)
      }
      let written = String(decoding: bytes.bytes, as: UTF8.self)
      all.append(written)
      streamed += written
      if step != .more { break }
      if let last, written.contains(last) { break }
    }
    return all
  }

  func endTurn() {
    timers.fireDue()
    responder.turnEnded()
  }

  // MARK: - What tests wait for

  /// The request id of the last request, as text.
  var lastID: String? { RequestID(run: 7, sequence: sequence).slice.text }

  /// Whether nothing is kept of requests that have been answered.
  var remembersNoRequest: Bool { responder.notes.isEmpty }

  /// How often somebody has asked for another turn of the loop.
  var turns: Int { timers.turns }

  /// Publishes that took no task.
  private(set) var answeredAtOnce = 0

  var cacheMisses: UInt64 { server.tokens.cacheMisses.value }

  /// How often redacting has waited for another turn of the loop.
  var redactionTurns: Int { responder.redactions.turns }

  var renewals: UInt64 { server.policy.renewed.value }

  /// Bytes that are remembered of labels.
  var labelBytes: Int { responder.labels.bytes }

  var overrides: UInt64 { server.policy.overrides.value }

  func untilStreams(_ count: Int) async throws {
    while streams.count != count { try await Task.sleep(for: .milliseconds(1)) }
  }

  func untilReviewed(_ count: UInt64) async throws {
    while server.policy.reviewed.value < count { try await Task.sleep(for: .milliseconds(1)) }
  }

  func untilRenewed(_ count: UInt64) async throws {
    while server.policy.renewed.value < count { try await Task.sleep(for: .milliseconds(1)) }
  }

  /// Until so many wait for the topic `acme/shop/orders` to grow.
  func untilWaiting(_ count: Int) async throws {
    let address = try Proofs().topic("orders", .subscribe)
    while try log.growth(of: address).waiting < count {
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  /// Until streams have written `words` so many times.
  func untilStreamed(_ words: String, times: Int = 1) async throws {
    while streamed.components(separatedBy: words).count <= times {
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func lookAtStorage() { quotas.look(at: log, under: access.current.policy) }

  private static func read(_ bytes: [UInt8]) -> Answer {
    let text = String(decoding: bytes, as: UTF8.self)
    let split = text.range(of: "\r\n\r\n") ?? text.endIndex..<text.endIndex
    let lines = text[..<split.lowerBound].components(separatedBy: "\r\n")
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
    }
    let status = Int(lines[0].split(separator: " ")[1]) ?? 0
    return Answer(status: status, fields: fields, body: String(text[split.upperBound...]))
  }
}

/// The answer to a request that goes on without its task.
private final class HeldAnswer: AnswerTaker {
  var writer: AnswerWriter

  init(_ writer: AnswerWriter) { self.writer = writer }

  func completeAnswer(_ write: (inout AnswerWriter) -> Void) { write(&writer) }
}

struct NotARequest: Error {
  let text: String
}

/// Timers that fire as soon as they are set, if their time has come, or at the end of the turn in
/// which it has: a standing clock sets none off.
final class StandingTimers: LoopTimers {
  let clocks: Clocks
  let post: @Sendable (@escaping @Sendable () -> Void) -> Void = { $0() }
  private(set) var turns = 0
  private var next: UInt32 = 0
  private var waiting: [UInt32: (at: MonotonicTime, fire: () -> Void)] = [:]

  init(clocks: Clocks) { self.clocks = clocks }

  var now: MonotonicTime { clocks.monotonic() }

  func schedule(at instant: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
    next += 1
    if instant <= now {
      turns += 1
      fire()
    } else {
      waiting[next] = (instant, fire)
    }
    return TimerToken(slot: next, generation: 0)
  }

  func cancel(_ token: TimerToken) { waiting[token.slot] = nil }

  /// Fires those whose time has come, the earliest first.
  func fireDue() {
    let due = waiting.filter { $0.value.at <= now }
    for (slot, timer) in due.sorted(by: { $0.value.at < $1.value.at }) {
      guard waiting.removeValue(forKey: slot) != nil else { continue }
      timer.fire()
    }
  }
}

/// A part of a body, and what happens before it comes.
struct LatePiece: Sendable {
  let bytes: ByteSlice
  let before: @Sendable () async throws -> Void

  init(_ text: String, after before: @escaping @Sendable () async throws -> Void = {}) {
    bytes = ByteSlice(utf8: text)
    self.before = before
  }
}

/// A body that arrives in pieces, each after something else has happened.
private final class LateBody: BodySource {
  private var pieces: [LatePiece]

  init(_ pieces: [LatePiece]) { self.pieces = pieces.reversed() }

  var restIsTooMuch: Bool { false }

  func nextPiece() async throws(BodyFailure) -> ByteSlice? {
    guard let piece = pieces.popLast() else { return nil }
    do { try await piece.before() } catch { throw .closed }
    return piece.bytes
  }

  func collectRest(upTo limit: Int) async throws(BodyFailure) -> ByteSlice {
    var bytes = ByteWriter()
    while let piece = try await nextPiece() { bytes.append(piece) }
    return bytes.slice
  }
}
