import Bytes
import JSONText

extension SchemaRefusal {
  /// What stays with an event that is stored all the same: an array of the elements that a
  /// refusal's `errors` would have, at most `SchemaLimits.marks` of them in
  /// `SchemaLimits.markBytes`; of one that is too long only `pointer` and `code`. Codes are those
  /// of violations; what is refused as a whole has the code of its problem. Never a value of the
  /// payload; lines and columns count in the payload as it is stored.
  var marks: ByteSlice {
    switch self {
    case .violations(let violations, let truncated):
      var json = JSONWriter()
      json.beginArray()
      var left = truncated
      for (index, violation) in violations.enumerated() {
        guard index < SchemaLimits.marks,
          let mark = Self.mark(violation, room: SchemaLimits.markBytes - json.bytes.count - 64)
        else {
          left = true
          break
        }
        json.raw(mark)
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

  /// The whole element where there is room for it, else the least; nil where there is for neither.
  private static func mark(_ violation: Violation, room: Int) -> ByteSlice? {
    var json = JSONWriter()
    violation.write(into: &json)
    if json.bytes.count <= room { return json.bytes.slice }
    json = JSONWriter()
    write(violation.pointer, violation.code.name, into: &json)
    return json.bytes.count <= room ? json.bytes.slice : nil
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
