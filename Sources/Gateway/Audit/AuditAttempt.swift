import Bytes
import HTTPWire
import Metrics
import Tenancy

/// Changes that wait until the audit log has an entry of them, where it must have one.
extension GatewayResponder {
  /// Writes that a change is about to be made, and waits until that is on disk. The caller's limits
  /// are charged before, and no attempt is written for whoever has no right to the change, for a
  /// method that the path does not answer to, or for a dry run: so nobody makes the log grow by
  /// attempts beyond what their limits let them ask for. Nor by denials: whoever was admitted is
  /// charged for those as well, and all others have `StrangerBound`.
  func auditBefore(
    _ route: Route, _ operation: Operation, _ request: HTTPRequest
  ) async throws {
    guard let trail = parts.audit, trail.isRequired, operation == .administer,
      route.changes(request.head.method), route.answers(to: request.head.method),
      notes[request.id]?.isAttempt != true, try !isTrial(request), try mayAttempt(route, request)
    else { return }
    notes[request.id, default: RequestNotes()].isAttempt = true
    let members = members(operation, request, .attempt, status: nil, of: identity(of: request))
    let post = timers.post
    var timer: TimerToken?
    let isWritten = await withCheckedContinuation {
      (waiting: CheckedContinuation<Bool, Never>) in
      let once = OneResumption(waiting)
      timer = timers.schedule(at: timers.now + GatewayLimits.auditPatience) {
        once.resume(returning: false)
      }
      trail.record(members) { isWritten in post { once.resume(returning: isWritten) } }
    }
    if let timer { timers.cancel(timer) }
    guard isWritten else { throw Refusal(.auditUnavailable) }
  }

  /// Calls without dry runs refuse the parameter.
  func isTrial(_ request: HTTPRequest) throws(Refusal) -> Bool {
    var query = try QueryParameters(request.head.query)
    return try query.takeFlag("dryRun") ?? false
  }

  /// Whether the call has the right to what it would change, and throws what its journey would
  /// where it has not.
  private func mayAttempt(_ route: Route, _ request: HTTPRequest) throws -> Bool {
    if case .revocations = route { return request.listener == .management }
    if case .topic(let topic, .subscription(let name, _)) = route {
      try checkRight(to: name, topic, request)
      return true
    }
    guard let right = route.right else { return false }
    switch route {
    case .topic(let topic, _), .pulsarSchema(let topic, _):
      _ = try admit(request, to: topic, for: right)
    case .namespace(let namespace), .document(let namespace, _, _):
      _ = try admit(request, namespace.tenant).namespace(of: namespace, for: right)
    default: return false
    }
    return true
  }
}
