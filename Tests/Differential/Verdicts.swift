import Bytes
import Glibc
import JSONText
import Schemas

/// Answers schemas and instances on standard input with verdicts on standard output, a line each:
/// what `differential.py` compares with another implementation.
///
///     in   {"schema":…,"instances":[…],"dialect":"2020-12","formats":"annotate"}
///     out  {"verdicts":"tf…"} with t, f, or ? where a limit was met; or {"fault":"code"}
enum Verdicts {
  static func run() {
    let scratch = SchemaScratch()
    while let line = readLine(strippingNewline: true) {
      unsafe puts(answer(ByteSlice(utf8: line), scratch))
      fflush(nil)
    }
  }

  /// The verdicts of one line.
  private static func answer(_ line: ByteSlice, _ scratch: SchemaScratch) -> String {
    guard let request = try? JSONDocument(parsing: line).root, let schema = request["schema"],
      let instances = request["instances"]
    else { return #"{"fault":"bad line"}"# }
    do throws(SchemaFault) {
      let program = try CompiledSchema.compile(
        schema.raw, dialect: request["dialect"]?.text.flatMap(SchemaDialect.init(named:)),
        formats: request["formats"]?.text.flatMap(FormatMode.init(named:)))
      var verdicts = ""
      for instance in instances.elements {
        switch program.validate(instance.raw, scratch) {
        case nil: verdicts += "t"
        case .violations: verdicts += "f"
        default: verdicts += "?"
        }
      }
      return #"{"verdicts":"\#(verdicts)"}"#
    } catch {
      return #"{"fault":"\#(error.reason.code)"}"#
    }
  }
}
