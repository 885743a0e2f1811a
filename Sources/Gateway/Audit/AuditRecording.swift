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
  /// A request has been answered as asked. What a path answers to is told to everybody: who asks
  /// for that with OPTIONS is not recorded.
  func audit(
    allowed end: AnswerEnd, _ operation: Operation, _ request: HTTPRequest,
    by caller: TenantScope? = nil
  ) {
    guard let trail = parts.audit, request.head.method != .options else { return }
    switch operation {
    case .administer:
      // What changes nothing is among the samples.
      if !hasChanged(request) {
        guard isSampled(trail) else { return }
      }
    case .publish, .consume, .read:
      if case .stream = end { break }
      guard isSampled(trail) else { return }
    case .observe:
      // Of these only what takes an operator.
      guard let look = notes[request.id]?.operatorLook else { return }
      trail.record(
        members(operation, request, .allow, status: 200, of: identity(of: request)) { json in
          Self.write(look, into: &json)
        })
      return
    case .unknown: return
    }
    trail.record(
      members(operation, request, .allow, status: 200, of: identity(of: request, by: caller)))
  }

  /// Whether an administrative call that was answered as asked has changed something: looks,
  /// questions and dry runs have not.
  private func hasChanged(_ request: HTTPRequest) -> Bool {
    guard let route = try? Route(request.head.path), route.changes(request.head.method) else {
      return false
    }
    return (try? isTrial(request)) != true
  }

  /// A request has been refused. What is about rights is recorded, and what became of an attempt:
  /// what else was malformed, too large or too much says nothing that the log is for. Of whoever
  /// was not admitted only as much is as `StrangerBound` lets in: no other bound holds there.
  ///
  /// - Parameters:
  ///   - refusal: what its caller is told.
  ///   - error: what it was refused for, which may be hidden from its caller.
  ///   - meant: what that would be told as, were it not hidden.
  func audit(
    refused refusal: Refusal, for error: any Error, meaning meant: Refusal,
    _ operation: Operation, _ request: HTTPRequest, by caller: TenantScope? = nil
  ) {
    guard let trail = parts.audit else { return }
    let isDenial =
      meant.challenge != nil || meant.code == .authRateLimited
      || error as? TenancyRefusal == .notFound && operation != .unknown
    let notes = notes[request.id]
    let isAttempt = notes?.isAttempt == true
    guard isDenial || isAttempt else { return }
    var leftOut = 0
    // Each attempt has its outcome, also where operators show no token.
    if !isAttempt, caller == nil, notes?.admitted == nil {
      guard let before = trail.strangers.letIn(request.peer, at: request.received) else { return }
      leftOut = before
    }
    let isTaken = trail.record(
      members(
        operation, request, isDenial ? .deny : .fail, status: refusal.code.status,
        reason: isDenial ? RefusalReason.text(error) : refusal.code.rawValue,
        of: identity(of: request, by: caller, refusedFor: error)
      ) { json in
        Self.write(notes?.operatorLook, into: &json)
        guard leftOut > 0 else { return }
        json.key("more")
        json.integer(leftOut)
      })
    if !isTaken { trail.strangers.stillLeftOut(leftOut) }
  }

  /// Some events of a batch were denied while others were not, or all were: one entry with how
  /// many, whatever became of the rest.
  func audit(denialsIn batch: Batch, _ request: HTTPRequest) {
    guard let trail = parts.audit, let first = batch.denials.first else { return }
    trail.record(
      members(
        .publish, request, .deny, status: first.reason.status, reason: first.reason.rawValue,
        of: identity(of: request)
      ) { json in
        json.key("denied")
        json.beginObject()
        for (reason, events) in batch.denials {
          json.key(ByteSlice(utf8: reason.rawValue))
          json.integer(events)
        }
        json.endObject()
      })
  }

  /// The token that somebody has asked about.
  private static func write(_ look: OperatorLook?, into json: inout JSONWriter) {
    guard case .atToken(let token)? = look else { return }
    json.key("about")
    json.string(token)
  }

  private func isSampled(_ trail: AuditTrail) -> Bool {
    guard trail.sample > 0 else { return false }
    auditTurn = (auditTurn + 1) % trail.sample
    return auditTurn == 0
  }

  /// Of a stream on a topic with classified data: its classes, and those that its reader may see.
  private func write(
    classifiedStream topic: TopicAddress, _ labels: [ClassLabel], into json: inout JSONWriter
  ) {
    json.list("classified", labels.map(\.bytes), more: "moreClassified")
    json.list("classes", topic.classes.texts, more: "moreClasses")
  }

  /// Who has asked: for whom the request was admitted, where it was.
  ///
  /// - Parameters:
  ///   - caller: of a publish that has gone the short way, which admits nobody anew.
  ///   - error: why the request was refused.
  func identity(
    of request: HTTPRequest, by caller: TenantScope? = nil, refusedFor error: (any Error)? = nil
  ) -> AuditedIdentity {
    if let caller { return AuditedIdentity(scope: caller) }
    if let known = notes[request.id]?.admitted {
      return AuditedIdentity(scope: known.scope, generation: known.generation)
    }
    return admission.identity(of: request, refusedFor: error)
  }

  func members(
    _ operation: Operation, _ request: HTTPRequest, _ outcome: AuditOutcome, status: Int?,
    reason: String? = nil, of identity: AuditedIdentity,
    _ details: (inout JSONWriter) -> Void = { _ in }
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
    details(&json)
    writeTerms(operation, request, into: &json)
    let notes = notes[request.id]
    if let revocation = notes?.revocation {
      json.key("revocation")
      json.raw(revocation)
    }
    identity.write(into: &json)
    if let labels = notes?.streamLabels, !labels.isEmpty,
      let stream = parts.streams.topic(of: request.id)
    {
      write(classifiedStream: stream, labels, into: &json)
    }
    json.key("policy")
    // Whoever is denied is so by the rules of this moment, whichever have let the request in.
    let admitting = outcome == .deny ? nil : identity.generation
    json.integer(admitting ?? admission.snapshot.generation)
    return json.slice
  }

  /// How a change was meant. A dry run overrides nothing.
  private func writeTerms(
    _ operation: Operation, _ request: HTTPRequest, into json: inout JSONWriter
  ) {
    guard operation == .administer || operation == .consume, request.head.query != nil else {
      return
    }
    if (try? isTrial(request)) == true {
      json.key("dryRun")
      json.bool(true)
    } else if operation == .administer, isOverride(request) {
      json.key("override")
      json.bool(true)
    }
  }
}

extension GatewayResponder {
  /// Keeps for the audit log for whom a request is admitted, and by which snapshot, until it has
  /// been answered. Afterwards neither can be looked up: the token may be forgotten, or never have
  /// been kept, and another policy may be in force.
  func remember(_ caller: TenantScope, of request: HTTPRequest) {
    guard parts.audit != nil else { return }
    notes[request.id, default: RequestNotes()].admitted = AdmittedCaller(
      scope: caller, generation: admission.snapshot.generation)
  }
}

extension GatewayResponder {
  /// Whether a call asks for a change that compatibility forbids. Of a query nothing else is
  /// recorded: it may hold what nobody should read.
  func isOverride(_ request: HTTPRequest) -> Bool {
    guard request.head.query != nil, var query = try? QueryParameters(request.head.query) else {
      return false
    }
    return (try? query.takeFlag("override")) == true
  }

  /// Counts a schema that was registered against its topic's level of compatibility.
  func countOverride(_ operation: Operation, _ request: HTTPRequest) {
    guard operation == .administer, request.head.method == .put, request.head.query != nil,
      isOverride(request), (try? isTrial(request)) == false
    else { return }
    parts.server.policy.overrides.add()
  }
}

enum AuditOutcome: String { case allow, deny, attempt, fail, taken, refused, end }

/// Who has asked, as far as the gateway knows: for the audit log, after the fact.
struct AuditedIdentity {
  var token: VerifiedToken?
  var scope: TenantScope?
  /// The number of the snapshot that admitted the request; nil for the one at hand.
  var generation: UInt64?
  /// Of a token that was refused.
  var digest: ByteSlice?
  /// Of a token that was refused although its issuer has signed it.
  var origin: TokenOrigin?

  func write(into json: inout JSONWriter) {
    if let scope {
      json.key("tenant")
      json.string(scope.tenant.bytes)
      json.key("principal")
      json.string(scope.principal)
    }
    if let origin = (token ?? scope?.token).map(TokenOrigin.init) ?? origin {
      json.key("issuer")
      json.string(origin.issuer)
      if let subject = origin.subject {
        json.key("subject")
        json.string(subject)
      }
      if let id = origin.keyID {
        json.key("kid")
        json.string(id)
      }
      if let algorithm = origin.algorithm {
        json.key("alg")
        json.string(algorithm.name)
      }
    }
    let name = (token ?? scope?.token).map { ByteSlice(utf8: $0.digest.hexadecimal) } ?? digest
    if let name {
      json.key("token")
      json.string(name.prefix(16))
    }
  }
}
