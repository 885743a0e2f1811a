import Bytes
public import Metrics

/// Every reason for a no that a client can meet: the one table of refusals. `docs/problems.md` is
/// generated from it. The raw value is the problem's `code` and ends its `type` URN (RFC 9457
/// §3.1.1).
public enum ProblemCode: String, CaseIterable, Sendable {
  case badRequest = "bad_request"
  case malformedJSON = "malformed_json"
  case malformedEvent = "malformed_event"
  case badName = "bad_name"
  case badParameter = "bad_parameter"
  case unknownParameter = "unknown_parameter"
  case badHeader = "bad_header"
  case badCursor = "bad_cursor"
  case badToken = "bad_ack_token"
  case missingToken = "missing_token"
  case invalidToken = "invalid_token"
  case invalidProof = "invalid_dpop_proof"
  case useNonce = "use_dpop_nonce"
  case invalidTicket = "invalid_ticket"
  case noTenant = "no_tenant"
  case ambiguousTenant = "ambiguous_tenant"
  case noNamespace = "no_namespace"
  case forbidden = "forbidden"
  case tenantMismatch = "tenant_mismatch"
  case classRequired = "class_required"
  case classificationLoosened = "classification_loosened"
  case grantsChanged = "grants_changed"
  case notFound = "not_found"
  case methodNotAllowed = "method_not_allowed"
  case notAcceptable = "not_acceptable"
  case timeout = "timeout"
  case schemaRequired = "schema_required"
  case schemaIncompatible = "schema_incompatible"
  case schemaUndecided = "schema_undecided"
  case schemaConflict = "schema_conflict"
  case schemaInUse = "schema_in_use"
  case schemaAbsent = "schema_absent"
  case subscriptionConflict = "subscription_conflict"
  case subscriptionBusy = "subscription_busy"
  case positionAhead = "position_ahead"
  case positionGone = "position_gone"
  case identifierTaken = "identifier_taken"
  case documentInUse = "document_in_use"
  case preconditionFailed = "precondition_failed"
  case tooLarge = "too_large"
  case uriTooLong = "uri_too_long"
  case mediaType = "unsupported_media_type"
  case expectationFailed = "expectation_failed"
  case schemaViolation = "schema_violation"
  case validationBudget = "validation_budget_exceeded"
  case patternLimit = "pattern_limit_exceeded"
  case schemaInvalid = "schema_invalid"
  case unknownEventType = "unknown_event_type"
  case dataschemaMismatch = "dataschema_mismatch"
  case schemaLint = "schema_lint"
  case batchAborted = "batch_aborted"
  case headersTooLarge = "headers_too_large"
  case tooMany = "too_many"
  case rateLimited = "rate_limited"
  case authRateLimited = "auth_rate_limited"
  case tooManyStreams = "too_many_streams"
  case quotaExceeded = "quota_exceeded"
  case internalError = "internal_error"
  case notSupported = "not_supported"
  case versionNotSupported = "version_not_supported"
  case authUnavailable = "auth_unavailable"
  case auditUnavailable = "audit_unavailable"
  case overloaded = "overloaded"
  case storageFull = "storage_full"
  case storageFailed = "storage_failed"
  case dataCorrupt = "data_corrupt"
  case tooManyConnections = "too_many_connections"
  case draining = "draining"
}

extension ProblemCode {
  /// What the table says of one code.
  public struct Row: Sendable {
    public let status: Int
    /// Whether the same request can succeed later without being changed.
    public let retryable: Bool
    public let outcome: Outcome
    /// The problem's `title`: the same for every occurrence.
    public let title: String
    /// What its reader should do about it, for `docs/problems.md`.
    public let advice: String

    init(
      _ status: Int, _ outcome: Outcome, retryable: Bool = false, _ title: String, _ advice: String
    ) {
      self.status = status
      self.retryable = retryable
      self.outcome = outcome
      self.title = title
      self.advice = advice
    }
  }

  public var status: Int { row.status }
  public var isRetryable: Bool { row.retryable }
  public var outcome: Outcome { row.outcome }

  public var row: Row {
    switch self {
    case .badRequest, .malformedJSON, .malformedEvent, .badName, .badParameter, .unknownParameter,
      .badHeader, .badCursor, .badToken:
      malformedRow
    case .missingToken, .invalidToken, .invalidProof, .useNonce, .invalidTicket, .noTenant,
      .ambiguousTenant, .noNamespace, .forbidden, .tenantMismatch:
      identityRow
    case .classRequired, .classificationLoosened, .grantsChanged: classRow
    case .notFound, .methodNotAllowed, .notAcceptable, .timeout, .tooLarge, .uriTooLong, .mediaType,
      .expectationFailed, .headersTooLarge, .versionNotSupported, .notSupported:
      protocolRow
    case .schemaRequired, .schemaIncompatible, .schemaUndecided, .schemaConflict, .schemaInUse,
      .schemaAbsent, .subscriptionConflict, .subscriptionBusy, .positionAhead, .positionGone,
      .tooMany:
      stateRow
    case .rateLimited, .authRateLimited, .tooManyStreams, .quotaExceeded: limitRow
    case .identifierTaken, .documentInUse, .preconditionFailed: documentRow
    case .schemaViolation, .validationBudget, .patternLimit, .schemaInvalid, .unknownEventType,
      .dataschemaMismatch, .schemaLint, .batchAborted:
      contentRow
    case .internalError, .authUnavailable, .auditUnavailable, .overloaded, .storageFull,
      .storageFailed, .dataCorrupt, .tooManyConnections, .draining:
      serverRow
    }
  }

  private var malformedRow: Row {
    switch self {
    case .malformedJSON:
      Row(
        400, .malformed, "Malformed JSON",
        "Mend the text at the line, column and offset named; it is checked against RFC 8259.")
    case .malformedEvent:
      Row(
        400, .malformed, "Malformed event",
        "Mend the envelope: CloudEvents 1.0 attributes and their HTTP binding.")
    case .badName:
      Row(
        400, .malformed, "Bad name",
        "Names are letters, digits, '.', '_' and '-', a letter or digit first, at most 128 bytes.")
    case .badParameter:
      Row(
        400, .malformed, "Bad parameter", "Mend the value of the query parameter or member named.")
    case .unknownParameter:
      Row(400, .malformed, "Unknown parameter", "Leave the parameter or member named out.")
    case .badHeader: Row(400, .malformed, "Bad header field", "Mend the header field named.")
    case .badCursor:
      Row(
        400, .malformed, "Bad cursor",
        "Use a cursor, a message id, an RFC 3339 instant, `earliest` or `latest`.")
    case .badToken:
      Row(
        400, .malformed, "Bad ack token",
        "Send tokens back as they were received; one that is no longer valid was settled, or its "
          + "lease ended and the event went to somebody else.")
    default:
      Row(
        400, .malformed, "Bad request",
        "The request breaks a rule of HTTP (RFC 9110); over HTTP/1.1 the connection is closed "
          + "after it.")
    }
  }

  private var identityRow: Row {
    switch self {
    case .missingToken:
      Row(
        401, .unauthenticated, "Authentication required",
        "Send `Authorization: Bearer <token>`, or a stream ticket.")
    case .invalidProof:
      Row(
        401, .unauthenticated, "Invalid proof of possession",
        "Send one fresh `DPoP` proof (RFC 9449) for this method, URL and token, signed by the key "
          + "that the token is bound to.")
    case .useNonce:
      Row(
        401, .unauthenticated, "Nonce required",
        "Sign the proof anew with the nonce in `DPoP-Nonce`.")
    case .invalidTicket:
      Row(
        401, .unauthenticated, "Invalid ticket",
        "Ask for a new ticket: it was never issued, was not used in time, or its token has ended.")
    case .noTenant:
      Row(
        403, .forbidden, "No tenant",
        "No mapping of the configuration matches the token's claims: ask the operator.")
    case .ambiguousTenant:
      Row(
        403, .forbidden, "Ambiguous tenant",
        "The token maps to several tenants: name one in the path, or in `Jodrell-Tenant` where the "
          + "policy lets that choose.")
    case .noNamespace:
      Row(
        403, .forbidden, "No namespace",
        "The token maps to no namespace: write tenant and namespace instead of `~`.")
    case .forbidden:
      Row(
        403, .forbidden, "Not granted",
        "Your token is valid but its mapping does not grant the action named on this topic.")
    case .tenantMismatch:
      Row(
        403, .forbidden, "Not yours to write",
        "The policy ties fields of the payload to your token, and this payload says something else "
          + "there (or is not JSON): send what is your own.")
    default:
      Row(
        401, .unauthenticated, "Invalid token",
        "Get a new token from your issuer. Why a token was not accepted is in the gateway's log "
          + "only, found by the request id.")
    }
  }

  private var protocolRow: Row {
    switch self {
    case .notFound:
      Row(
        404, .notFound, "Not found",
        "Nothing is there for you: it does not exist, or it belongs to another tenant.")
    case .methodNotAllowed:
      Row(405, .malformed, "Method not allowed", "Use one of the methods in `Allow`.")
    case .notAcceptable:
      Row(406, .malformed, "Not acceptable", "Ask for one of the media types named.")
    case .timeout:
      Row(
        408, .timedOut, retryable: true, "Request timeout",
        "The request did not arrive in time: send it again, faster.")
    case .tooLarge:
      Row(413, .tooLarge, "Too large", "Stay within the limit named (docs/limits.md).")
    case .uriTooLong: Row(414, .tooLarge, "URI too long", "Shorten the request target.")
    case .mediaType:
      Row(415, .mediaType, "Unsupported media type", "Send one of the media types named.")
    case .expectationFailed:
      Row(417, .malformed, "Expectation failed", "Only `Expect: 100-continue` is understood.")
    case .headersTooLarge:
      Row(
        431, .tooLarge, "Header fields too large",
        "Send fewer or shorter header fields (docs/limits.md).")
    case .versionNotSupported:
      Row(
        505, .notSupported, "HTTP version not supported",
        "Speak HTTP/1.1, or HTTP/2 by ALPN or with prior knowledge.")
    default:
      Row(
        501, .notSupported, "Not supported",
        "The feature named is part of the contract but not of this version.")
    }
  }

  private var stateRow: Row {
    switch self {
    case .schemaRequired:
      Row(
        409, .schemaRequired, "Schema required",
        "Register a schema for the topic first: by its own `requireSchema` or its namespace's it "
          + "takes nothing unchecked.")
    case .schemaIncompatible:
      Row(
        409, .conflict, "Incompatible schema",
        "The topic's compatibility policy does not allow this change.")
    case .schemaUndecided:
      Row(
        409, .conflict, "Compatibility undecided",
        "Neither that the schema keeps to the topic's compatibility nor that it breaks it could be "
          + "shown; an operator may register it with override=true.")
    case .schemaConflict:
      Row(
        409, .conflict, retryable: true, "Schema changed meanwhile",
        "The topic's schemas were changed at the same time: look at them, then try again.")
    case .schemaInUse:
      Row(
        409, .conflict, "Schema in use",
        "Events, a default or a rule of the binding need it: move those first.")
    case .schemaAbsent:
      Row(
        409, .conflict, "Schema absent",
        "A rule names a line without a version, or the version meant is deleted: register it, or "
          + "bring it back, first.")
    case .subscriptionConflict:
      Row(
        409, .conflict, "Subscription differs",
        "A subscription of this name exists with other terms; delete it to change them.")
    case .subscriptionBusy:
      Row(
        409, .conflict, retryable: true, "Subscription busy",
        "It is exclusive and another consumer holds it: call again, with a `wait` that the place "
          + "may become free in.")
    case .positionAhead:
      Row(
        409, .conflict, "Position ahead",
        "The cursor lies beyond the topic's newest event, or the instant in the future: `latest` "
          + "is what comes from now on.")
    case .tooMany:
      Row(
        409, .conflict, "Too many",
        "As many as are allowed exist already: delete some, or use the namespaces that there are.")
    default:
      Row(
        410, .precondition, "Position gone",
        "The events at this position are no longer kept: go on from `earliest`.")
    }
  }

  private var limitRow: Row {
    switch self {
    case .authRateLimited:
      Row(
        429, .rateLimited, retryable: true, "Too many refused tokens",
        "Too many tokens from your address were not accepted: come back after `Retry-After`, with "
          + "one that is good.")
    case .tooManyStreams:
      Row(
        429, .rateLimited, retryable: true, "Too many streams",
        "As many as `limit` allows are open: close one first.")
    case .quotaExceeded:
      Row(
        429, .rateLimited, retryable: true, "Quota exceeded",
        "As much is stored as `limit` allows: delete topics, or ask the operator for more.")
    default:
      Row(
        429, .rateLimited, retryable: true, "Too many requests",
        "Come back after `Retry-After`; `limit` and the `RateLimit` fields name the bound that was "
          + "met. Where there are none, another replay check is under way, or has just ended.")
    }
  }

  private var documentRow: Row {
    switch self {
    case .identifierTaken:
      Row(
        409, .conflict, "Identifier taken",
        "Another document of the namespace has this `$id` or `uri`: `document` names it. Give one "
          + "of the two another.")
    case .documentInUse:
      Row(
        409, .conflict, "Document in use",
        "`referrers` lists who refers to it: change or delete those first. What is to go for good "
          + "must be deleted softly before.")
    default:
      Row(
        412, .precondition, "Precondition failed",
        "What you change is not what you last saw: get it again, look, and send the change with "
          + "its new `ETag`.")
    }
  }

  private var contentRow: Row {
    switch self {
    case .schemaViolation:
      Row(
        422, .schemaViolation, "Schema violation",
        "Mend the payload where `errors` points; `schemaPointer` names the rule.")
    case .validationBudget:
      Row(
        422, .schemaBudget, "Validation budget exceeded",
        "Checking this payload against its schema would cost too much: simplify either.")
    case .patternLimit:
      Row(
        422, .schemaBudget, "Pattern limit exceeded",
        "A pattern of the schema takes too many steps on this string, or the string is longer than "
          + "patterns look at: write the pattern without nested repetition, or bound the string's "
          + "length.")
    case .schemaInvalid:
      Row(
        422, .malformed, "Invalid schema",
        "Mend the schema at the pointer named, or leave out what this version does not check.")
    case .unknownEventType:
      Row(
        422, .schemaViolation, "Unknown event type",
        "Publish one of the types in `types`, or have the topic's binding name yours.")
    case .dataschemaMismatch:
      Row(
        422, .schemaViolation, "Schema named is not the topic's",
        "Leave `dataschema` out, or name one of the versions in `accepted`.")
    case .schemaLint:
      Row(
        422, .malformed, "Schema draws warnings",
        "Mend what `warnings` names, or register it without `lint=strict`.")
    default:
      Row(
        424, .conflict, "Batch aborted",
        "This event is faultless but another one of its atomic batch is not.")
    }
  }
}
