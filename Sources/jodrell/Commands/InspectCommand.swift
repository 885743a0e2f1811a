import Bytes
import RocksStore
import Topics

/// `jodrell inspect`: what lies in a data directory, without a running server and without changing
/// it.
enum InspectCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let data = try arguments.text("--data") ?? "data"
    let chunksOf = try arguments.text("--chunks")
    let isVerifying = arguments.flag("--verify")
    try arguments.finish()
    guard FileAccess.isDirectory(data) else {
      throw CommandFault(.storeUnavailable, "\(data) is no directory")
    }
    do throws(StoreFault) {
      return try inspect(data, chunksOf: chunksOf, isVerifying: isVerifying)
    } catch {
      throw CommandFault(error, data: data)
    }
  }

  private static func inspect(
    _ data: String, chunksOf name: String?, isVerifying: Bool
  ) throws(StoreFault) -> ExitCode {
    let inspection = try Inspection(of: data)
    let topics = try inspection.topics()
    if let name {
      guard let topic = topics.last(where: { $0.path == name && $0.isLive }) else {
        Terminal.errors.line("jodrell inspect: no topic '\(name.printable)' in \(data)")
        return .failed
      }
      return try showChunks(of: topic, inspection)
    }
    let store = try inspection.store()
    show(store, data)
    show(topics)
    show(try inspection.cursors(), topics)
    let isDamaged = isVerifying ? try verify(topics, inspection) : false
    if isDamaged { return .damagedStore }
    return store.isWhole == true ? .done : .acknowledgedDataMissing
  }

  private static var ink: Ink { Ink(isOn: Terminal.output.isColourful) }

  private static func show(_ store: StoreReport, _ data: String) {
    let name = store.store.array.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    let acknowledged = store.acknowledged.map { "\($0)" } ?? "unreadable"
    let verdict =
      switch store.isWhole {
      case .some(true): ink.good("whole")
      case .some(false): ink.bad("acknowledged data is missing")
      case nil: ink.bad("nothing proves that it is whole")
      }
    Terminal.output.line("\(ink.bold("store")) \(name) in \(data.printable)")
    Terminal.output.line("  format       \(store.format), made \(store.created.rfc3339)")
    Terminal.output.line(
      "  watermark    commit \(store.recovered) found"
        + (store.committed.map { " (\($0.rfc3339))" } ?? "") + ", \(acknowledged) acknowledged: "
        + verdict)
    var table = Table([("family", .left), ("keys", .right), ("in files", .right)])
    for family in store.families {
      table.add([family.name, "\(family.keys)", Figures.bytes(family.fileBytes)])
    }
    Terminal.output.line()
    Terminal.output.write(table.text(ink, indent: "  "))
  }

  private static func show(_ topics: [TopicReport]) {
    Terminal.output.line("\n\(ink.bold("topics")) \(topics.count)")
    guard !topics.isEmpty else { return }
    var table = Table([
      ("topic", .left), ("number", .right), ("ledger", .right), ("first", .right), ("end", .right),
      ("bytes", .right), ("schema", .right), ("last publish", .left), ("", .left),
    ])
    for topic in topics {
      table.add([
        topic.path, "\(topic.tenantNumber)/\(topic.topicNumber)", "\(topic.ledger)",
        "\(topic.first)", "\(topic.end)", topic.bytes.map(Figures.bytes) ?? "-",
        topic.schemaVersion == 0 ? "-" : "\(topic.schemaVersion)",
        topic.lastPublish?.rfc3339 ?? "-", topic.isLive ? "" : "deleted",
      ])
    }
    Terminal.output.write(table.text(ink, indent: "  "))
  }

  private static func show(_ cursors: [CursorReport], _ topics: [TopicReport]) {
    Terminal.output.line("\n\(ink.bold("subscriptions")) \(cursors.count)")
    guard !cursors.isEmpty else { return }
    var table = Table([
      ("subscription", .left), ("of", .left), ("type", .left), ("settled before", .right),
      ("ack chunks", .right), ("seeks", .right), ("lease", .right),
    ])
    for cursor in cursors {
      let topic = topics.first {
        $0.tenantNumber == cursor.tenantNumber && $0.topicNumber == cursor.topicNumber
      }
      table.add([
        (cursor.holder.map { $0.text + "/" } ?? "") + cursor.name.text, topic?.path ?? "?",
        "\(cursor.terms.kind)",
        cursor.markDelete.map { "\($0.ledger):\($0.next)" } ?? "-", "\(cursor.ackChunks)",
        "\(cursor.epoch)", cursor.terms.ackTimeout.text,
      ])
    }
    Terminal.output.write(table.text(ink, indent: "  "))
  }

  private static func showChunks(
    of topic: TopicReport, _ inspection: Inspection
  ) throws(StoreFault) -> ExitCode {
    var isDamaged = false
    try inspection.chunks(of: topic) { chunk in
      let published = chunk.published?.rfc3339 ?? "-"
      isDamaged = isDamaged || chunk.fault != nil
      let fault = chunk.fault.map { "  " + ink.bad("\($0)") } ?? ""
      let range = "\(chunk.first)…\(chunk.last)".padded(24)
      let size = Figures.bytes(UInt64(chunk.bytes)).leftPadded(11)
      let line = "\(range) \(size)  \(published)  bucket \(chunk.bucket)\(fault)\n"
      // What cannot be shown is still looked at, as long as somebody waits for the end.
      return Terminal.output.write(bytes: Array(line.utf8))?.isGone != true
    }
    return isDamaged ? .damagedStore : .done
  }

  /// Reads every chunk of every topic; true when one is damaged.
  private static func verify(
    _ topics: [TopicReport], _ inspection: Inspection
  ) throws(StoreFault) -> Bool {
    var chunks = 0
    var damaged = 0
    var events: UInt64 = 0
    for topic in topics where topic.isLive {
      try inspection.chunks(of: topic) { chunk in
        chunks += 1
        if let fault = chunk.fault {
          damaged += 1
          events += chunk.last - chunk.first + 1
          Terminal.output.line(
            ink.bad(
              "\(topic.path): events \(topic.ledger):\(chunk.first) to "
                + "\(topic.ledger):\(chunk.last) cannot be read: \(fault)"))
        }
        return true
      }
    }
    Terminal.output.line(
      "\n\(ink.bold("verified")) \(chunks) chunks, "
        + (damaged == 0
          ? ink.good("none damaged") : ink.bad("\(damaged) damaged with \(events) events")))
    return damaged > 0
  }
}

extension TopicReport {
  /// `tenant/namespace/topic`.
  fileprivate var path: String { "\(tenant.text)/\(namespace.text)/\(topic.text)" }
}
