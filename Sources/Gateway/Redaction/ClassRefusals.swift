import Bytes
import JSONText
import Metrics
import Schemas
import Tenancy

// What is refused for the sake of classified data.
extension ProblemCode {
  var classRow: Row {
    switch self {
    case .classRequired:
      Row(
        403, .forbidden, "Classified",
        "What you ask for would show data of the `classes` named, which your grants do not name: "
          + "ask the operator (docs/redaction.md).")
    case .classificationLoosened:
      Row(
        403, .forbidden, "Classification loosened",
        "The change would show readers what they may not see now; `loosened` says where. Keep the "
          + "labels, or have it made by somebody with an `admin` grant.")
    default:
      Row(
        409, .conflict, retryable: true, "Grants changed",
        "The policy or your new token lets you see other classes of data than when the stream "
          + "began: open it again behind the last event you have.")
    }
  }
}

extension Refusal {
  /// Data of these classes, a list with commas between, would be shown.
  init(classRequired classes: ByteSlice, _ detail: String) {
    let names = classes.text.split(separator: ",").map { name in
      JSONWriter.text { $0.string(String(name)) }
    }
    self.init(.classRequired, detail)
    self = with("classes", elements: names)
  }

  init(loosening changes: [Loosening]) {
    self.init(
      .classificationLoosened, "only a caller with an admin grant may loosen a classification")
    let texts = changes.map { change in
      JSONWriter.text { json in
        json.beginObject()
        json.key("place")
        json.string(JSONPointer.cut(ByteSlice(utf8: change.place), to: SchemaLimits.pointerBytes))
        if let label = change.label {
          json.key("class")
          json.string(label.bytes)
        }
        json.key("message")
        json.string(change.message)
        json.endObject()
      }
    }
    self = with("loosened", elements: texts)
  }
}
