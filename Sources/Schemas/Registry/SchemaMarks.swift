import Bytes
import JSONText

extension SchemaRefusal {
  /// What stays with an event that is stored all the same: an array of `{"pointer","code"}`, at
  /// most `SchemaLimits.marks` of them in `SchemaLimits.markBytes`. Codes are those of violations;
  /// what is refused as a whole has the code of its problem. Never a value of the payload.
  var marks: ByteSlice {
    switch self {
    case .violations(let violations, let truncated):
      var json = JSONWriter()
      json.beginArray()
      var left = truncated
      for (index, violation) in violations.enumerated() {
        let cost = violation.pointer.utf8.count + violation.code.name.utf8.count + 32
        guard index < SchemaLimits.marks, json.bytes.count + cost <= SchemaLimits.markBytes else {
          left = true
          break
        }
        Self.write(violation.pointer, violation.code.name, into: &json)
      }
      if left { Self.write("", "truncated", into: &json) }
      json.endArray()
      return json.bytes.slice
    case .budgetExceeded: return Self.mark("validation_budget_exceeded")
    case .patternLimit: return Self.mark("pattern_limit_exceeded")
    case .mediaType: return Self.mark("unsupported_media_type")
    case .schemaMismatch: return Self.mark("dataschema_mismatch")
    case .malformedJSON, .schemaRequired, .unknownType, .notCompiled: return Self.mark("refused")
    }
  }

  private static func mark(_ code: String) -> ByteSlice {
    var json = JSONWriter()
    json.beginArray()
    write("", code, into: &json)
    json.endArray()
    return json.bytes.slice
  }

  private static func write(_ pointer: String, _ code: String, into json: inout JSONWriter) {
    json.beginObject()
    json.key("pointer")
    json.string(pointer)
    json.key("code")
    json.string(code)
    json.endObject()
  }
}
