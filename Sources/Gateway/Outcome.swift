import Authentication
import Bytes
import HTTPWire
import Metrics
import Tenancy

/// What follows a request's journey, whichever way it went: the counters, the audit log and, where
/// it was refused, the answer that says why.
extension GatewayResponder {
  /// A request has been answered as asked.
  ///
  /// - Parameter caller: where it need not be found out for the audit log.
  func served(
    _ end: AnswerEnd, _ operation: Operation, _ request: HTTPRequest, by caller: TenantScope? = nil
  ) {
    parts.server.answered(operation, .accepted)
    count(.accepted, operation, request)
    countOverride(operation, request)
    audit(allowed: end, operation, request, by: caller)
  }

  /// Answers a request with why it is refused.
  ///
  /// - Parameter caller: as above.
  func refuse(
    _ error: any Error, _ operation: Operation, _ request: HTTPRequest,
    _ answer: inout AnswerWriter, by caller: TenantScope? = nil
  ) -> AnswerEnd {
    let refusal = Refusal(error)
    // What is written down is what it was refused for, and not only what its caller is told.
    let hidden = (error as? HiddenDenial)?.reason
    let reason = hidden ?? error
    let meant = hidden.map { Refusal($0) } ?? refusal
    parts.server.answered(operation, refusal.code.outcome)
    count(refusal.code.outcome, operation, request)
    note(refusal, reason, isDenial: meant.challenge != nil, request)
    audit(refused: refusal, for: reason, meaning: meant, operation, request, by: caller)
    refusal.answer(
      id: request.id, as: PulsarAdmin.speaks(request.head.path) ? .pulsar : .problem,
      metadata: metadataURL, nonce: parts.identity.nonces(request.receivedAt).first,
      showedProof: refusal.challenge != nil && Credential.isOfProof(request.head.fields),
      with: &answer)
    return .complete
  }

  /// Counts how a request to read, follow or consume ended with the topic that it was about. One
  /// that was refused does not make a topic measured, since there may be none.
  private func count(_ outcome: Outcome, _ operation: Operation, _ request: HTTPRequest) {
    guard operation == .read || operation == .consume, let key = notes[request.id]?.consumed else {
      return
    }
    let metrics: TopicMetrics? =
      outcome == .accepted ? topicMetrics.topic(key) : parts.metrics.existing(key)
    metrics?.consumptions.count(outcome)
  }

  /// Tells the log what the answer does not: why a token was refused, and faults of our own.
  private func note(
    _ refusal: Refusal, _ reason: any Error, isDenial: Bool, _ request: HTTPRequest
  ) {
    guard isDenial || refusal.code == .internalError else { return }
    var id = ByteWriter(capacity: 32)
    request.id.append(to: &id)
    parts.log.log(
      refusal.code == .internalError ? .error : .info, "request refused",
      [
        "request": .bytes(id.slice), "code": .text(refusal.code.rawValue),
        "reason": .text(RefusalReason.text(reason)), "peer": .bytes(request.peer),
      ])
  }
}

extension Credential {
  /// Whether a request came with the DPoP scheme, accepted or not.
  static func isOfProof(_ fields: FieldTable) -> Bool {
    let (field, occurrences) = fields.find("authorization")
    if case .dpop = try? Credential(field: field, occurrences: occurrences) { return true }
    return false
  }
}
