import Bytes
import Client
import Glibc
import HTTPWire
import JSONText
import Network

/// `jodrell publish`: sends standard input, files or folders to a topic.
enum PublishCommand {
  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let client = try ClientOptions(&arguments)
    var contentType = try arguments.text("--content-type")
    if arguments.flag("--lines") {
      guard contentType == nil else { throw .usage("--lines is a content type of its own") }
      contentType = PublishSource.lines
    }
    let key = try arguments.text("--key")
    let isQuiet = arguments.flag("--quiet")
    let operands = try arguments.rest(1...100_000, called: "the topic")
    let topic = try TopicArgument(operands[0])
    let sources = try PublishSource.all(Array(operands.dropFirst()), contentType: contentType)
    guard !sources.isEmpty else { throw CommandFault(.failed, "no files there") }
    return try await ClientSession.run { loop throws(CommandFault) -> ExitCode in
      let client = try client.client(for: topic.tenant, ["publish"])
      let run = PublishRun(client, topic, key: key, isQuiet: isQuiet, sources)
      defer { client.close(on: loop) }
      return try await run.publish(on: loop)
    }
  }
}

/// One run of `publish`. Loop-confined; used by one task.
private final class PublishRun {
  private let client: GatewayClient
  private let topic: TopicArgument
  private let key: String?
  private let isQuiet: Bool
  private let sources: [PublishSource]
  private var bar: ProgressBar
  private var stored = 0
  private var refused = 0
  private var quarantined = 0
  private var sentBytes: UInt64 = 0
  private var lastID: String?
  private var lastUse = Clocks.system.monotonic()

  /// A kept connection that was idle for longer may be gone, and a POST is not sent twice.
  private static let freshness = TimeSpan.seconds(20)
  /// Refusals, and events in quarantine, shown in full; more are only counted.
  private static let shownRefusals = 20
  /// Answers that say what became of each event.
  private static let tellingStatuses = [201, 202, 207, 422]

  init(
    _ client: GatewayClient, _ topic: TopicArgument, key: String?, isQuiet: Bool,
    _ sources: [PublishSource]
  ) {
    self.client = client
    self.topic = topic
    self.key = key
    self.isQuiet = isQuiet
    self.sources = sources
    let total = sources.reduce(0) { $0 + $1.size }
    bar = ProgressBar(total: total == 0 ? nil : total, isQuiet: isQuiet)
  }

  func publish(on loop: isolated ClientLoop) async throws(CommandFault) -> ExitCode {
    let began = Clocks.system.monotonic()
    do throws(CommandFault) {
      for source in sources { try await send(source, on: loop) }
    } catch {
      bar.clear()
      if stored > 0 { Terminal.errors.line("stored before that: \(stored)") }
      throw error
    }
    bar.clear()
    if !isQuiet { summarise(Clocks.system.monotonic() - began) }
    return refused + quarantined == 0 ? .done : .failed
  }

  private func summarise(_ span: TimeSpan) {
    if stored == 1, refused + quarantined == 0, let lastID {
      Terminal.output.line(lastID)
      return
    }
    let seconds = Double(span.nanoseconds) / 1e9
    let rate = seconds > 0 ? Int(Double(stored) / seconds) : 0
    Terminal.output.line(
      "\(outcome) in \(Figures.tenths(seconds)) s (\(rate)/s, "
        + "\(Figures.bytes(sentBytes)))" + (lastID.map { ", last \($0)" } ?? ""))
  }

  private var outcome: String {
    let words = "\(stored) stored, \(refused) refused"
    return quarantined > 0 ? words + ", \(quarantined) in quarantine" : words
  }

  private func send(
    _ source: PublishSource, on loop: isolated ClientLoop
  ) async throws(CommandFault) {
    if source.isLines { return try await sendLines(source, on: loop) }
    let body = try CommandFault.wrap(.failed) { () throws(FileFault) in
      switch source.input {
      case .file(let path): try FileAccess.read(path, limit: 64 << 20)
      case .standardInput: try FileAccess.readAll(0, source.name, limit: 64 << 20)
      }
    }
    let answer = try await post(body, source.contentType, on: loop)
    if Self.tellingStatuses.contains(answer.status) {
      take(answer, source.name, lines: nil)
    } else if sources.count > 1,
      answer.status == 400 || answer.status == 413 || answer.status == 415
    {
      // The fault of one file; the others may be better.
      note(ProblemText(status: answer.status, body: answer.body), at: source.name)
    } else {
      throw CommandFault(answer)
    }
    sentBytes += UInt64(body.count)
    showProgress()
  }

  private func sendLines(
    _ source: PublishSource, on loop: isolated ClientLoop
  ) async throws(CommandFault) {
    var descriptor: Int32 = 0
    if case .file(let path) = source.input {
      descriptor = try CommandFault.wrap(.failed) { () throws(FileFault) in
        try FileAccess.openToRead(path)
      }
    }
    defer { if descriptor != 0 { close(descriptor) } }
    var portions = LinePortions(descriptor: descriptor, name: source.name)
    var line = 1
    while true {
      let next: LinePortions.Portion?
      do throws(FileFault) {
        next = try portions.next()
      } catch {
        throw CommandFault(.failed, error.description)
      }
      guard let portion = next else { return }
      guard case .lines(let lines) = portion else {
        note(ProblemText(tooLong: LinePortions.longestLine), at: "\(source.name), line \(line)")
        line += 1
        continue
      }
      let numbers = LinePortions.numbers(of: lines, from: line)
      line = numbers.next
      // A request without an event would be refused.
      guard !numbers.events.isEmpty else { continue }
      let answer = try await post(lines, source.contentType, on: loop)
      guard Self.tellingStatuses.contains(answer.status) else { throw CommandFault(answer) }
      take(answer, source.name, lines: numbers.events)
      sentBytes += UInt64(lines.count)
      showProgress()
    }
  }

  private func post(
    _ body: ByteSlice, _ contentType: String, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> ClientAnswer {
    var request = ClientRequest("POST", "\(topic.path)/events", body: .whole(body))
    request.set("Content-Type", contentType)
    if let key { request.set("Event-Key", key) }
    let now = Clocks.system.monotonic()
    if now - lastUse > Self.freshness { client.close(on: loop) }
    let answer = try await client.ask(request, on: loop)
    lastUse = Clocks.system.monotonic()
    return answer
  }

  /// Counts what became of a request's events, and says why some were refused.
  private func take(_ answer: ClientAnswer, _ name: String, lines: [Int]?) {
    guard let document = try? JSONDocument(parsing: answer.body) else { return }
    if let id = document.root["messageId"]?.text {
      if answer.status == 202 { return noteQuarantined(document.root, at: name) }
      stored += 1
      lastID = id
      return
    }
    guard let results = document.root["results"], results.kind == .array else {
      note(ProblemText(document.root, status: answer.status), at: name)
      return
    }
    for result in results.elements {
      let index = Int(result["index"]?.integer ?? 0)
      let line = lines.flatMap { index < $0.count ? $0[index] : nil }
      let place = "\(name), " + (line.map { "line \($0)" } ?? "event \(index)")
      if result["status"]?.integer == 202 {
        noteQuarantined(result, at: place)
      } else if let id = result["messageId"]?.text {
        stored += 1
        lastID = id
      } else if let problem = result["error"] {
        note(ProblemText(problem), at: place)
      }
    }
  }

  private func note(_ problem: ProblemText, at place: String) {
    refused += 1
    show(problem, at: place)
  }

  /// An event is durable, but not where it was sent.
  private func noteQuarantined(_ event: JSONNode, at place: String) {
    quarantined += 1
    show(ProblemText(quarantined: event), at: place)
  }

  private func show(_ problem: ProblemText, at place: String) {
    let shown = refused + quarantined
    guard shown <= Self.shownRefusals else { return }
    bar.clear()
    Terminal.errors.line("\(place): \(problem.summary)".printable)
    for fault in problem.faults { Terminal.errors.line("  \(fault)".printable) }
    if shown == Self.shownRefusals { Terminal.errors.line("more refusals are only counted") }
  }

  private func showProgress() {
    bar.show(sentBytes, refused + quarantined > 0 ? outcome : "\(stored) stored")
  }
}
