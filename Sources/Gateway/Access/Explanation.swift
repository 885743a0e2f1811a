public import Authentication
public import Bytes
public import JSONText
public import Tenancy

/// What decides about one token and, if asked, one request: issuer, key, each mapping with what it
/// made of the claims, the grants, the rule that allows or denies. Written as JSON, for the
/// gateway's own call and for commands that ask a file.
///
/// It names precise reasons, which clients are never told: it is for the token's owner, whose token
/// has been accepted, and for operators. No claim's value is shown but those that templates yield.
public struct Explanation {
  /// A request that might be made.
  public struct Question: Sendable {
    let action: Action
    let topic: TopicReference
    /// What would be published; nil when nobody says.
    let payload: JSONDocument?

    public init(_ action: Action, on topic: TopicReference, payload: JSONDocument? = nil) {
      self.action = action
      self.topic = topic
      self.payload = payload
    }
  }

  /// Whom it is for.
  public enum Reader: Sendable {
    /// Whoever runs the gateway: every mapping is told.
    case operators
    /// A caller at the public door: the mappings of tenants that the token acts for. What others'
    /// are called, and what claims they take, is theirs.
    case caller
    /// An operator of one tenant, about another's token: its mappings and its scope in that tenant,
    /// whatever other tenants the token acts for.
    case admin(of: Name)
  }

  private let reader: Reader
  private let verifier: TokenVerifier
  private let policy: TenancyPolicy
  private let header: Name?
  private let now: UnixTime

  /// - Parameter header: what the field `Jodrell-Tenant` would hold, for requests whose path names
  ///   no tenant.
  public init(
    for reader: Reader, verifier: TokenVerifier, policy: TenancyPolicy, header: Name? = nil,
    at now: UnixTime
  ) {
    self.reader = reader
    self.verifier = verifier
    self.policy = policy
    self.header = header
    self.now = now
  }

  /// Explains a token in compact form.
  ///
  /// - Returns: the status that the request would be answered with, 200 for leave.
  public func explain(
    _ text: ByteSlice, _ question: Question?, into json: inout JSONWriter
  ) -> Int {
    json.beginObject()
    defer { json.endObject() }
    do throws(TokenRefusal) {
      // Who runs the gateway has no client's key, and lets nobody in by asking.
      let token =
        if case .operators = reader {
          try verifier.verify(text, presentedBy: .unasked, at: now)
        } else {
          try verifier.verify(text, at: now)
        }
      return explain(token, question, members: &json)
    } catch {
      return Self.refuse(error, members: &json)
    }
  }

  /// Explains a token that was verified already, or why it was not.
  func explain(
    _ token: Result<VerifiedToken, TokenRefusal>, _ question: Question?,
    into json: inout JSONWriter, _ more: (inout JSONWriter, TenantScope) -> Void = { _, _ in }
  ) -> Int {
    json.beginObject()
    defer { json.endObject() }
    switch token {
    case .success(let token): return explain(token, question, members: &json, more)
    case .failure(let refusal): return Self.refuse(refusal, members: &json)
    }
  }

  /// Explains claims as if a token of the issuer with them had been verified.
  public func explain(
    _ claims: JSONDocument, ofIssuer issuer: ByteSlice, _ question: Question?,
    into json: inout JSONWriter
  ) -> Int {
    json.beginObject()
    defer { json.endObject() }
    writeMappings(issuer, claims, into: &json)
    return decide(question, into: &json) { selection, json throws(TenancyRefusal) in
      let scope = try policy.foresee(
        issuer: issuer, claims: claims, selecting: selection, at: now)
      scope.write(into: &json, issuer: issuer)
      return scope
    }
  }

  private static func refuse(_ refusal: TokenRefusal, members json: inout JSONWriter) -> Int {
    json.key("token")
    json.beginObject()
    json.key("accepted")
    json.bool(false)
    json.key("reason")
    json.string(refusal.reason)
    json.endObject()
    json.key("status")
    json.integer(401)
    return 401
  }

  private func explain(
    _ token: VerifiedToken, _ question: Question?, members json: inout JSONWriter,
    _ more: (inout JSONWriter, TenantScope) -> Void = { _, _ in }
  ) -> Int {
    write(token, into: &json)
    writeMappings(token.issuerID, token.claims, into: &json)
    return decide(question, into: &json) { selection, json throws(TenancyRefusal) in
      let scope = try policy.scope(of: token, selecting: selection, at: now)
      scope.write(into: &json)
      more(&json, scope)
      return scope.foreseen
    }
  }

  private func decide(
    _ question: Question?, into json: inout JSONWriter,
    _ scope: (TenantSelection?, inout JSONWriter) throws(TenancyRefusal) -> ForeseenScope
  ) -> Int {
    var status = 200
    do throws(TenancyRefusal) {
      let selection =
        if case .admin(let tenant) = reader {
          TenantSelection.path(tenant)
        } else {
          TenantSelection.path(question?.topic.tenant) ?? header.map(TenantSelection.header)
        }
      let scope = try scope(selection, &json)
      if let question { status = answer(question, scope, into: &json) }
    } catch {
      status = error.status
      json.key("code")
      json.string(error.code)
    }
    json.key("status")
    json.integer(status)
    json.key("policy")
    json.integer(policy.generation)
    return status
  }

  private func write(_ token: VerifiedToken, into json: inout JSONWriter) {
    json.key("token")
    json.beginObject()
    json.key("accepted")
    json.bool(true)
    json.key("issuer")
    json.string(token.issuerID)
    json.key("iss")
    json.string(token.issuer)
    json.key("kid")
    if let id = token.keyID { json.string(id) } else { json.null() }
    json.key("subject")
    if let subject = token.subject { json.string(subject) } else { json.null() }
    json.key("expires")
    json.instant(token.expires)
    if token.isBound {
      json.key("bound")
      json.bool(true)
    }
    json.endObject()
  }

  private func writeMappings(
    _ issuer: ByteSlice, _ claims: JSONDocument, into json: inout JSONWriter
  ) {
    json.key("mappings")
    json.beginArray()
    let outcomes = policy.outcomes(issuer: issuer, claims: claims, at: now)
    let own = outcomes.compactMap { rule in
      if case .matched(let caller) = rule.outcome { caller.tenant } else { nil }
    }
    for (rule, tenant, outcome) in outcomes {
      let isTold =
        switch reader {
        case .operators: true
        case .caller: tenant.map(own.contains) == true
        case .admin(let only): tenant == only
        }
      guard isTold else { continue }
      json.beginObject()
      json.key("rule")
      json.string(rule)
      json.key("outcome")
      switch outcome {
      case .matched(let caller):
        json.string("matched" as StaticString)
        json.key("tenant")
        json.string(caller.tenant.bytes)
        if caller.isChosenByHeader {
          json.key("select")
          json.string("header" as StaticString)
        }
      case .conditionFailed(let pointer):
        json.string("condition_failed" as StaticString)
        json.key("claim")
        json.string(pointer.text)
      case .templateFailed(let field):
        json.string("template_failed" as StaticString)
        json.key("field")
        json.string(field.rawValue)
      case .undeclaredTenant: json.string("undeclared_tenant" as StaticString)
      case .unlistedTenant(let pointer):
        json.string("unlisted_tenant" as StaticString)
        json.key("claim")
        json.string(pointer.text)
      }
      json.endObject()
    }
    json.endArray()
  }

  /// - Returns: the status of the answer.
  private func answer(
    _ question: Question, _ scope: ForeseenScope, into json: inout JSONWriter
  ) -> Int {
    json.key("request")
    json.beginObject()
    defer { json.endObject() }
    json.key("action")
    json.string(question.action.word)
    do throws(TenancyRefusal) {
      let answer = try scope.answer(
        question.action, question.topic, payload: question.payload)
      json.key("topic")
      json.string(answer.topic)
      json.key("rule")
      if let rule = answer.rule { json.string(rule) } else { json.null() }
      if answer.looksIntoPayloads {
        json.key("payload")
        switch answer.takesPayload {
        case true?: json.string("taken" as StaticString)
        case false?: json.string("refused" as StaticString)
        case nil: json.string("depends" as StaticString)
        }
        if answer.takesPayload == false { throw .tenantMismatch }
      }
      if question.action == .subscribe {
        json.key("classes")
        answer.classes.write(into: &json)
      }
      json.key("allowed")
      json.bool(true)
      return 200
    } catch {
      if let rule = scope.deniedBy(question.action, question.topic) {
        json.key("deniedBy")
        json.string(rule)
      }
      json.key("allowed")
      json.bool(false)
      json.key("code")
      json.string(error.code)
      return error.status
    }
  }
}

extension ClassSet {
  /// Writes the array of what the configuration calls them.
  func write(into json: inout JSONWriter) {
    json.beginArray()
    for text in texts { json.string(text) }
    json.endArray()
  }
}

extension TenantScope {
  /// Writes who the caller is and what it holds, as members of an object.
  func write(into json: inout JSONWriter) {
    foreseen.write(into: &json, issuer: issuer)
    json.key("expires")
    json.instant(expires)
  }
}

extension ForeseenScope {
  /// Writes who the caller would be and what it would hold, as members of an object.
  func write(into json: inout JSONWriter, issuer: ByteSlice) {
    json.key("principal")
    json.string(principal)
    json.key("tenant")
    json.string(tenant.bytes)
    json.key("namespace")
    if let namespace { json.string(namespace.bytes) } else { json.null() }
    json.key("issuer")
    json.string(issuer)
    if let service {
      json.key("service")
      json.string(service)
    }
    if let source {
      json.key("source")
      json.string(source)
    }
    json.key("grants")
    json.beginArray()
    for grant in grants { Self.write(grant, into: &json) }
    json.endArray()
    json.key("denials")
    json.beginArray()
    for denial in denials { Self.write(denial, denial.patternText, .none, into: &json) }
    json.endArray()
    if changes != .distantFuture {
      json.key("changes")
      json.instant(changes)
    }
  }

  private static func write(_ held: EffectiveGrant, into json: inout JSONWriter) {
    write(held.grant, held.pattern, held.classes, into: &json)
  }

  private static func write(
    _ grant: Grant, _ pattern: ByteSlice, _ classes: ClassSet, into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("rule")
    json.string(grant.rule)
    json.key("action")
    json.string(grant.action.word)
    json.key("pattern")
    json.string(pattern)
    if let owner = grant.owner {
      json.key("of")
      json.string(owner.bytes)
    }
    if grant.isConditional {
      json.key("conditional")
      json.bool(true)
    }
    if !classes.isEmpty {
      json.key("classes")
      classes.write(into: &json)
    }
    if let instant = grant.notBefore {
      json.key("notBefore")
      json.instant(instant)
    }
    if let instant = grant.until {
      json.key("until")
      json.instant(instant)
    }
    json.endObject()
  }
}
