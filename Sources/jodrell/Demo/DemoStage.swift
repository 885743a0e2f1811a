import Bytes
import JSONText

/// What the reader of a demonstration sees: steps, the commands one would type, and what comes
/// back.
final class DemoStage {
  let ink = Ink(isOn: Terminal.output.isColourful)
  private let isPaced: Bool
  private var step = 0

  /// - Parameter isPaced: pauses, so that a person can follow.
  init(isPaced: Bool) { self.isPaced = isPaced }

  func title(_ text: String) { Terminal.output.line("\n\(ink.bold(text))") }

  func begin(_ title: String, _ words: String) async {
    if step > 0, isPaced { await Pause.wait(.milliseconds(1500)) }
    step += 1
    Terminal.output.line("\n\(ink.bold("\(step). \(title)"))\n\(ink.dim(words))")
  }

  /// A command that the reader could type.
  func command(_ text: String) async {
    Terminal.output.line("\n  \(ink.name("$")) \(text)")
    if isPaced { await Pause.wait(.milliseconds(500)) }
  }

  func line(_ text: String) { Terminal.output.line("  \(text.isEmpty ? "" : text)") }

  /// What an answer says, in a few lines.
  func show(_ answer: DemoAnswer, fields: [String] = []) {
    let status = "HTTP \(answer.status)"
    line(
      (answer.status < 400 ? ink.good(status) : ink.bad(status))
        + ink.dim("  in \(answer.took.figure)"))
    for name in fields {
      if let value = answer.field(name) { line(ink.dim("\(name): ") + value) }
    }
  }

  /// Ends the demonstration unless `condition` holds; says what was proven when it does.
  func check(_ condition: Bool, _ what: String, else found: @autoclosure () -> String = "")
    throws(CommandFault)
  {
    guard condition else {
      let found = found()
      throw CommandFault(
        .failed, "step \(step) did not show: \(what)" + (found.isEmpty ? "" : "; found: \(found)"))
    }
    line("\(ink.good("✓")) \(what)")
  }
}

/// What a demonstration's request got.
struct DemoAnswer: Sendable {
  let status: Int
  let took: TimeSpan
  let body: ByteSlice
  private let fields: [(name: String, value: String)]

  init(status: Int, took: TimeSpan, body: ByteSlice, fields: [(name: String, value: String)]) {
    self.status = status
    self.took = took
    self.body = body
    self.fields = fields
  }

  func field(_ name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// The body's root, or null.
  var json: JSONNode? { (try? JSONDocument(parsing: body))?.root }

  func text(_ name: String) -> String? { json?[name]?.text }
}

extension TimeSpan {
  /// Milliseconds for a reader.
  var figure: String { (Double(nanoseconds) / 1e6).milliseconds }
}
