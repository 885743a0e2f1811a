extension OpenAPIDocument {
  /// Every path of the contract that is built, with its operations.
  static let paths: [Path] =
    topicPaths + subscriptionPaths + schemaPaths + documentPaths + pulsarPaths + otherPaths

  private static let topicPaths: [Path] = [
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/events",
      operations: [
        Operation(
          method: "post", id: "publish", reply: "StoredOrBatch",
          summary: "Stores an event or a batch",
          statuses: [201, 202, 207, 409, 413, 415, 422], query: ["atomic"],
          fields: eventFields + ["Prefer"],
          body: eventTypes),
        Operation(
          method: "get", id: "read", reply: "Page",
          summary: "Events by long-poll, as an event stream or as lines",
          statuses: [200, 406, 409, 410], query: ["from", "max", "wait", "view", "ticket"],
          fields: ["Last-Event-ID", "Prefer"],
          answers: ["text/event-stream", "application/x-ndjson"], isRedacted: true),
        Operation(
          method: "head", id: "extent", summary: "The oldest and the newest event in header fields",
          statuses: [200]),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/events/{messageId}",
      operations: [
        Operation(
          method: "get", id: "readOne", reply: "Any", summary: "One event, or its stored bytes",
          statuses: [200], query: ["view"], answers: ["application/cloudevents+json"],
          isRedacted: true)
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}",
      operations: [
        Operation(
          method: "put", id: "putTopic", reply: "Topic", summary: "Makes or configures a topic",
          statuses: [200, 201], body: ["application/json"], takes: "PutTopic",
          isConditional: true),
        Operation(
          method: "get", id: "getTopic", reply: "Topic",
          summary: "Configuration, statistics and latencies",
          statuses: [200], isConditional: true),
        Operation(
          method: "delete", id: "deleteTopic", summary: "Deletes a topic with all it holds",
          statuses: [204], isConditional: true),
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "get", id: "listTopics", reply: "Topics",
          summary: "The topics that the caller may see",
          statuses: [200], query: ["limit", "after"])
      ]),
  ]

  private static let subscriptionPaths: [Path] = [
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions",
      operations: [
        Operation(
          method: "get", id: "listSubscriptions", reply: "Subscriptions",
          summary: "All subscriptions with their backlog",
          statuses: [200])
      ]),
    Path(
      template: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}",
      operations: [
        Operation(
          method: "put", id: "putSubscription", reply: "Subscription",
          summary: "Makes a durable subscription",
          statuses: [200, 201, 409], body: ["application/json"], takes: "PutSubscription",
          isConditional: true),
        Operation(
          method: "get", id: "getSubscription", reply: "Subscription",
          summary: "Position, backlog and consumers",
          statuses: [200], query: ["tenant"], isConditional: true),
        Operation(
          method: "delete", id: "deleteSubscription", summary: "Deletes a subscription",
          statuses: [204], query: ["tenant"], isConditional: true),
      ]),
    verb(
      "receive", "Deliveries",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/receive",
      "Takes leases on events", [200, 409], takes: "Receive", isRedacted: true),
    verb(
      "acknowledge", "Settled",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/acknowledge",
      "Settles events for good", [200, 409], query: ["durable"], takes: "Acknowledge"),
    verb(
      "release", "Settled",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/release",
      "Gives events back", [200], takes: "Release"),
    verb(
      "extend", "Settled",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/extend",
      "Makes leases last at least so long from now", [200], takes: "Extend"),
    verb(
      "seek", "Position",
      at: "/v1/topics/{tenant}/{namespace}/{topic}/subscriptions/{subscription}/seek",
      "Moves the position", [200, 409], takes: "Seek", isConditional: true),
  ]

  private static func verb(
    _ id: StaticString, _ reply: StaticString, at template: StaticString,
    _ summary: StaticString, _ statuses: [Int], query: [StaticString] = [],
    takes: StaticString, isConditional: Bool = false, isRedacted: Bool = false
  ) -> Path {
    Path(
      template: template,
      operations: [
        Operation(
          method: "post", id: id, reply: reply, summary: summary, statuses: statuses,
          query: query, body: ["application/json"], takes: takes, isConditional: isConditional,
          isRedacted: isRedacted)
      ])
  }

  private static let documentPaths: [Path] = [
    Path(
      template: "/v1/schemas/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "get", id: "listDocuments", reply: "Documents",
          summary: "The namespace's schema documents",
          statuses: [200], query: ["limit", "after", "deleted"])
      ]),
    // `{name}` may hold slashes, which OpenAPI cannot say.
    Path(
      template: "/v1/schemas/{tenant}/{namespace}/{name}",
      operations: [
        Operation(
          method: "put", id: "putDocument", reply: "Document",
          summary: "Puts the next version of a schema document",
          statuses: [200, 201, 409, 413, 415, 422], query: ["uri", "lint"],
          body: ["application/schema+json", "application/json"], isConditional: true),
        Operation(
          method: "get", id: "getDocument", reply: "Any",
          summary: "A schema document, described or bundled",
          statuses: [200], query: ["version", "bundle", "view", "deleted"],
          answers: ["application/schema+json"], isConditional: true),
        Operation(
          method: "patch", id: "patchDocument", reply: "Any",
          summary: "Makes a version the current one, deprecates one, or brings one back",
          statuses: [200, 409], query: ["version"], body: ["application/json"],
          takes: "PatchDocument", isConditional: true),
        Operation(
          method: "delete", id: "deleteDocument",
          summary: "Deletes a schema document or a version, softly or for good",
          statuses: [204, 409], query: ["version", "permanent"], isConditional: true),
      ]),
    Path(
      template: "/v1/schemas/{tenant}/{namespace}/{name}/referencedby",
      operations: [
        Operation(
          method: "get", id: "listReferrers", reply: "Referrers",
          summary: "Documents and topics that refer to it",
          statuses: [200])
      ]),
  ]

  private static let otherPaths: [Path] = [
    Path(
      template: "/v1/namespaces/{tenant}/{namespace}",
      operations: [
        Operation(
          method: "put", id: "putNamespace", reply: "Namespace",
          summary: "Sets a namespace's policy",
          statuses: [200, 201], body: ["application/json"], takes: "PutNamespace",
          isConditional: true),
        Operation(
          method: "get", id: "getNamespace", reply: "Namespace",
          summary: "What holds for a namespace's topics",
          statuses: [200], isConditional: true),
        Operation(
          method: "delete", id: "deleteNamespace", summary: "Forgets a namespace's own policy",
          statuses: [204], isConditional: true),
      ]),
    Path(
      template: "/v1/tenants/{tenant}",
      operations: [
        Operation(
          method: "get", id: "getTenant", reply: "Tenant",
          summary: "The caller's tenant as configured",
          statuses: [200])
      ]),
    Path(
      template: "/v1/tickets",
      operations: [
        Operation(
          method: "post", id: "issueTicket", reply: "Ticket",
          summary: "A ticket that opens one stream",
          statuses: [201], body: ["application/json"], takes: "AskTicket")
      ]),
    Path(
      template: "/v1/streams/{stream}/token",
      operations: [
        Operation(
          method: "post", id: "renewStream", reply: "Stream",
          summary: "Lets a live stream go on under this token",
          statuses: [200])
      ]),
    Path(
      template: "/v1/explain",
      operations: [
        Operation(
          method: "post", id: "explain", reply: "Explanation",
          summary: "Which key, mapping and rule decide",
          statuses: [200], body: ["application/json"], takes: "Explain")
      ]),
    Path(
      template: "/v1/whoami",
      operations: [
        Operation(
          method: "get", id: "whoami", reply: "Caller", summary: "How the gateway sees the caller",
          statuses: [200])
      ]),
    Path(
      template: "/v1/revocations",
      operations: [
        Operation(
          method: "post", id: "revoke", reply: "Any",
          summary: "Takes back a token, a key or a subject's tokens",
          statuses: [201, 409, 415], body: ["application/json"], takes: "Revocation",
          isOpen: true),
        Operation(
          method: "delete", id: "reinstate", reply: "Any",
          summary: "Takes a revocation back that was made by mistake",
          statuses: [200, 404], query: ["issuer", "jti", "kid", "sub"], isOpen: true),
        Operation(
          method: "get", id: "listRevocations", reply: "Revocations",
          summary: "The revocations in force",
          statuses: [200, 404], isOpen: true),
      ]),
    open("/healthz", "health", "Status", "The process lives"),
    open("/readyz", "readiness", "Status", "The gateway can serve"),
    Path(
      template: "/metrics",
      operations: [
        Operation(
          method: "get", id: "metrics",
          summary: "Metrics in Prometheus' text format; at the public door the caller's tenant's",
          statuses: [200, 404], answers: ["text/plain"], isPartlyOpen: true)
      ]),
    open("/openapi.json", "openAPI", "OpenAPI", "This document"),
    open(
      "/.well-known/oauth-protected-resource", "resourceMetadata", "Resource",
      "Protected-resource metadata (RFC 9728)"),
  ]

  private static func open(
    _ template: StaticString, _ id: StaticString, _ reply: StaticString, _ summary: StaticString
  ) -> Path {
    Path(
      template: template,
      operations: [
        Operation(
          method: "get", id: id, reply: reply, summary: summary, statuses: [200], isOpen: true)
      ])
  }
}
