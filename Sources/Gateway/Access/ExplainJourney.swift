import Authentication
import Bytes
import HTTPWire
import JSONText
import Tenancy

/// How the gateway sees a caller, and why it decides as it does.
extension GatewayResponder {
  /// `GET /v1/whoami`: how the gateway sees the caller.
  func whoami(_ request: HTTPRequest, _ answer: inout AnswerWriter) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let scope = try admit(request, nil)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      scope.write(into: &json)
      json.endObject()
    }
  }

  /// `POST /v1/explain` `{"token":"…","publish":"acme/orders/new","payload":{…}}`: which issuer,
  /// key, mapping and rule decide.
  ///
  /// Without `token` it is about the caller's own. Another's takes the operators' listener or
  /// `admin` of a tenant that it acts for: anything else is 403, so that tokens cannot be tried
  /// out here. An operator learns what the token is in that tenant, and nothing of what it may be
  /// in others.
  func explain(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let isOperators = request.listener == .management
    let caller = isOperators ? nil : try admission.token(of: request)
    let body = try await request.body.collect(upTo: GatewayLimits.explainBody)
    var members = try BodyMembers(parsing: body)
    let text = try members.takeText("token")
    let question = try Self.question(&members)
    try members.finish()
    admission.refresh()
    let snapshot = admission.snapshot
    let selection = try Admission.selection(of: request, path: question?.topic.tenant)
    var reader: Explanation.Reader = isOperators ? .operators : .caller
    if let text, let caller {
      let operatorScope = try snapshot.policy.scope(
        of: caller, selecting: selection, at: request.receivedAt)
      guard operatorScope.isOperator else { throw TenancyRefusal.forbidden(.admin) }
      guard (question?.topic.tenant ?? operatorScope.tenant) == operatorScope.tenant else {
        throw Refusal(.notFound, "of another's token only your tenant's topics are explained")
      }
      // A token of nobody, or of another tenant, is none of this operator's business.
      guard let token = try? snapshot.verifier.verify(text, at: request.receivedAt),
        let scope = try? snapshot.policy.scope(
          of: token, selecting: .path(operatorScope.tenant), at: request.receivedAt),
        scope.tenant == operatorScope.tenant
      else { throw Refusal(.notFound, "no accepted token of your tenant") }
      reader = .admin(of: operatorScope.tenant)
    }
    let explanation = Explanation(
      for: reader, verifier: snapshot.verifier, policy: snapshot.policy,
      header: selection?.tenant, at: request.receivedAt)
    answer.start(200)
    if let text {
      return finish(&answer) { json in _ = explanation.explain(text, question, into: &json) }
    }
    let asking = try caller ?? admission.token(of: request)
    return finish(&answer) { json in _ = explanation.explain(asking, question, into: &json) }
  }

  private static func question(
    _ members: inout BodyMembers
  ) throws -> Explanation.Question? {
    let payload = members.take("payload").map(\.raw)
    var found: Explanation.Question?
    for action in Action.allCases {
      guard let text = try members.takeText(action.word) else { continue }
      guard found == nil else {
        throw Refusal(.badParameter, "a request does one action")
      }
      let (topic, rest) = try TopicReference.read(from: text)
      guard rest.isEmpty else { throw TenancyRefusal.badName(.topic) }
      found = Explanation.Question(
        action, on: topic, payload: try payload.map { try JSONDocument(parsing: $0) })
    }
    return found
  }
}
