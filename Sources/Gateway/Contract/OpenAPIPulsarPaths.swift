extension OpenAPIDocument {
  /// Pulsar's admin API of schemas, with Pulsar's answers: errors are `{"reason": …}`.
  static let pulsarPaths: [Path] = [
    Path(
      template: "/admin/v2/schemas/{tenant}/{namespace}/{topic}/schema",
      operations: [
        Operation(
          method: "get", id: "pulsarGetSchema", reply: "PulsarSchema",
          summary: "Pulsar's API: the version in force",
          statuses: [200, 412], query: ["authoritative"], isConditional: true),
        Operation(
          method: "post", id: "pulsarPostSchema", reply: "PulsarPosted",
          summary: "Pulsar's API: registers a version, unless it is there",
          statuses: [200, 406, 409, 412, 413, 415, 422], query: ["authoritative"],
          body: ["application/json"], takes: "PulsarPost", isConditional: true),
        Operation(
          method: "delete", id: "pulsarDeleteSchema", reply: "PulsarVersion",
          summary: "Pulsar's API: deletes all versions",
          statuses: [200, 409, 412], query: ["authoritative", "force"], isConditional: true),
      ]),
    Path(
      template: "/admin/v2/schemas/{tenant}/{namespace}/{topic}/schema/{version}",
      operations: [
        Operation(
          method: "get", id: "pulsarGetSchemaVersion", reply: "PulsarSchema",
          summary: "Pulsar's API: one version",
          statuses: [200, 412], query: ["authoritative"], isConditional: true)
      ]),
    Path(
      template: "/admin/v2/schemas/{tenant}/{namespace}/{topic}/schemas",
      operations: [
        Operation(
          method: "get", id: "pulsarListSchemas", reply: "PulsarSchemas",
          summary: "Pulsar's API: all versions",
          statuses: [200, 412], query: ["authoritative"])
      ]),
    Path(
      template: "/admin/v2/schemas/{tenant}/{namespace}/{topic}/compatibility",
      operations: [
        Operation(
          method: "post", id: "pulsarTestCompatibility", reply: "PulsarCompatibility",
          summary: "Pulsar's API: whether a schema may follow",
          statuses: [202, 406, 412, 413, 415, 422], query: ["authoritative"],
          body: ["application/json"], takes: "PulsarPost")
      ]),
    Path(
      template: "/admin/v2/schemas/{tenant}/{namespace}/{topic}/version",
      operations: [
        Operation(
          method: "post", id: "pulsarGetVersion", reply: "PulsarVersion",
          summary: "Pulsar's API: which version it is",
          statuses: [200, 406, 412, 413, 415, 422], query: ["authoritative"],
          body: ["application/json"], takes: "PulsarPost")
      ]),
  ]
}
