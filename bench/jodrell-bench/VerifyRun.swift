import Bytes
import Client
import Foundation
import JSONText
import Metrics
import Synchronization

/// `jodrell-bench verify run`: publishes under load and writes down what the server said of every
/// event, then reads the log back and compares.
struct VerifyRun: Sendable {
  private let target: Target
  private var endpoint: Endpoint { target.endpoint }
  private let connections: Int
  private let portions: Portions
  private var isBatch: Bool { portions.batch > 1 }
  private let duration: TimeSpan?
  private let path: String
  /// A server that goes away is waited for.
  private let throughRestarts: Bool
  private let patience: TimeSpan
  /// How long answers are waited for when the run is over.
  private let afterEnd: TimeSpan
  private let readsBack: Bool
  private let asJSON: Bool
  private let quiet: Bool
  private let tally = Tally()
  private let control: RunControl
  private let journal: Journal
  private let run: UInt64

  init(_ words: [String], afterEnd: TimeSpan = LoadDriver.patience) throws {
    self.afterEnd = afterEnd
    var arguments = Arguments(words)
    target = try Target(&arguments)
    connections = try arguments.number("--connections", in: 1...10_000, or: 8)
    let batch = try arguments.number("--batch", in: 1...10_000, or: 1)
    let count = try arguments.number("--count", in: 0...Int.max, or: 0)
    portions = Portions(batch: batch, count: count == 0 ? nil : count)
    duration = try arguments.length("--duration") ?? (count == 0 ? .seconds(10) : nil)
    path = try arguments.required("--journal")
    throughRestarts = arguments.flag("--through-restarts")
    patience = try arguments.span("--patience") ?? .seconds(30)
    readsBack = !arguments.flag("--no-check")
    asJSON = arguments.flag("--json")
    quiet = arguments.flag("--quiet")
    try arguments.finish()
    run = UInt64.random(in: 1...UInt64.max)
    guard let journal = Journal(creating: path, run: run, topic: target.topic) else {
      throw UsageFault("--journal: cannot write \(path)")
    }
    self.journal = journal
    control = RunControl(requests: portions.requests)
  }

  /// Runs to the end and returns the exit code.
  func start() async -> Int32 {
    let watch = Watch(
      tally: tally, control: control, duration: duration, warmUp: .zero, serverPID: nil,
      progress: quiet ? nil : Progress(label: "verifying"))
    let role = LoadDriver.Role(connections, loops: 1) { loop, index in
      await send(on: loop, as: index)
    }
    tally.begin()
    let result = await LoadDriver.run([role], patience: afterEnd) { await watch.run(until: $0) }
    let faults = tally.snapshot.faults
    guard journal.close() else {
      complain("the journal could not be written; nothing is proven")
      tellTotals()
      return ExitCode.failed
    }
    guard result != nil else {
      complain("cannot start the loop")
      tellTotals()
      return ExitCode.failed
    }
    // The tally ends with the run's time; the last answers of its senders come after it.
    let sent = journal.totals
    if !asJSON {
      say("\(sent.acknowledged) events acknowledged, \(sent.refused) refused, ")
      say("\(sent.unknown) of unknown outcome; journal in \(path)\n")
    }
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    let isWhole = throughRestarts || sent.refused + sent.unknown == 0
    if !isWhole {
      let count = sent.refused + sent.unknown
      complain("\(count) events were not acknowledged, which --through-restarts alone allows")
    }
    let isFailed = faults > 0 && !throughRestarts || sent.acknowledged == 0
    if isFailed || !readsBack {
      tellTotals()
      return isWhole && !isFailed ? ExitCode.good : ExitCode.failed
    }
    // A signal that has ended the publishing, which is still to be looked at: the next ends that.
    if control.isEndedBySignal { interrupted.store(false, ordering: .relaxed) }
    let code = await VerifyCheck(
      target: target, journal: path, patience: patience, asJSON: asJSON,
      quiet: quiet
    ).run()
    // A check that could not read has said nothing on standard output.
    if code == ExitCode.failed { tellTotals() }
    return code == ExitCode.good && !isWhole ? ExitCode.failed : code
  }

  /// The object of a run that no check has told about.
  private func tellTotals() {
    if asJSON { say(journal.totals.json + "\n") }
  }

  // MARK: - Sending

  private func send(on loop: isolated ClientLoop, as sender: Int) async {
    var orders = OrderEvents(seed: run &+ UInt64(sender))
    var connection: HTTPConnection?
    var sequence = 0
    var silentSince: MonotonicTime?
    while let turn = control.claim() {
      let started = monotonicNow()
      do throws(ClientFault) {
        let open: HTTPConnection
        if let connection {
          open = connection
        } else {
          open = try await HTTPConnection.open(endpoint, on: loop)
          connection = open
        }
        let events = portions.events(of: turn)
        let draft = try prepare(
          &orders, events, sender: sender, from: sequence, as: target.token(of: turn))
        sequence += events
        if try await !exchange(draft, over: open, on: loop) { connection = nil }
        silentSince = nil
      } catch {
        connection?.close(on: loop)
        connection = nil
        if tally.failed(error, since: started) { control.note(error) }
        if control.isStopped { break }
        let now = monotonicNow()
        let since = silentSince ?? now
        silentSince = since
        guard throughRestarts, now - since < patience else { break }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    connection?.close(on: loop)
  }

  /// Sends a request and writes down what became of its events, also when no answer comes.
  ///
  /// - Returns: whether the connection can be used again; it is closed otherwise.
  private func exchange(
    _ draft: Draft, over connection: HTTPConnection, on loop: isolated ClientLoop
  ) async throws(ClientFault) -> Bool {
    let started = monotonicNow()
    let answer: ClientAnswer
    do throws(ClientFault) {
      answer = try await connection.exchange(draft.bytes)
    } catch {
      journal.write(draft.entries { _ in .unknown })
      throw error
    }
    let fates = Self.fates(of: draft.hashes.count, in: answer)
    journal.write(draft.entries { fates[$0] })
    let stored = fates.count {
      if case .acknowledged = $0 { true } else { false }
    }
    let isTaken = answer.status / 100 == 2
    tally.answered(
      answer.status, stored: stored, unstored: isTaken ? fates.count - stored : 0,
      bytes: draft.bytes.count, since: started)
    if !isTaken {
      control.note("\(answer.status) \(answer.body.prefix(512).text)")
      // Refused for now: do not hammer.
      if answer.status >= 429 { try? await Task.sleep(for: .milliseconds(10)) }
    }
    if !answer.keepsConnection { connection.close(on: loop) }
    return answer.keepsConnection
  }

  /// A request with the events in it.
  private struct Draft {
    let bytes: ByteSlice
    let sender: Int
    let first: Int
    let hashes: [UInt64]

    func entries(_ fate: (Int) -> JournalEntry.Fate) -> [JournalEntry] {
      hashes.indices.map {
        JournalEntry(sender: sender, sequence: first + $0, hash: hashes[$0], fate: fate($0))
      }
    }
  }

  private func prepare(
    _ orders: inout OrderEvents, _ events: Int, sender: Int, from sequence: Int,
    as token: ByteSlice?
  ) throws(ClientFault) -> Draft {
    var body = ByteWriter(capacity: events * 768)
    var hashes: [UInt64] = []
    var request = ClientRequest("POST", target.eventsPath)
    if isBatch { body.append("[") }
    for offset in 0..<events {
      var payload = ByteWriter(capacity: 640)
      orders.append(to: &payload)
      hashes.append(contentHash(payload.slice))
      let key = LogAudit.Key(sender: sender, sequence: sequence + offset)
      let id = LogAudit.eventID(run: run, key)
      if !isBatch {
        request.set("Content-Type", "application/json")
        request.set("ce-specversion", "1.0")
        request.set("ce-id", id)
        request.set("ce-source", "/jodrell-bench")
        request.set("ce-type", "order")
        body = payload
      } else {
        if offset > 0 { body.append(",") }
        body.append("{\"specversion\":\"1.0\",\"id\":\"")
        body.append(text: id)
        body.append("\",\"source\":\"/jodrell-bench\",\"type\":\"order\",\"data\":")
        body.append(payload.bytes)
        body.append("}")
      }
    }
    if isBatch {
      body.append("]")
      request.set("Content-Type", "application/cloudevents-batch+json")
    }
    if let token { request.authorize(token) }
    for header in target.headers { request.set(header.name, header.value) }
    request.body = .whole(body.slice)
    var bytes = ByteWriter(capacity: body.count + 1024)
    try request.write(to: endpoint, into: &bytes)
    return Draft(bytes: bytes.slice, sender: sender, first: sequence, hashes: hashes)
  }

  // MARK: - Answers

  /// What an answer says of each event of its request. A 5xx leaves it open; a 2xx that does not
  /// name an event's id does as well, and that is a fault of the server's which `check` will show.
  static func fates(of events: Int, in answer: ClientAnswer) -> [JournalEntry.Fate] {
    let document = try? JSONDocument(parsing: answer.body)
    if events == 1, answer.status == 201,
      let position = document?.root["messageId"]?.text.flatMap({ MessagePosition($0) })
    {
      return [.acknowledged(position)]
    }
    let whole: JournalEntry.Fate =
      (400..<500).contains(answer.status) ? .refused(status: answer.status) : .unknown
    var fates = [JournalEntry.Fate](repeating: whole, count: events)
    guard let results = document?.root["results"] else { return fates }
    for result in results.elements {
      guard let index = result["index"]?.integer, fates.indices.contains(Int(index)),
        let status = result["status"]?.integer
      else { continue }
      if status == 201, let position = result["messageId"]?.text.flatMap({ MessagePosition($0) }) {
        fates[Int(index)] = .acknowledged(position)
      } else {
        fates[Int(index)] =
          (400..<500).contains(status) ? .refused(status: Int(status)) : .unknown
      }
    }
    return fates
  }
}
