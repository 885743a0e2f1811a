import JSONText
import Schemas

extension ProblemCode {
  /// The text of `docs/problems.md`.
  public static var documentation: String {
    var text = """
      # Problems

      Every refusal is an `application/problem+json` document (RFC 9457) whose `type` is
      `urn:problem:jodrell:<code>`. `retryable` says whether the same request can succeed later;
      where it can, the answer's `Retry-After` says when to try. This page is generated from the one
      table of refusals in `Sources/Gateway/Problems/ProblemCode.swift`.

      Two answers have another form. A batch of which nothing is stored is answered as every batch
      is, in `application/json`, with 422, 429 or 503 as its status and a problem for each event in
      `results` ([events.md](http/events.md#publishing)). And Pulsar's API says no in Pulsar's
      words, as `{"reason":"…"}` ([pulsar.md](http/pulsar.md)).

      | Status | Code | Retryable | Title | What to do |
      |---|---|---|---|---|

      """
    for code in allCases.sorted(by: { ($0.status, $0.rawValue) < ($1.status, $1.rawValue) }) {
      let row = code.row
      text +=
        "| \(row.status) | `\(code.rawValue)` | \(row.retryable ? "yes" : "no") | \(row.title) | "
        + "\(row.advice) |\n"
    }
    text += """

      ## Codes in `errors`

      Each element of `errors` says where (`pointer`, `line`, `column`; `event` in batches), which
      rule (`keyword`, `schemaPointer`), and what is there (`actual`: type and length, never the
      value). Places are places of the body, however many events it holds: `line` and `column` count
      from 1, columns in characters (code points), `offset` counts bytes from 0; `pointer` begins
      at the payload. Only a payload that was sent in `data_base64` has its places counted from its
      own beginning, and the errors that are kept with an event (`schemaerrors`) count in the
      payload as it is stored. `suggestion` is a name or value
      of the schema that was probably meant. `branch` names the alternative of a union that was
      taken to be meant, and why. `message` is the schema author's own where the schema has
      `x-error` beside the broken keyword: a text for all keywords there, or an object with a text
      for each. In an Avro definition `schemaPointer` is where the type stands, and `keyword` what
      JSON Schema calls the rule. At most 32 elements and 8 KiB, then `truncated` is true; a batch's
      answer has room for 1 MiB of them.

      A payload against its schema:

      | Code | Keywords | Meaning |
      |---|---|---|

      """
    for code in ViolationCode.all {
      let keywords = code.keywords.map { "`\($0)`" }.joined(separator: ", ")
      text += "| `\(code.name)` | \(keywords) | \(code.meaning) |\n"
    }
    text += """

      An event itself (`malformed_event`, `unknown_event_type`, `dataschema_mismatch`,
      `unsupported_media_type`), `pointer` being into the CloudEvent and not into its payload:
      `/type` is the member `type`, or the field `ce-type`:

      | Code | Meaning |
      |---|---|

      """
    for code in EventErrorCode.allCases { text += "| `\(code.rawValue)` | \(code.meaning) |\n" }
    text += """

      A text that is not JSON (`malformed_json`), with `offset` in bytes and what was `expected`:

      | Code | Meaning |
      |---|---|

      """
    for code in JSONFaultCode.allCases { text += "| `json.\(code.name)` | \(code.text) |\n" }
    text += """

      A schema that is not taken (`schema_invalid`), `pointer` being into the schema:

      | Code | Meaning |
      |---|---|

      """
    for code in SchemaFaultCode.allCases { text += "| `\(code.rawValue)` | \(code.meaning) |\n" }
    return text
  }
}
