import Metrics

/// The rows of what is no fault of the request.
extension ProblemCode {
  var serverRow: Row {
    switch self {
    case .authUnavailable:
      Row(
        503, .overloaded, retryable: true, "Issuer unavailable",
        "Whether the token is good cannot be found out now: its issuer does not answer. Come back "
          + "after `Retry-After`.")
    case .auditUnavailable:
      Row(
        503, .storageFailed, retryable: true, "Audit log unavailable",
        "Changes are made only when the audit log can be written, and now it cannot: nothing was "
          + "changed. Come back after `Retry-After`; the gateway's log says what is wrong.")
    case .overloaded:
      Row(
        503, .overloaded, retryable: true, "Overloaded",
        "A bounded queue is full; nothing was stored. Come back after `Retry-After`.")
    case .storageFull:
      Row(
        503, .storageFull, retryable: true, "Storage full",
        "The disk is short of space; reading goes on. Nothing was stored.")
    case .storageFailed:
      Row(
        503, .storageFailed, retryable: true, "Outcome unknown",
        "A write to disk failed half-way: the event may be stored or not. The gateway restarts its "
          + "log; check before you send it again.")
    case .dataCorrupt:
      Row(
        500, .storageFailed, "Data corrupt",
        "Stored events of the range named cannot be read; all others can.")
    case .tooManyConnections:
      Row(
        503, .overloaded, retryable: true, "Too many connections",
        "Come back after `Retry-After`.")
    case .draining:
      Row(
        503, .draining, retryable: true, "Shutting down",
        "The gateway is going down; try another instance or come back after `Retry-After`.")
    default:
      Row(
        500, .internalFault, "Internal error",
        "A fault of the gateway; report it with the request id.")
    }
  }
}
