import Bytes
import Client
import Foundation
import JSONText
import Metrics
import Synchronization

/// `jodrell-bench verify check`: reads a topic from its front to its end and compares it with a
/// journal.
struct VerifyCheck: Sendable {
  private let target: Target
  private var endpoint: Endpoint { target.endpoint }
  private let journal: String
  /// How long a server that does not answer is waited for.
  private let patience: TimeSpan
  private let asJSON: Bool
  private let quiet: Bool

  init(
    target: Target, journal: String, patience: TimeSpan, asJSON: Bool, quiet: Bool
  ) {
    self.target = target
    self.journal = journal
    self.patience = patience
    self.asJSON = asJSON
    self.quiet = quiet
  }

  init(_ words: [String]) throws {
    var arguments = Arguments(words)
    target = try Target(&arguments)
    journal = try arguments.required("--journal")
    patience = try arguments.span("--patience") ?? .seconds(30)
    asJSON = arguments.flag("--json")
    quiet = arguments.flag("--quiet")
    try arguments.finish()
  }

  func run() async -> Int32 {
    guard let data = FileManager.default.contents(atPath: journal),
      let file = JournalFile(String(decoding: data, as: UTF8.self))
    else {
      complain("--journal: \(journal) is not a journal of a verify run")
      return ExitCode.failed
    }
    guard file.topic == target.topic else {
      complain("the journal is of \(file.topic), not of \(target.topic)")
      return ExitCode.usage
    }
    let progress = quiet ? nil : Progress(label: "reading back")
    do {
      let audit = try await ClientLoop.once { loop throws(ReadBackFault) in
        try await read(LogAudit(file), on: loop, progress)
      }.get()
      progress?.clear()
      report(audit, of: file)
      return audit.faults == 0 ? ExitCode.good : ExitCode.findings
    } catch let fault as ReadBackFault {
      progress?.clear()
      complain("cannot read the topic back: \(fault.message)")
      return ExitCode.failed
    } catch {
      complain("\(error)")
      return ExitCode.failed
    }
  }

  // MARK: - Reading

  private func read(
    _ empty: LogAudit, on loop: isolated ClientLoop, _ progress: Progress?
  ) async throws(ReadBackFault) -> LogAudit {
    var audit = empty
    var cursor = "earliest"
    var connection: HTTPConnection?
    var pages = 0
    defer { connection?.close(on: loop) }
    while true {
      let answer: ClientAnswer
      (answer, connection) = try await page(pages, after: cursor, connection, on: loop)
      pages += 1
      guard answer.status == 200 else {
        throw ReadBackFault("\(answer.status) \(answer.body.prefix(512).text)")
      }
      guard let page = try? JSONDocument(parsing: answer.body).root,
        let events = page["events"], let next = page["next"]?.text
      else { throw ReadBackFault("a page is not what it should be") }
      var count = 0
      for event in events.elements {
        count += 1
        guard let id = event["id"]?.text,
          let position = event["messageid"]?.text.flatMap({ MessagePosition($0) })
        else { throw ReadBackFault("an event has no id or no messageid") }
        // An event without `data` cannot be one of ours; its empty payload shows as altered.
        audit.read(id: id, at: position, payload: event["data"]?.raw ?? .empty)
      }
      progress?.show("\(audit.eventsRead) events")
      // What the journal knows of lies before the first end that is met, also where others go on
      // publishing and there is always more to read.
      if count == 0 || page["upToDate"]?.bool == true { break }
      cursor = next
    }
    audit.finish()
    return audit
  }

  /// One page, asked for again while the server does not answer.
  ///
  /// - Parameter turn: its number, from 0.
  private func page(
    _ turn: Int, after cursor: String, _ given: HTTPConnection?, on loop: isolated ClientLoop
  ) async throws(ReadBackFault) -> (ClientAnswer, HTTPConnection?) {
    var connection = given
    let started = monotonicNow()
    while true {
      if interrupted.load(ordering: .relaxed) {
        connection?.close(on: loop)
        throw ReadBackFault("interrupted, so that nothing is proven")
      }
      do throws(ClientFault) {
        var request = ClientRequest(
          "GET", "\(target.eventsPath)?from=\(ClientRequest.segment(cursor))&max=1000")
        if let token = target.token(of: turn) { request.authorize(token) }
        for header in target.headers { request.set(header.name, header.value) }
        var bytes = ByteWriter()
        try request.write(to: endpoint, into: &bytes)
        let open: HTTPConnection
        if let connection {
          open = connection
        } else {
          open = try await HTTPConnection.open(endpoint, on: loop)
        }
        connection = open
        let answer = try await open.exchange(bytes.slice)
        if answer.status != 503 || monotonicNow() - started > patience {
          if !answer.keepsConnection { open.close(on: loop) }
          return (answer, answer.keepsConnection ? open : nil)
        }
        try? await Task.sleep(for: .milliseconds(100))
      } catch {
        connection?.close(on: loop)
        connection = nil
        guard monotonicNow() - started < patience else { throw ReadBackFault("\(error)") }
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private struct ReadBackFault: Error {
    let message: String
    init(_ message: String) { self.message = message }
  }

  // MARK: - Telling

  private func report(_ audit: LogAudit, of file: JournalFile) {
    let acknowledged = file.entries.count {
      if case .acknowledged = $0.fate { true } else { false }
    }
    if asJSON {
      var fields = LogAudit.Finding.allCases.map {
        "\"\($0.rawValue)\":\(audit.counts[$0] ?? 0)"
      }
      fields += [
        "\"acknowledged\":\(acknowledged)", "\"journaled\":\(file.entries.count)",
        "\"read\":\(audit.eventsRead)", "\"foreign\":\(audit.foreignEvents)",
        "\"unansweredStored\":\(audit.unknownStored)",
      ]
      say("{" + fields.joined(separator: ",") + "}\n")
    } else {
      say("\(audit.eventsRead) events read, \(acknowledged) acknowledged ones looked for")
      if audit.unknownStored > 0 {
        say(", \(audit.unknownStored) stored whose answer was lost")
      }
      if audit.foreignEvents > 0 { say(", \(audit.foreignEvents) of others") }
      say("\n")
      let counts = LogAudit.Finding.allCases.map { "\(audit.counts[$0] ?? 0) \($0.rawValue)" }
      say(counts.joined(separator: ", ") + "\n")
    }
    for example in audit.examples { complain("  " + example) }
  }
}
