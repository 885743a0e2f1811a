import Bytes
import HTTPWire
import JSONText
import Network
import Synchronization

/// A gateway that keeps one topic in memory and can be told to break its promises, so that a test
/// sees the tool find it out.
final class ToyGateway: Responder {
  enum Fault: Sendable {
    case none
    case losesSeventh
    case storesSeventhTwice
    case altersSeventh
    case storesSeventhTooEarly
    case storesSeventhThoughRefused
    case closesInsteadOfSeventh
    /// Puts the seventh event into quarantine (202).
    case quarantinesSeventh
    case refusesAll
    /// Takes six events, and from the next request on waits until it is hung up on.
    case neverAnswersFromSeventh
    /// Answers the seventh a second late.
    case delaysSeventh
    /// Says of its memory at the first time only.
    case tellsMemoryOnce
    /// Refuses whatever comes without the field `X-Key`.
    case wantsKey
    /// Has an event more of somebody else each time it is read.
    case growsWhileRead
    /// Has the workers' subscription before they ask for it; loses the seventh event as well.
    case hasSubscription
    /// Does not let the workers' subscription go.
    case keepsSubscription
  }

  struct Stored: Sendable {
    let id: ByteSlice
    let payload: ByteSlice
  }

  final class Log: Sendable {
    let events = Mutex<[Stored]>([])
    let sent = Atomic<Int>(0)
    /// How many events workers have been given.
    let handedOut = Atomic<Int>(0)
    let scrapes = Atomic<Int>(0)
    /// How often the workers' subscription was removed.
    let removals = Atomic<Int>(0)
    /// Whether a publish waits for good.
    let isHolding = Atomic<Bool>(false)
    let fault: Fault
    init(_ fault: Fault) { self.fault = fault }

    var count: Int { events.withLock { $0.count } }
    var payloads: [String] { events.withLock { $0.map { $0.payload.text } } }
    func dropLast() { events.withLock { _ = $0.popLast() } }
  }

  let log: Log

  init(_ log: Log) { self.log = log }

  /// Runs a gateway on a free port while `body` runs.
  static func running(
    _ fault: Fault = .none, _ body: (_ url: String, _ log: Log) async throws -> Void
  ) async throws {
    let log = Log(fault)
    let server = try await start(log)
    do {
      try await body("http://127.0.0.1:\(server.port)", log)
    } catch {
      _ = await server.drain(within: .seconds(1))
      throw error
    }
    _ = await server.drain(within: .seconds(1))
  }

  /// A gateway that serves `log`, which may have been another's before.
  static func start(_ log: Log, port: UInt16 = 0) async throws -> Server<ToyGateway> {
    var configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(host: "127.0.0.1", port: port)
    ])
    configuration.loops = 1
    let server = try Server<ToyGateway>(configuration: configuration)
    try await server.start { _ in ToyGateway(log) }
    return server
  }

  func respond(to request: HTTPRequest, with answer: inout AnswerWriter) async -> AnswerEnd {
    let (method, path) = (request.head.method, request.head.path.text)
    let accepted = request.head.fields.first("accept") ?? .empty
    if log.fault == .wantsKey, request.head.fields.first("x-key") == nil {
      answer.start(403)
      answer.finishEmpty()
      return .complete
    }
    if method == .get, accepted.equals("text/event-stream") {
      answer.start(200)
      answer.startStream(contentType: "text/event-stream")
      return .stream(ToyStream(log))
    }
    if method == .get {
      if path == "/metrics" {
        metrics(&answer)
      } else if let query = request.head.query {
        page(query, &answer)
      } else {
        answer.start(404)
        answer.finishEmpty()
      }
      return .complete
    }
    guard let body = try? await request.body.collect(upTo: 8 << 20) else {
      answer.start(400)
      answer.finishEmpty()
      return .complete
    }
    if path.contains("/subscriptions/") {
      await serveWorkers(method, path, body, &answer)
      return .complete
    }
    await hold()
    if log.fault == .neverAnswersFromSeventh, Task.isCancelled {
      answer.start(503)
      answer.finishEmpty()
      return .complete
    }
    let type = request.head.fields.first("content-type") ?? .empty
    if type.equals("application/cloudevents-batch+json") {
      batch(body, &answer)
    } else if type.equals("application/x-ndjson") {
      lines(body, &answer)
    } else {
      single(request.head.fields.first("ce-id") ?? .empty, body, &answer)
    }
    return .complete
  }

  /// Waits, where the fault is to wait with this publish.
  private func hold() async {
    let sent = log.sent.load(ordering: .relaxed)
    if log.fault == .delaysSeventh, sent == 6 { try? await Task.sleep(for: .seconds(4)) }
    guard log.fault == .neverAnswersFromSeventh, sent >= 6 else { return }
    log.isHolding.store(true, ordering: .relaxed)
    while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
  }

  private func metrics(_ answer: inout AnswerWriter) {
    let scrape = log.scrapes.wrappingAdd(1, ordering: .relaxed).newValue
    guard log.fault != .tellsMemoryOnce || scrape == 1 else {
      answer.start(503)
      answer.finishEmpty()
      return
    }
    var text = ByteWriter()
    text.append("jodrell_store_memory_bytes{part=\"memory_tables\"} 1048576\n")
    answer.start(200)
    answer.finish(contentType: "text/plain", body: text)
  }

  private func single(_ id: ByteSlice, _ body: ByteSlice, _ answer: inout AnswerWriter) {
    let status: Int
    let entry: Int
    if log.fault == .refusesAll {
      (status, entry) = (429, 0)
    } else {
      (status, entry) = store(id, body)
    }
    if status == 500, log.fault == .closesInsteadOfSeventh {
      answer.start(503)
      answer.field("Connection", "close")
      answer.finishEmpty()
      return
    }
    answer.start(status)
    var text = ByteWriter()
    text.append("{\"messageId\":\"7:")
    text.append(decimal: entry)
    text.append("\"}")
    answer.finish(contentType: "application/json", body: text)
  }

  private func batch(_ body: ByteSlice, _ answer: inout AnswerWriter) {
    guard let events = try? JSONDocument(parsing: body).root else { return answer.finishEmpty() }
    var text = ByteWriter()
    var results = 0
    text.append("{\"stored\":")
    text.append(decimal: events.count)
    text.append(",\"results\":[")
    for event in events.elements {
      let (status, entry) = store(event["id"]?.string ?? .empty, event["data"]?.raw ?? .empty)
      text.append(results > 0 ? ",{\"index\":" : "{\"index\":")
      text.append(decimal: results)
      text.append(",\"status\":")
      text.append(decimal: status)
      text.append(",\"messageId\":\"7:")
      text.append(decimal: entry)
      text.append("\"}")
      results += 1
    }
    text.append("]}")
    answer.start(207)
    answer.finish(contentType: "application/json", body: text)
  }

  private func lines(_ body: ByteSlice, _ answer: inout AnswerWriter) {
    var (start, stored, rejected) = (0, 0, 0)
    while let end = body.firstIndex(of: ASCII.lineFeed, from: start) {
      let (status, _) = store(.empty, body[start..<end])
      if status == 201 { stored += 1 } else { rejected += 1 }
      start = end + 1
    }
    var text = ByteWriter()
    text.append("{\"stored\":")
    text.append(decimal: stored)
    text.append(",\"rejected\":")
    text.append(decimal: rejected)
    text.append("}")
    answer.start(207)
    answer.finish(contentType: "application/json", body: text)
  }

  private func store(_ id: ByteSlice, _ payload: ByteSlice) -> (status: Int, entry: Int) {
    let isSeventh = log.sent.wrappingAdd(1, ordering: .relaxed).newValue == 7
    let event = Stored(
      id: ByteSlice(copying: id.span), payload: ByteSlice(copying: payload.span))
    return log.events.withLock { events in
      guard isSeventh else {
        events.append(event)
        return (201, events.count - 1)
      }
      switch log.fault {
      case .none, .refusesAll, .neverAnswersFromSeventh, .delaysSeventh, .tellsMemoryOnce,
        .wantsKey, .growsWhileRead, .keepsSubscription:
        events.append(event)
      case .losesSeventh, .hasSubscription: return (201, events.count)
      case .storesSeventhTwice:
        events.append(event)
        events.append(event)
        return (201, events.count - 2)
      case .altersSeventh:
        events.append(Stored(id: event.id, payload: ByteSlice(utf8: "{}")))
      case .storesSeventhTooEarly:
        events.insert(event, at: 0)
        return (201, events.count - 1)
      case .storesSeventhThoughRefused:
        events.append(event)
        return (422, 0)
      case .closesInsteadOfSeventh:
        events.append(event)
        return (500, 0)
      case .quarantinesSeventh: return (202, 0)
      }
      return (201, events.count - 1)
    }
  }

  /// `from=earliest` or `from=7%3A<entry>`, a hundred events at a time.
  private func page(_ query: ByteSlice, _ answer: inout AnswerWriter) {
    let from = query.text.split(separator: "&")[0].split(separator: "A").last.flatMap { Int($0) }
    let start = (from ?? -1) + 1
    let (events, isLast) = log.events.withLock { events in
      let page = Array(events.dropFirst(start).prefix(100))
      let isLast = start + page.count >= events.count
      if log.fault == .growsWhileRead {
        events.append(Stored(id: ByteSlice(utf8: "foreign"), payload: ByteSlice(utf8: "{}")))
      }
      return (page, isLast)
    }
    var text = ByteWriter()
    text.append("{\"events\":[")
    for (index, event) in events.enumerated() {
      text.append(index > 0 ? ",{\"id\":\"" : "{\"id\":\"")
      text.append(event.id)
      text.append("\",\"messageid\":\"7:")
      text.append(decimal: start + index)
      text.append("\",\"data\":")
      text.append(event.payload)
      text.append("}")
    }
    text.append("],\"next\":\"7:")
    text.append(decimal: start + events.count - 1)
    text.append(isLast ? "\",\"upToDate\":true}" : "\",\"upToDate\":false}")
    answer.start(200)
    answer.finish(contentType: "application/json", body: text)
  }

  func refuse(_ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter) {
    answer.start(refusal.status)
    answer.finishEmpty()
  }

  func turnEnded() {}
}

/// The events that are stored from now on, as they come.
private final class ToyStream: AnswerStream {
  private let log: ToyGateway.Log
  private var next: Int

  init(_ log: ToyGateway.Log) {
    self.log = log
    next = log.count
  }

  func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    while !Task.isCancelled {
      let fresh = log.events.withLock { Array($0.dropFirst(next)) }
      for event in fresh {
        bytes.append("id: 7:")
        bytes.append(decimal: next)
        bytes.append("\ndata: {\"data\":")
        bytes.append(event.payload)
        bytes.append("}\n\n")
        next += 1
      }
      if !fresh.isEmpty { return .more }
      try? await Task.sleep(for: .milliseconds(1))
    }
    return .end
  }
}
