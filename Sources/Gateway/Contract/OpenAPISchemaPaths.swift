extension OpenAPIDocument {
  /// The media types of schemas.
  private static let languages: [StaticString] = [
    "application/schema+json", "application/vnd.apache.avro+json",
  ]

  /// The same, and plain JSON, which is taken for a JSON Schema.
  private static let schemaTypes = languages + ["application/json"]

  /// A topic's schemas, their versions and their binding.
  static let schemaPaths: [Path] = [
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema",
      operations: [
        Operation(
          method: "put", id: "putSchema", reply: "SchemaVersion",
          summary: "Registers the next version of a schema",
          statuses: [200, 201, 409, 413, 415, 422], query: ["subject", "lint", "override"],
          body: schemaTypes, isConditional: true),
        Operation(
          method: "get", id: "getSchema", reply: "Any", summary: "The schema in force",
          statuses: [200],
          query: ["subject", "version", "bundle", "as"], answers: languages, isConditional: true),
        Operation(
          method: "delete", id: "deleteSchema",
          summary: "Takes one line of versions, or all and the binding, out of use",
          statuses: [204, 409], query: ["subject"], isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema/check",
      operations: [
        Operation(
          method: "post", id: "checkSchema", reply: "Check",
          summary: "What registering a schema would come to, without registering it",
          statuses: [200, 413, 415, 422], query: ["subject"], body: schemaTypes)
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema/default",
      operations: [
        Operation(
          method: "get", id: "getSchemaDefault", reply: "SchemaVersion",
          summary: "What is known of the default version",
          statuses: [200], query: ["subject"], isConditional: true),
        Operation(
          method: "put", id: "putSchemaDefault", reply: "SchemaVersion",
          summary: "Makes a version the default of its line, forward or back",
          statuses: [200, 409], body: ["application/json"], takes: "PutDefault",
          isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema/binding",
      operations: [
        Operation(
          method: "get", id: "getSchemaBinding", reply: "Binding",
          summary: "Which events are checked against what, and what becomes of those that fail",
          statuses: [200], isConditional: true),
        Operation(
          method: "put", id: "putSchemaBinding", reply: "Binding", summary: "Replaces the binding",
          statuses: [200, 201, 409], body: ["application/json"], takes: "PutBinding",
          isConditional: true),
        Operation(
          method: "delete", id: "deleteSchemaBinding",
          summary: "Every event is checked against the line 'default' again", statuses: [204],
          isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schemas",
      operations: [
        Operation(
          method: "get", id: "listSchemas", reply: "SchemaVersions",
          summary: "All registered versions", statuses: [200],
          query: ["subject", "deleted", "limit", "after"])
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schemas/{version}",
      operations: [
        Operation(
          method: "get", id: "getSchemaVersion", reply: "Any", summary: "One version's text",
          statuses: [200], query: ["bundle", "as"],
          answers: languages, isConditional: true),
        Operation(
          method: "patch", id: "patchSchemaVersion", reply: "SchemaVersion",
          summary: "Deprecates a version, or makes it active again", statuses: [200, 409],
          body: ["application/json"], takes: "PatchVersion", isConditional: true),
        Operation(
          method: "delete", id: "deleteSchemaVersion",
          summary: "Deletes a version softly, or for good", statuses: [204, 409],
          query: ["permanent"], isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema/validate",
      operations: [
        Operation(
          method: "post", id: "validate", reply: "Validation",
          summary: "What publishing would say of an event or a batch, without storing it",
          statuses: [200, 409, 413, 415, 422], query: ["type", "subject", "version"],
          fields: eventFields,
          body: eventTypes)
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/schema/replay",
      operations: [
        Operation(
          method: "post", id: "replaySchema", reply: "Replay",
          summary: "Which of the topic's newest events a candidate would refuse",
          statuses: [200, 413, 415, 422], query: ["last", "type"],
          body: schemaTypes)
      ]),
  ]
}
