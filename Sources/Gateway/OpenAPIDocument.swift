public import Bytes
import JSONText

/// The contract as a machine reads it: OpenAPI 3.1, made once from the table of operations below. A
/// test holds the table against the routes, so that neither can drift.
public enum OpenAPIDocument {
  public static let text: ByteSlice = write()

  /// One path and what it answers to.
  struct Path {
    let template: StaticString
    let operations: [Operation]
  }

  struct Operation {
    let method: StaticString
    let id: StaticString
    let summary: StaticString
    let statuses: [Int]
    var query: [StaticString] = []
    /// The media types a body may have; empty without one.
    var body: [StaticString] = []
    /// Beside `application/json`.
    var answers: [StaticString] = []
    var isOpen = false
    /// Whether it takes `If-Match` and `If-None-Match`; a change then takes `dryRun` too.
    var isConditional = false
  }

  /// What every authenticated call can meet.
  private static let common = [400, 401, 403, 404, 429, 501, 503]

  private static func write() -> ByteSlice {
    var json = JSONWriter(capacity: 32 << 10)
    json.beginObject()
    json.key("openapi")
    json.string("3.1.0" as StaticString)
    json.key("info")
    json.beginObject()
    member("title", "Jodrell", &json)
    member("version", "1", &json)
    member("description", "An event gateway with a Pulsar-style log inside.", &json)
    json.endObject()
    json.key("paths")
    json.beginObject()
    for path in paths {
      json.key(path.template)
      write(path, &json)
    }
    json.endObject()
    writeComponents(&json)
    json.endObject()
    return json.slice
  }

  private static func write(_ path: Path, _ json: inout JSONWriter) {
    json.beginObject()
    let names = parameters(of: path.template)
    if !names.isEmpty {
      json.key("parameters")
      json.beginArray()
      for name in names {
        json.beginObject()
        json.key("name")
        json.string(name)
        member("in", "path", &json)
        json.key("required")
        json.bool(true)
        json.key("schema")
        json.beginObject()
        member(
          "$ref",
          name == "messageId" || name == "version" || name == "name"
            ? "#/components/schemas/Text" : "#/components/schemas/Name", &json)
        json.endObject()
        json.endObject()
      }
      json.endArray()
    }
    for operation in path.operations {
      json.key(operation.method)
      write(operation, takesTenant: !names.contains("tenant") && !operation.isOpen, &json)
    }
    json.endObject()
  }

  /// - Parameter takesTenant: whether `Jodrell-Tenant` may choose the tenant, which the path does
  ///   not name.
  private static func write(
    _ operation: Operation, takesTenant: Bool, _ json: inout JSONWriter
  ) {
    json.beginObject()
    member("operationId", operation.id, &json)
    member("summary", operation.summary, &json)
    if operation.isOpen {
      json.key("security")
      json.beginArray()
      json.endArray()
    }
    let isChange = operation.method != "get"
    let query = operation.query + (operation.isConditional && isChange ? ["dryRun"] : [])
    let fields: [StaticString] =
      (operation.isConditional ? ["If-Match", "If-None-Match"] : [])
      + (takesTenant ? ["Jodrell-Tenant"] : [])
    if !query.isEmpty || !fields.isEmpty {
      json.key("parameters")
      json.beginArray()
      for name in query { parameter(name, "query", &json) }
      for name in fields { parameter(name, "header", &json) }
      json.endArray()
    }
    if !operation.body.isEmpty {
      json.key("requestBody")
      json.beginObject()
      json.key("content")
      content(operation.body, &json)
      json.endObject()
    }
    json.key("responses")
    json.beginObject()
    for status in operation.statuses {
      json.key(String(status))
      answer(operation, &json)
    }
    for status in operation.isOpen ? [] : common where !operation.statuses.contains(status) {
      json.key(String(status))
      problem(&json)
    }
    if operation.isConditional {
      if !isChange {
        json.key("304")
        json.raw(ByteSlice(utf8: #"{"description":"The caller has it already"}"#))
      }
      json.key("412")
      problem(&json)
    }
    json.key("default")
    problem(&json)
    json.endObject()
    json.endObject()
  }

  private static func parameter(
    _ name: StaticString, _ place: StaticString, _ json: inout JSONWriter
  ) {
    json.beginObject()
    member("name", name, &json)
    member("in", place, &json)
    json.key("schema")
    json.beginObject()
    member("type", "string", &json)
    json.endObject()
    json.endObject()
  }

  private static func answer(_ operation: Operation, _ json: inout JSONWriter) {
    json.beginObject()
    member("description", operation.summary, &json)
    if operation.statuses != [204] {
      json.key("content")
      content(
        (operation.answers.contains("text/plain") ? [] : ["application/json"]) + operation.answers,
        &json)
    }
    json.endObject()
  }

  private static func content(_ types: [StaticString], _ json: inout JSONWriter) {
    json.beginObject()
    for type in types {
      json.key(type)
      json.beginObject()
      json.endObject()
    }
    json.endObject()
  }

  private static func problem(_ json: inout JSONWriter) {
    json.beginObject()
    member("$ref", "#/components/responses/Problem", &json)
    json.endObject()
  }

  private static func writeComponents(_ json: inout JSONWriter) {
    json.key("security")
    json.raw(ByteSlice(utf8: #"[{"bearer":[]}]"#))
    json.key("components")
    json.raw(
      ByteSlice(
        utf8: #"""
          {"securitySchemes":{"bearer":{"type":"http","scheme":"bearer","bearerFormat":"JWT"}},
          "responses":{"Problem":{"description":"A refusal (RFC 9457)","content":
          {"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}},
          "schemas":{"Name":{"type":"string","pattern":"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
          "Text":{"type":"string"},
          "Problem":{"type":"object",
          "required":["type","title","status","detail","code","retryable"],
          "properties":{"type":{"type":"string"},"title":{"type":"string"},
          "status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},
          "code":{"type":"string"},"retryable":{"type":"boolean"},
          "errors":{"type":"array","maxItems":32,
          "items":{"$ref":"#/components/schemas/Fault"}},"truncated":{"type":"boolean"},
          "topic":{"type":"string"},"schema":{"type":"string"},
          "schemaUrl":{"type":"string"},"schemaVersion":{"type":"integer"}}},
          "Fault":{"type":"object","required":["pointer","code","message"],
          "properties":{"event":{"type":"integer"},"pointer":{"type":"string"},
          "line":{"type":"integer"},"column":{"type":"integer"},"offset":{"type":"integer"},
          "keyword":{"type":"string"},"schemaPointer":{"type":"string"},
          "code":{"type":"string"},"message":{"type":"string"},"expected":{},
          "actual":{"type":"object","required":["type"],"properties":{"type":{"type":"string"},
          "length":{"type":"integer"}}},"suggestion":{"type":"string"},
          "branch":{"type":"object","properties":{"schemaPointer":{"type":"string"},
          "reason":{"type":"string"}}}}}}}
          """#))
  }

  private static func member(
    _ name: StaticString, _ value: StaticString, _ json: inout JSONWriter
  ) {
    json.key(name)
    json.string(value)
  }

  /// The names in braces.
  static func parameters(of template: StaticString) -> [String] {
    "\(template)".split(separator: "/").filter { $0.hasPrefix("{") }
      .map { String($0.dropFirst().dropLast()) }
  }
}

extension StaticString {
  fileprivate static func == (left: StaticString, right: StaticString) -> Bool {
    "\(left)" == "\(right)"
  }

  fileprivate static func != (left: StaticString, right: StaticString) -> Bool {
    !(left == right)
  }
}

extension [StaticString] {
  fileprivate func contains(_ text: StaticString) -> Bool { contains { $0 == text } }
}
