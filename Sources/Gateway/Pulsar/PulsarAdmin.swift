import Bytes
import JSONText
import Schemas
import Tenancy
import Topics

/// What Pulsar's admin API is known by here, and how it says things: the shapes of
/// `SchemasResource` and its response classes in Pulsar 4.
enum PulsarAdmin {
  static let schemas: StaticString = "/admin/v2/schemas/"

  /// Whether a path is answered in Pulsar's words.
  static func speaks(_ path: ByteSlice) -> Bool { path.starts(with: "/admin/") }

  /// Pulsar keeps one schema for all partitions of a topic: `orders-partition-3` means `orders`.
  static func unpartitioned(_ reference: TopicReference) -> TopicReference {
    let mark: StaticString = "-partition-"
    let name = reference.topic.bytes
    var start = name.count
    while start > 0, ASCII.isDigit(name[start - 1]) { start -= 1 }
    let end = start - mark.utf8CodeUnitCount
    guard start < name.count, end > 0, name[end..<start].equals(mark),
      let topic = Name(name.prefix(end))
    else { return reference }
    guard let tenant = reference.tenant, let namespace = reference.namespace else {
      return TopicReference(ownTopic: topic)
    }
    return TopicReference(tenant: tenant, namespace: namespace, topic: topic)
  }

  /// Versions count from 0 in Pulsar, from 1 here.
  static func version(_ version: UInt32) -> Int { Int(version) - 1 }

  /// What `/version` answers where no version is the same.
  static let noVersion = -1

  /// The word of a level of compatibility.
  static func strategy(_ level: Compatibility) -> StaticString {
    level == .none ? "ALWAYS_COMPATIBLE" : level.word
  }

  /// Pulsar's types of schema that are not `JSON`.
  static let otherTypes: [StaticString] = [
    "NONE", "STRING", "PROTOBUF", "AVRO", "BOOLEAN", "INT8", "INT16", "INT32", "INT64", "FLOAT",
    "DOUBLE", "DATE", "TIME", "TIMESTAMP", "KEY_VALUE", "INSTANT", "LOCAL_DATE", "LOCAL_TIME",
    "LOCAL_DATE_TIME", "PROTOBUF_NATIVE", "EXTERNAL",
  ]
}

/// What lies below a topic's place in Pulsar's API of schemas.
enum PulsarSchemaResource {
  /// `schema`: the version in force.
  case current
  /// `schema/{version}`
  case version(ByteSlice)
  /// `schemas`
  case all
  /// `compatibility`: whether a schema may follow.
  case compatibility
  /// `version`: which version a schema is.
  case lookup

  var methods: StaticString {
    switch self {
    case .current: "GET, HEAD, POST, DELETE, OPTIONS"
    case .version, .all: "GET, HEAD, OPTIONS"
    case .compatibility, .lookup: "POST, OPTIONS"
    }
  }
}

/// The body of a `POST`: Pulsar's `PostSchemaPayload`. Members that it does not have are ignored,
/// as Pulsar ignores them.
struct PulsarSchemaPayload {
  let text: ByteSlice
  let properties: [SchemaProperty]

  init(reading body: ByteSlice) throws {
    let root = try JSONDocument(parsing: body).root
    guard root.kind == .object, let type = root["type"]?.string, let text = root["schema"]?.string
    else { throw Refusal(.badParameter, "the body has no 'type' and 'schema' that are texts") }
    guard type.equals("JSON") else {
      if type.equals("BYTES") {
        throw Refusal(.notAcceptable, "BYTES is what a topic without a schema has")
      }
      if PulsarAdmin.otherTypes.contains(where: { type.equals($0) }) {
        throw Refusal(.notSupported, "schemas of type \(type.text) are not supported yet")
      }
      throw Refusal(.schemaInvalid, "'\(QueryParameters.shown(type))' is no type of schema")
    }
    self.text = ByteSlice(copying: text.span)
    var properties: [SchemaProperty] = []
    let given = root["properties"]
    guard given == nil || given?.kind == .object || given?.isNull == true else {
      throw Refusal(.badParameter, "'properties' is not an object of texts")
    }
    if let given {
      for (key, value) in given.members {
        guard let value = value.string else {
          throw Refusal(.badParameter, "'properties' is not an object of texts")
        }
        properties.append(SchemaProperty(key: key, value: value))
      }
    }
    guard properties.count <= SchemaLimits.properties,
      properties.reduce(0, { $0 + $1.key.count + $1.value.count }) <= SchemaLimits.propertyBytes
    else {
      throw Refusal(
        .tooLarge,
        "at most \(SchemaLimits.properties) properties of \(SchemaLimits.propertyBytes) bytes")
    }
    // They are kept while the schema waits for its turn, and the body is not.
    self.properties = properties.sorted { $0.key < $1.key }.map {
      SchemaProperty(
        key: ByteSlice(copying: $0.key.span), value: ByteSlice(copying: $0.value.span))
    }
  }
}

extension StoredSchema {
  /// Writes Pulsar's `GetSchemaResponse`.
  func writePulsar(into json: inout JSONWriter) {
    json.beginObject()
    json.key("version")
    json.integer(PulsarAdmin.version(version))
    json.key("type")
    json.string("JSON" as StaticString)
    json.key("timestamp")
    json.integer(Int(registered.nanoseconds / 1_000_000))
    json.key("data")
    json.string(text)
    json.key("properties")
    SchemaProperty.write(properties, into: &json)
    json.endObject()
  }
}

extension Refusal {
  /// Its status in Pulsar's API: what a name must be is a precondition there.
  var pulsarStatus: Int { code == .badName ? 412 : code.status }

  /// Writes the body of an answer in Pulsar's API: `{"reason": …}`, Pulsar's `ErrorData`.
  func writePulsar(into json: inout JSONWriter) {
    json.beginObject()
    json.key("reason")
    json.string(
      JSONPointer.cut(
        ByteSlice(utf8: detail ?? code.row.advice), to: GatewayLimits.detailBytes))
    json.endObject()
  }
}
