/// The header fields that operations read, and which schema a body has.
extension OpenAPIDocument {
  /// What an event is told apart and ordered by, beside its payload: the CloudEvents attributes of
  /// binary mode that have a meaning here; any other `ce-…` is an extension.
  static let eventFields: [StaticString] = [
    "Event-Key", "Event-Time", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject",
    "ce-time", "ce-dataschema", "ce-partitionkey", "traceparent", "tracestate",
  ]

  /// The schema of a header field, and what it is for.
  static func field(
    _ name: String, of operation: Operation
  ) -> (schema: String, description: StaticString) {
    let text = #"{"type":"string","minLength":1,"maxLength":8192}"#
    let key = #"{"type":"string","minLength":1,"maxLength":1024}"#
    let instant = ##"{"$ref":"#/components/schemas/RFC3339"}"##
    switch name {
    case "Event-Key": return (key, "The ordering key, as CloudEvents' `partitionkey`")
    case "Event-Time": return (instant, "The event's `time`")
    case "ce-specversion":
      return (#"{"const":"1.0"}"#, "Says that the `ce-` fields are the event's attributes")
    case "ce-id": return (text, "The event's `id`; the message id where it is absent")
    case "ce-source": return (text, "Where it comes from")
    case "ce-type": return (text, "What it is; chooses the schema where the topic has several")
    case "ce-subject": return (text, "What it is about")
    case "ce-time": return (instant, "When it happened")
    case "ce-dataschema": return (text, "The version of the topic's schema that it keeps to")
    case "ce-partitionkey": return (key, "The ordering key, as `Event-Key`")
    case "traceparent":
      return (
        #"{"type":"string","pattern":"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"}"#,
        "Kept with the event (W3C Trace Context)"
      )
    case "tracestate": return (#"{"type":"string"}"#, "Kept with `traceparent`")
    case "Last-Event-ID":
      return (
        #"{"type":"string","examples":["1:42"]}"#,
        "A cursor: reading goes on behind it. It beats `from`"
      )
    case "Prefer" where "\(operation.id)" == "publish":
      return (
        #"{"type":"string","examples":["return=minimal"]}"#,
        "`return=minimal`: of a batch the counts, no results"
      )
    case "Prefer":
      return (
        #"{"type":"string","examples":["wait=1"]}"#,
        "`wait=1`: as the parameter, in seconds; more than a minute is cut to it"
      )
    case "If-Match", "If-None-Match":
      return (
        #"{"type":"string","examples":["*","\"0f3a\""]}"#,
        "Tags of what is there, or `*` (RFC 9110)"
      )
    default:
      return (
        ##"{"$ref":"#/components/schemas/Name"}"##,
        "The tenant, for a caller who has several and a path that names none"
      )
    }
  }

  /// What a request may carry events as: any other type is one payload of that type.
  static let eventTypes: [StaticString] = [
    "application/json", "application/cloudevents+json", "application/cloudevents-batch+json",
    "application/x-ndjson", "*/*",
  ]

  /// The component that describes a body of this media type; nil for one that is free.
  static func body(_ type: StaticString, of operation: Operation) -> StaticString? {
    switch "\(type)" {
    case "application/json":
      operation.takes ?? (takesSchema(operation) ? "JSONSchema" : nil)
    case "application/cloudevents+json": "CloudEvent"
    case "application/cloudevents-batch+json": "CloudEvents"
    case "application/schema+json": "JSONSchema"
    case "application/vnd.apache.avro+json": "AvroSchema"
    default: nil
    }
  }

  private static func takesSchema(_ operation: Operation) -> Bool {
    operation.body.contains { "\($0)" == "application/schema+json" }
  }

  /// Who may call: a caller shows one of these.
  static let security: StaticString =
    #"[{"bearer":[]},{"dpop":[],"proof":[]},{"apiKey":[]}]"#

  static let securitySchemes: StaticString = #"""
    {"bearer":{"type":"http","scheme":"bearer","bearerFormat":"JWT",
    "description":"A token of one of the configured issuers"},
    "dpop":{"type":"http","scheme":"dpop",
    "description":"A token that is bound to a key of the client's (RFC 9449); needs `proof` too"},
    "proof":{"type":"apiKey","in":"header","name":"DPoP",
    "description":"A proof of possession for this method and URL, signed with that key"},
    "apiKey":{"type":"apiKey","in":"header","name":"X-API-Key",
    "description":"A key, where an issuer of API keys is configured"}}
    """#
}
