import Authentication
import Bytes
import Crypto
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

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
  /// in others. On the operators' listener `token` may be bound, opaque or an API key.
  func explain(
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let isOperators = request.listener == .management
    var caller = isOperators ? nil : try admission.token(of: request)
    let body = try await request.body.collect(upTo: GatewayLimits.explainBody)
    if let token = caller, let again = try await askedAgain(about: token) { caller = again }
    var members = try BodyMembers(parsing: body)
    let text = try members.takeText("token")
    let question = try Self.question(&members)
    try members.finish()
    admission.refresh()
    let snapshot = admission.snapshot
    let selection = try Admission.selection(of: request, path: question?.topic.tenant)
    // What the caller was let in with may be gone since: its body may have been long on the way.
    let now = timers.clocks.wall()
    if let caller {
      try snapshot.verifier.recheck(caller, at: now)
      if let scope = try? snapshot.policy.scope(of: caller, selecting: selection, at: now) {
        _ = try admit(request, as: scope)
      }
    }
    if let text {
      notes[request.id, default: RequestNotes()].operatorLook = .atToken(
        ByteSlice(utf8: Digest.sha256(text).hexadecimal).prefix(16))
    }
    var reader: Explanation.Reader = isOperators ? .operators : .caller
    if let text, let caller {
      let operatorScope = try snapshot.policy.scope(of: caller, selecting: selection, at: now)
      guard operatorScope.isOperator else { throw TenancyRefusal.forbidden(.admin) }
      guard (question?.topic.tenant ?? operatorScope.tenant) == operatorScope.tenant else {
        throw HiddenDenial(
          TenancyRefusal.notFound,
          saying: "of another's token only your tenant's topics are explained")
      }
      try checkShown(text, to: operatorScope.tenant, snapshot, request)
      reader = .admin(of: operatorScope.tenant)
    }
    let explanation = Explanation(
      for: reader, verifier: snapshot.verifier, policy: snapshot.policy,
      header: selection?.tenant, at: request.receivedAt)
    let token: Result<VerifiedToken, TokenRefusal>
    if let text {
      token = try await explained(text, mayBeOpaque: isOperators, snapshot, request)
    } else {
      token = .success(try caller ?? admission.token(of: request))
    }
    answer.start(200)
    return finish(&answer) { json in
      _ = explanation.explain(token, question, into: &json) { json, scope in
        // Where a token shown by somebody else would come from, nobody knows.
        writeSurroundings(of: scope, question, text == nil ? request.peer : nil, into: &json)
      }
    }
  }

  /// A token of nobody, or of another tenant, is none of an operator's business.
  private func checkShown(
    _ text: ByteSlice, to tenant: Name, _ snapshot: AccessSnapshot, _ request: HTTPRequest
  ) throws {
    do {
      let token = try admission.shown(text, in: request)
      let scope = try snapshot.policy.scope(
        of: token, selecting: .path(tenant), at: request.receivedAt)
      guard scope.tenant == tenant else { throw TenancyRefusal.notFound }
    } catch let refusal as Refusal {
      // Too many bad ones have come from there.
      throw refusal
    } catch {
      throw HiddenDenial(error, saying: "no accepted token of your tenant")
    }
  }

  /// The token of that text, or why it is none. Nobody has to prove possession of anything: it
  /// lets nobody in.
  ///
  /// - Parameter mayBeOpaque: it may be an API key, or a token that its issuer has to be asked
  ///   about.
  private func explained(
    _ text: ByteSlice, mayBeOpaque: Bool, _ snapshot: AccessSnapshot, _ request: HTTPRequest
  ) async throws -> Result<VerifiedToken, TokenRefusal> {
    let verifier = snapshot.verifier
    do throws(TokenRefusal) {
      return .success(
        try verifier.verify(
          text, presentedBy: mayBeOpaque ? .unasked : .bare, at: request.receivedAt))
    } catch {
      guard mayBeOpaque, case .parts = error else { return .failure(error) }
    }
    if verifier.origin(ofAPIKey: text) != nil {
      return Result { () throws(TokenRefusal) in
        try verifier.verify(
          apiKey: text, rememberedAs: Digest.sha256(text), at: request.receivedAt)
      }
    }
    guard let issuer = verifier.introspecting(text) else { return .failure(.parts(1)) }
    do throws(CredentialFault) {
      try Credential.checkForm(text)
    } catch {
      return .failure(.encoding(.signature))
    }
    let digest = Digest.sha256(text)
    let answer = try await introspect(
      ByteSlice(copying: text.span), digest, at: issuer, from: PeerNetwork.number(of: request.peer))
    return Result { () throws(TokenRefusal) in
      try verifier.verify(
        introspected: answer, of: digest, by: issuer, presentedBy: .unasked,
        at: request.receivedAt)
    }
  }

  /// What else decides about the request: the versions of the topic's schemas, and what is left of
  /// each rate.
  private func writeSurroundings(
    of scope: TenantScope, _ question: Explanation.Question?, _ peer: ByteSlice?,
    into json: inout JSONWriter
  ) {
    let address = question.flatMap { try? scope.address(of: $0.topic, for: $0.action) }
    if let address, address.action == .publish, let topic = parts.engine.open(address) {
      json.key("schemas")
      json.beginArray()
      if let binding = topic.binding {
        for bound in binding.sole.map({ [$0] }) ?? binding.bound {
          json.beginObject()
          json.key("subject")
          json.string(bound.subject.bytes)
          json.key("version")
          json.integer(Int(bound.version))
          json.endObject()
        }
      }
      json.endArray()
    }
    json.key("limits")
    json.beginArray()
    let remainders = parts.limits.remainders(
      of: scope, to: address, from: peer,
      under: admission.snapshot.policy.addressLimits.all, at: timers.now)
    for remainder in remainders {
      json.beginObject()
      json.key("limit")
      json.string(remainder.limit.label)
      json.key("quota")
      json.integer(Int(remainder.rate.count))
      json.key("seconds")
      json.integer(Int(remainder.rate.span.nanoseconds / 1_000_000_000))
      json.key("left")
      json.integer(Int(remainder.left))
      json.endObject()
    }
    json.endArray()
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
