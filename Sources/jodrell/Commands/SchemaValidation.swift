import Bytes
import Gateway
import JSONText
import Schemas

/// `jodrell schema validate`: tells of each payload what publishing it would be answered with.
struct SchemaValidation {
  let schema: CompiledSchema
  let style: SchemaStyle
  /// Whether each line of a file is a payload of its own.
  let isLines: Bool

  private struct Tally {
    var checked = 0
    var refused = 0
  }

  func run(_ paths: [String]) throws(CommandFault) -> ExitCode {
    let scratch = SchemaScratch()
    var tally = Tally()
    for path in paths {
      if isLines {
        try checkLines(of: path, scratch, &tally)
      } else {
        let payload = try SchemaInput.whole(path)
        check(payload, of: SchemaInput.name(path), at: nil, scratch, &tally)
      }
    }
    if isLines || paths.count > 1 {
      style.good("\(tally.checked - tally.refused) good, \(tally.refused) refused")
    }
    style.object(isGood: tally.refused == 0) { json in
      json.key("checked")
      json.integer(tally.checked)
      json.key("refused")
      json.integer(tally.refused)
    }
    return tally.refused == 0 ? .done : .failed
  }

  private func check(
    _ payload: ByteSlice, of name: String, at place: EventPlace?, _ scratch: SchemaScratch,
    _ tally: inout Tally
  ) {
    tally.checked += 1
    guard let refusal = Refusal.ofPayload(payload, against: schema, scratch, at: place) else {
      if place == nil { style.good("\(name): good") }
      return
    }
    tally.refused += 1
    let document = refusal.document(instance: nil)
    let problem = ProblemText(status: refusal.code.status, body: document)
    style.bad("\(name): \(problem.summary)")
    for fault in problem.faults { style.bad("  \(fault)") }
    style.object(isGood: false) { json in
      json.key("file")
      json.string(name)
      json.key("problem")
      json.raw(document)
    }
  }

  private func checkLines(
    of path: String, _ scratch: SchemaScratch, _ tally: inout Tally
  ) throws(CommandFault) {
    let name = SchemaInput.name(path)
    var lines = LineSplitter(limit: GatewayLimits.event)
    var index = 0
    lines.feed(try SchemaInput.whole(path))
    var step = lines.next()
    while true {
      switch step {
      case .line(let line, let number):
        check(
          line, of: name, at: EventPlace(index: index, line: number, offset: lines.start), scratch,
          &tally)
        index += 1
        step = lines.next()
      case .tooLong(let number):
        throw CommandFault(
          .failed, "\(name): line \(number) has more than \(GatewayLimits.event) bytes")
      case .needsMore:
        guard let rest = lines.finish() else { return }
        step = rest
      }
    }
  }
}
