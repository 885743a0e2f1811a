import Bytes
import HTTPWire
import Metrics
import Tenancy

/// What a request under way has come to that its answer, its counters or the audit log ask for
/// later and that cannot be found out again. Its responder keeps it until it has been answered;
/// many have none.
struct RequestNotes {
  /// The limits have let it in ahead of an attempt in the audit log.
  var isAttempt = false
  /// A publish that the limits have let in ahead of its task, with its event.
  var isCharged = false
  /// For whom it was admitted, for the audit log.
  var admitted: AdmittedCaller?
  /// What it reads, follows or consumes, to count how it ends.
  var consumed: TopicKey?
  /// What it revokes, or takes back, for the audit log: a rendered object.
  var revocation: ByteSlice?
  var operatorLook: OperatorLook?
  /// What the topic of a stream that is being opened labels, for the audit log.
  var streamLabels: [ClassLabel] = []
}

extension GatewayResponder {
  func remember(_ topic: TopicKey?, consumedBy request: HTTPRequest) {
    notes[request.id, default: RequestNotes()].consumed = topic?.owned
  }
}

/// A look at what is an operator's to see.
enum OperatorLook {
  case atTenant
  /// At what a token may do; with its name.
  case atToken(ByteSlice)
}

/// For whom a request was admitted, and by the snapshot of which number.
struct AdmittedCaller {
  let scope: TenantScope
  let generation: UInt64
}
