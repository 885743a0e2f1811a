extension OpenAPIDocument {
  /// Every path of the contract that is built, with its operations.
  static let paths: [Path] =
    topicPaths + subscriptionPaths + schemaPaths + documentPaths + pulsarPaths + otherPaths

  private static let topicPaths: [Path] = [
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/events",
      operations: [
        Operation(
          method: "post", id: "publish", summary: "Stores an event or a batch",
          statuses: [201, 202, 207, 409, 413, 415, 422], query: ["atomic"],
          body: [
            "application/json", "application/cloudevents+json",
            "application/cloudevents-batch+json", "application/x-ndjson",
          ]),
        Operation(
          method: "get", id: "read", summary: "Events by long-poll, as an event stream or as lines",
          statuses: [200, 406, 409, 410], query: ["from", "max", "wait", "view", "ticket"],
          answers: ["text/event-stream", "application/x-ndjson"]),
        Operation(
          method: "head", id: "extent", summary: "The oldest and the newest event in header fields",
          statuses: [200]),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/events/{messageId}",
      operations: [
        Operation(
          method: "get", id: "readOne", summary: "One event, or its stored bytes",
          statuses: [200], query: ["view"], answers: ["application/cloudevents+json"])
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}",
      operations: [
        Operation(
          method: "put", id: "putTopic", summary: "Makes or configures a topic",
          statuses: [200, 201], body: ["application/json"], isConditional: true),
        Operation(
          method: "get", id: "getTopic", summary: "Configuration, statistics and latencies",
          statuses: [200], isConditional: true),
        Operation(
          method: "delete", id: "deleteTopic", summary: "Deletes a topic with all it holds",
          statuses: [204], isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "get", id: "listTopics", summary: "The topics that the caller may see",
          statuses: [200], query: ["limit", "after"])
      ]),
  ]

  private static let subscriptionPaths: [Path] = [
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions",
      operations: [
        Operation(
          method: "get", id: "listSubscriptions", summary: "All subscriptions with their backlog",
          statuses: [200])
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}",
      operations: [
        Operation(
          method: "put", id: "putSubscription", summary: "Makes a durable subscription",
          statuses: [200, 201, 409], body: ["application/json"], isConditional: true),
        Operation(
          method: "get", id: "getSubscription", summary: "Position, backlog and consumers",
          statuses: [200], isConditional: true),
        Operation(
          method: "delete", id: "deleteSubscription", summary: "Deletes a subscription",
          statuses: [204], isConditional: true),
      ]),
    verb(
      "receive",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/receive",
      "Takes leases on events", [200, 409]),
    verb(
      "acknowledge",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/acknowledge",
      "Settles events for good", [200, 409], query: ["durable"]),
    verb(
      "release",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/release",
      "Gives events back", [200]),
    verb(
      "extend",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/extend",
      "Makes leases last longer", [200]),
    verb(
      "seek",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/seek",
      "Moves the position", [200, 409]),
  ]

  private static func verb(
    _ id: StaticString, at template: StaticString, _ summary: StaticString, _ statuses: [Int],
    query: [StaticString] = []
  ) -> Path {
    Path(
      template: template,
      operations: [
        Operation(
          method: "post", id: id, summary: summary, statuses: statuses, query: query,
          body: ["application/json"])
      ])
  }

  private static let documentPaths: [Path] = [
    Path(
      template: "/v1/schemas/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "get", id: "listDocuments", summary: "The namespace's schema documents",
          statuses: [200], query: ["limit", "after", "deleted"])
      ]),
    // `{name}` may hold slashes, which OpenAPI cannot say.
    Path(
      template: "/v1/schemas/{tenant}/{namespace}/{name}",
      operations: [
        Operation(
          method: "put", id: "putDocument", summary: "Puts the next version of a schema document",
          statuses: [200, 201, 409, 413, 415, 422], query: ["uri"],
          body: ["application/schema+json"], isConditional: true),
        Operation(
          method: "get", id: "getDocument", summary: "A schema document, described or bundled",
          statuses: [200], query: ["version", "bundle", "view", "deleted"],
          answers: ["application/schema+json"], isConditional: true),
        Operation(
          method: "delete", id: "deleteDocument",
          summary: "Deletes a schema document or a version, softly or for good",
          statuses: [204, 409], query: ["version", "permanent"], isConditional: true),
      ]),
    Path(
      template: "/v1/schemas/{tenant}/{namespace}/{name}/referencedby",
      operations: [
        Operation(
          method: "get", id: "listReferrers", summary: "Documents and topics that refer to it",
          statuses: [200])
      ]),
  ]

  private static let otherPaths: [Path] = [
    Path(
      template: "/v1/namespaces/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "put", id: "putNamespace", summary: "Sets a namespace's policy",
          statuses: [200, 201], body: ["application/json"], isConditional: true),
        Operation(
          method: "get", id: "getNamespace", summary: "What holds for a namespace's topics",
          statuses: [200], isConditional: true),
        Operation(
          method: "delete", id: "deleteNamespace", summary: "Forgets a namespace's own policy",
          statuses: [204], isConditional: true),
      ]),
    Path(
      template: "/v1/tenants/{tenant}",
      operations: [
        Operation(
          method: "get", id: "getTenant", summary: "The caller's tenant as configured",
          statuses: [200])
      ]),
    Path(
      template: "/v1/tickets",
      operations: [
        Operation(
          method: "post", id: "issueTicket", summary: "A ticket that opens one stream",
          statuses: [201], body: ["application/json"])
      ]),
    Path(
      template: "/v1/streams/{stream}/token",
      operations: [
        Operation(
          method: "post", id: "renewStream", summary: "Lets a live stream go on under this token",
          statuses: [200])
      ]),
    Path(
      template: "/v1/explain",
      operations: [
        Operation(
          method: "post", id: "explain", summary: "Which key, mapping and rule decide",
          statuses: [200], body: ["application/json"])
      ]),
    Path(
      template: "/v1/whoami",
      operations: [
        Operation(
          method: "get", id: "whoami", summary: "How the gateway sees the caller",
          statuses: [200])
      ]),
    Path(
      template: "/v1/revocations",
      operations: [
        Operation(
          method: "post", id: "revoke", summary: "Takes back a token, a key or a subject's tokens",
          statuses: [201, 404, 409, 415], body: ["application/json"], isOpen: true),
        Operation(
          method: "get", id: "listRevocations", summary: "The revocations in force",
          statuses: [200, 404], isOpen: true),
      ]),
    open("/healthz", "health", "The process lives"),
    open("/readyz", "readiness", "The gateway can serve"),
    Path(
      template: "/metrics",
      operations: [
        Operation(
          method: "get", id: "metrics", summary: "Metrics in Prometheus' text format",
          statuses: [200, 404], answers: ["text/plain"], isOpen: true)
      ]),
    open("/openapi.json", "openAPI", "This document"),
    open(
      "/.well-known/oauth-protected-resource", "resourceMetadata",
      "Protected-resource metadata (RFC 9728)"),
  ]

  private static func open(
    _ template: StaticString, _ id: StaticString, _ summary: StaticString
  ) -> Path {
    Path(
      template: template,
      operations: [
        Operation(method: "get", id: id, summary: summary, statuses: [200], isOpen: true)
      ])
  }
}
