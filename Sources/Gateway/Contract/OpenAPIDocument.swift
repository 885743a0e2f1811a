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
    /// The schema of the JSON that a good answer is; nil for one without a body.
    var reply: StaticString?
    let summary: StaticString
    let statuses: [Int]
    var query: [StaticString] = []
    /// Header fields beside those of conditions and `Jodrell-Tenant`.
    var fields: [StaticString] = []
    /// The media types a body may have; empty without one.
    var body: [StaticString] = []
    /// The schema of a body that is `application/json`; nil for an event's payload.
    var takes: StaticString?
    /// Beside `application/json`.
    var answers: [StaticString] = []
    /// Whether nobody needs to show who it is.
    var isOpen = false
    /// Whether only some need to: what they are told differs.
    var isPartlyOpen = false
    /// Whether it takes `If-Match` and `If-None-Match`; a change then takes `dryRun` too.
    var isConditional = false
    /// Whether a good answer may leave out what its reader may not see, and says so.
    var isRedacted = false
  }

  /// What every call can meet: of the wire, of a door that is not for it, of a gateway in trouble.
  private static let common = [400, 403, 404, 408, 414, 417, 429, 431, 500, 501, 503]
  /// What a call of a known caller can meet besides.
  private static let authenticated = [401, 409, 412]
  /// What a call with a body can meet besides.
  private static let embodied = [413, 415, 422]
  /// What a batch of which nothing was stored is answered with, beside its results.
  private static let batchRefusals = [422, 429, 503]

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
        json.raw(ByteSlice(utf8: schema(ofSegment: name, in: path.template)))
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
    } else if operation.isPartlyOpen {
      json.key("security")
      json.raw(ByteSlice(utf8: "[{},\("\(security)".dropFirst())"))
    }
    let isChange = operation.method != "get"
    let query = operation.query + (operation.isConditional && isChange ? ["dryRun"] : [])
    let fields =
      operation.fields + (operation.isConditional ? ["If-Match", "If-None-Match"] : [])
      + (takesTenant ? ["Jodrell-Tenant"] : [])
    if !query.isEmpty || !fields.isEmpty {
      json.key("parameters")
      json.beginArray()
      for name in query { parameter(name, "query", of: operation, &json) }
      for name in fields { parameter(name, "header", of: operation, &json) }
      json.endArray()
    }
    if !operation.body.isEmpty {
      json.key("requestBody")
      json.beginObject()
      json.key("content")
      content(of: operation, &json)
      json.endObject()
    }
    json.key("responses")
    json.beginObject()
    for status in statuses(of: operation) {
      json.key(String(status))
      if status < 400 {
        answer(operation, status, &json)
      } else {
        problem(operation, status, &json)
      }
    }
    json.endObject()
    json.endObject()
  }

  /// Every status that the operation can be answered with; there is no other.
  private static func statuses(of operation: Operation) -> [Int] {
    var statuses = Set(operation.statuses + common)
    if !operation.isOpen { statuses.formUnion(authenticated) }
    if !operation.body.isEmpty { statuses.formUnion(embodied) }
    if operation.isConditional, operation.method == "get" { statuses.insert(304) }
    return statuses.sorted()
  }

  private static func parameter(
    _ name: StaticString, _ place: StaticString, of operation: Operation,
    _ json: inout JSONWriter
  ) {
    json.beginObject()
    member("name", name, &json)
    member("in", place, &json)
    if place == "header" {
      let (schema, description) = field("\(name)", of: operation)
      member("description", description, &json)
      json.key("schema")
      json.raw(ByteSlice(utf8: schema))
    } else {
      json.key("schema")
      json.raw(ByteSlice(utf8: schema(ofParameter: "\(name)", in: operation)))
    }
    json.endObject()
  }

  private static func answer(
    _ operation: Operation, _ status: Int, _ json: inout JSONWriter
  ) {
    json.beginObject()
    member("description", status == 304 ? "The caller has it already" : operation.summary, &json)
    if status != 204, status != 304, operation.method != "head" {
      json.key("content")
      json.beginObject()
      if let reply = operation.reply {
        json.key("application/json")
        json.beginObject()
        reference(reply, &json)
        json.endObject()
      }
      for type in operation.answers {
        json.key(type)
        json.beginObject()
        json.endObject()
      }
      json.endObject()
    }
    if operation.isRedacted {
      json.key("headers")
      json.raw(
        ByteSlice(
          utf8: #"{"Jodrell-Redacted":{"description":"The classes for want of which something is "#
            + #"not as it is stored, `*` for more than 2 KiB of names; of a stream, those of the "#
            + #"schemas in force","#
            + #""schema":{"type":"string"}}}"#))
    }
    json.endObject()
  }

  private static func reference(_ name: StaticString, _ json: inout JSONWriter) {
    json.key("schema")
    json.beginObject()
    json.key("$ref")
    json.string("#/components/schemas/\(name)")
    json.endObject()
  }

  private static func content(of operation: Operation, _ json: inout JSONWriter) {
    json.beginObject()
    for type in operation.body {
      json.key(type)
      json.beginObject()
      if let schema = body(type, of: operation) { reference(schema, &json) }
      json.endObject()
    }
    json.endObject()
  }

  private static func problem(
    _ operation: Operation, _ status: Int, _ json: inout JSONWriter
  ) {
    json.beginObject()
    if operation.id == "publish", batchRefusals.contains(status) {
      // A batch of which nothing was stored says so for each of its events.
      member("$ref", "#/components/responses/Rejected", &json)
    } else if "\(operation.id)".hasPrefix("pulsar") {
      member("$ref", "#/components/responses/PulsarRefusal", &json)
    } else {
      member("$ref", "#/components/responses/Problem", &json)
    }
    json.endObject()
  }

  private static func writeComponents(_ json: inout JSONWriter) {
    json.key("security")
    json.raw(ByteSlice(utf8: "\(security)"))
    json.key("components")
    json.beginObject()
    json.key("securitySchemes")
    json.raw(ByteSlice(utf8: "\(securitySchemes)"))
    json.key("responses")
    json.raw(ByteSlice(utf8: "\(refusals)"))
    json.key("schemas")
    json.raw(ByteSlice(utf8: "{\(schemas),\(bodies)}"))
    json.endObject()
  }

  private static let refusals: StaticString = ##"""
    {"Problem":{"description":"A refusal (RFC 9457)","content":
    {"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}},
    "Rejected":{"description":"A refusal, or a batch of which nothing was stored","content":
    {"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}},
    "application/json":{"schema":{"$ref":"#/components/schemas/Batch"}}}},
    "PulsarRefusal":{"description":"A refusal in Pulsar's form; of the wire itself in ours",
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/PulsarRefusal"}},
    "application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}}
    """##

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
