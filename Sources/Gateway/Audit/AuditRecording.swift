import Authentication
import Bytes
import Crypto
import HTTPWire
import JSONText
import Metrics
import Tenancy

/// What goes into the audit log: every denial of somebody's right, every change by an
/// administrator, every opened stream, and a sample of everything else that was allowed. Never a
/// token: eight bytes of its SHA-256 name it.
extension GatewayResponder {
  /// A request has been answered as asked.
  func audit(
    allowed end: AnswerEnd, _ operation: Operation, _ request: HTTPRequest
  ) {
    guard let trail = parts.audit else { return }
    switch operation {
    case .administer:
      // Looking changes nothing; it is among the samples.
      if request.head.method == .get || request.head.method == .head {
        guard isSampled(trail) else { return }
      }
    case .publish, .consume, .read:
      if case .stream = end { break }
      guard isSampled(trail) else { return }
    case .observe, .unknown: return
    }
    trail.record(members(operation, request, .allow, status: 200))
  }

  /// A request has been refused. What is about rights is recorded, and what became of an attempt:
  /// what else was malformed, too large or too much says nothing that the log is for.
  func audit(
    refused refusal: Refusal, _ error: any Error, _ operation: Operation, _ request: HTTPRequest
  ) {
    guard let trail = parts.audit else { return }
    let isDenial =
      refusal.challenge != nil || refusal.code == .authRateLimited
      || error as? TenancyRefusal == .notFound && operation != .unknown
    guard isDenial || attempts.contains(request.id) else { return }
    trail.record(
      members(
        operation, request, isDenial ? .deny : .fail, status: refusal.code.status,
        reason: isDenial ? RefusalReason.text(error) : refusal.code.rawValue))
  }

  private func isSampled(_ trail: AuditTrail) -> Bool {
    guard trail.sample > 0 else { return false }
    auditTurn = (auditTurn + 1) % trail.sample
    return auditTurn == 0
  }

  /// Of a stream on a topic with classified data: its classes, and those that its reader may see.
  private func write(classifiedStream topic: TopicAddress, into json: inout JSONWriter) {
    let labels = labels(of: topic)
    if labels.isEmpty { return }
    json.key("classified")
    json.beginArray()
    for label in labels { json.string(label.bytes) }
    json.endArray()
    json.key("classes")
    topic.classes.write(into: &json)
  }

  func members(
    _ operation: Operation, _ request: HTTPRequest, _ outcome: AuditOutcome, status: Int?,
    reason: String? = nil
  ) -> ByteSlice {
    var json = JSONWriter(capacity: 512)
    json.key("time")
    json.instant(request.receivedAt)
    json.key("request")
    json.string(request.id.slice)
    json.key("peer")
    json.string(request.peer)
    json.key("operation")
    json.string(operation.label)
    json.key("method")
    json.string(request.head.method.name)
    json.key("object")
    json.string(JSONPointer.cut(request.head.path, to: GatewayLimits.auditedPath))
    json.key("outcome")
    json.string(outcome.rawValue)
    if let status {
      json.key("status")
      json.integer(status)
    }
    if let reason {
      json.key("reason")
      json.string(reason)
    }
    let stream = parts.streams.topic(of: request.id)
    let identity = admission.identity(of: request, opening: stream)
    identity.write(into: &json)
    if let stream { write(classifiedStream: stream, into: &json) }
    json.key("policy")
    json.integer(admission.snapshot.generation)
    return json.slice
  }
}

enum AuditOutcome: String { case allow, deny, attempt, fail }

/// Who has asked, as far as the gateway knows: for the audit log, after the fact.
struct AuditedIdentity {
  var token: VerifiedToken?
  var scope: TenantScope?
  /// Of a token that was refused.
  var digest: ByteSlice?

  fileprivate func write(into json: inout JSONWriter) {
    if let scope {
      json.key("tenant")
      json.string(scope.tenant.bytes)
      json.key("principal")
      json.string(scope.principal)
    }
    if let token = token ?? scope?.token {
      json.key("issuer")
      json.string(token.issuerID)
      if let subject = token.subject {
        json.key("subject")
        json.string(subject)
      }
      if let id = token.keyID {
        json.key("kid")
        json.string(id)
      }
    }
    let name = (token ?? scope?.token).map { ByteSlice(utf8: $0.digest.hexadecimal) } ?? digest
    if let name {
      json.key("token")
      json.string(name.prefix(16))
    }
  }
}
