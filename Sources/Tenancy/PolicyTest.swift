public import Bytes
import JSONText
public import Settings

/// One entry of the configuration's `tests`: claims, perhaps a request, and what must come of them.
///
/// It asks the mappings alone, as if a token with these claims had been verified, and so proves
/// nothing to anybody: `jodrell check` and a reload run them before a policy counts.
public struct PolicyTest: Sendable {
  public let name: String
  public let position: SettingsPosition
  private let issuer: ByteSlice
  private let claims: JSONDocument
  private let request: Request?
  /// When it is asked; nil for now.
  private let instant: UnixTime?
  private let expectation: Expectation

  private struct Request: Sendable {
    let tenant: Name?
    /// What the field `Jodrell-Tenant` would hold.
    let header: Name?
    let action: Action
    /// Nil: `~`.
    let namespace: Name?
    let topic: Name
    /// What would be published, for conditions on payloads.
    let payload: JSONDocument?

    var selection: TenantSelection? { header.map(TenantSelection.header) ?? .path(tenant) }
  }

  /// What a test may ask about; nils are not looked at.
  private struct Expectation: Sendable {
    let status: Int
    let facts: [Fact]
    /// What of classified data the request would show.
    let classes: ClassSet?
  }

  private struct Fact: Sendable {
    let name: StaticString
    let expected: ByteSlice
  }

  /// Compiles every test of the file; their issuers must be declared.
  public static func compile(
    _ settings: GatewaySettings
  ) throws(SettingsFault) -> [PolicyTest] {
    var tests: [PolicyTest] = []
    let issuers = try TenancyPolicy.issuerIDs(settings.issuers)
    for node in settings.tests {
      tests.append(try PolicyTest(compiling: node, issuers: issuers))
    }
    return tests
  }

  private init(compiling node: SettingsNode, issuers: Set<ByteSlice>) throws(SettingsFault) {
    var test = try SettingsMapping(node)
    name = try test.text("name")
    position = node.position
    let issuer = try test.required("issuer")
    self.issuer = try issuer.bytes()
    guard issuers.contains(self.issuer) else {
      throw issuer.fault(.invalid("the issuer '\(self.issuer.text)' is not declared"))
    }
    let claims = try test.required("claims")
    _ = try claims.entries()
    do throws(JSONFault) {
      self.claims = try JSONDocument(parsing: claims.json, limits: .token)
    } catch {
      throw claims.fault(.invalid("no token may carry these claims: too large or too deep"))
    }
    request = try test.optional("request").map { node throws(SettingsFault) in
      try Self.request(node)
    }
    instant = try test.optional("at").map { node throws(SettingsFault) in try node.instant() }
    let expected = try test.required("expect")
    expectation = try Self.expectation(expected)
    guard expectation.classes == nil || request?.action == .subscribe else {
      throw expected.fault(.invalid("'classes' is about a request to subscribe"))
    }
    try test.finish()
  }

  private static func request(_ node: SettingsNode) throws(SettingsFault) -> Request {
    var reader = try SettingsMapping(node)
    let tenantNode = reader.optional("tenant")
    let tenant = try tenantNode.map { node throws(SettingsFault) in try Self.name(node) }
    let headerNode = reader.optional("header")
    let header = try headerNode.map { node throws(SettingsFault) in try Self.name(node) }
    if let headerNode, tenant != nil {
      throw headerNode.fault(.invalid("a request names its tenant in its path or in a field"))
    }
    let payload = try reader.optional("payload").map { node throws(SettingsFault) in
      try Self.document(node)
    }
    var found: (Action, SettingsNode)?
    for action in Action.allCases {
      guard let target = reader.optional(action.word) else { continue }
      guard found == nil else { throw node.fault(.invalid("a request does one action")) }
      found = (action, target)
    }
    try reader.finish()
    guard let (action, target) = found else {
      throw node.fault(.invalid("a request names an action and its topic: {publish: orders/new}"))
    }
    let text = try target.bytes()
    let slash = text.firstIndex(of: ASCII.slash) ?? text.count
    let left = text.prefix(slash)
    let namespace = Name(left)
    guard let topic = Name(text.dropFirst(slash + 1)), namespace != nil || left.equals("~") else {
      throw target.fault(.invalid("not a topic such as orders/new or ~/new"))
    }
    return Request(
      tenant: tenant, header: header, action: action, namespace: namespace, topic: topic,
      payload: payload)
  }

  private static func expectation(_ node: SettingsNode) throws(SettingsFault) -> Expectation {
    var reader = try SettingsMapping(node)
    let statusNode = try reader.required("status")
    let status = Int(try statusNode.integer(in: 200...599))
    guard [200, 201, 403, 404].contains(status) else {
      throw statusNode.fault(.invalid("a policy answers 200 or 201 (allowed), 403 or 404"))
    }
    var facts: [Fact] = []
    for fact in Self.facts {
      if let expected = reader.optional(fact) {
        facts.append(Fact(name: fact, expected: try expected.bytes()))
      }
    }
    let classes = try reader.optional("classes").map { node throws(SettingsFault) in
      try node.elements().isEmpty ? ClassSet.none : ClassSet(compiling: node)
    }
    try reader.finish()
    return Expectation(status: status, facts: facts, classes: classes)
  }

  private static let facts: [StaticString] = [
    "code", "tenant", "namespace", "principal", "service", "source",
  ]

  private static func document(_ node: SettingsNode) throws(SettingsFault) -> JSONDocument {
    do throws(JSONFault) {
      return try JSONDocument(parsing: node.json)
    } catch {
      throw node.fault(.invalid("too large or too deep for a payload"))
    }
  }

  private static func name(_ node: SettingsNode) throws(SettingsFault) -> Name {
    guard let name = Name(try node.bytes()) else { throw node.fault(.invalid(Name.rule)) }
    return name
  }
}

extension PolicyTest {
  /// Asks `policy` and compares; nil when everything is as expected, else what differs, in words.
  ///
  /// - Parameter now: when it is asked, unless the test says when.
  public func failure(on policy: TenancyPolicy, at now: UnixTime) -> String? {
    var decision: Decision?
    var refusal: TenancyRefusal?
    var classes = ClassSet.none
    do throws(TenancyRefusal) {
      let made = try policy.decision(
        issuer: issuer, claims: claims, selecting: request?.selection, at: instant ?? now)
      decision = made
      if let request { classes = try Self.ask(request, of: made) }
    } catch {
      refusal = error
    }
    let status = refusal?.status ?? 200
    let expectsLeave = expectation.status < 300
    guard expectsLeave ? status == 200 : status == expectation.status else {
      let code = refusal.map { " \($0.code)" } ?? ""
      return "expected status \(expectation.status), got \(status)\(code)"
    }
    for fact in expectation.facts {
      let actual = Self.value(of: fact.name, decision, refusal)
      if actual != fact.expected {
        let found = actual.map { "'\($0.text)'" } ?? "none"
        return "expected \(fact.name) '\(fact.expected.text)', got \(found)"
      }
    }
    if let expected = expectation.classes, expected != classes {
      return "expected classes \(Self.words(expected)), got \(Self.words(classes))"
    }
    return nil
  }

  private static func words(_ classes: ClassSet) -> String {
    "[\(classes.texts.map(\.text).joined(separator: ", "))]"
  }

  /// - Returns: what of classified data the caller would see.
  private static func ask(
    _ request: Request, of made: Decision
  ) throws(TenancyRefusal) -> ClassSet {
    let namespace: Name
    var grants = made.grants
    let classes: ClassSet
    if let owner = request.tenant, owner != made.tenant, let named = request.namespace {
      namespace = named
      let share = try made.share(
        request.action, of: owner, namespace: named, topic: request.topic)
      grants = share.grants
      classes = share.classes(namespace: named, topic: request.topic)
    } else {
      namespace = try made.resolve(tenant: request.tenant, namespace: request.namespace)
      guard grants.allows(request.action, namespace: namespace, topic: request.topic) else {
        throw .forbidden(request.action)
      }
      classes = grants.classes(namespace: namespace, topic: request.topic)
    }
    guard let payload = request.payload,
      grants.looksIntoPayloads(namespace: namespace, topic: request.topic)
    else { return classes }
    guard grants.takes(payload, namespace: namespace, topic: request.topic) else {
      throw .tenantMismatch
    }
    return classes
  }

  private static func value(
    of fact: StaticString, _ decision: Decision?, _ refusal: TenancyRefusal?
  ) -> ByteSlice? {
    switch "\(fact)" {
    case "code": refusal.map { ByteSlice(utf8: "\($0.code)") }
    case "tenant": decision?.tenant.bytes
    case "namespace": decision?.namespace?.bytes
    case "principal": decision?.principal
    case "service": decision?.service
    default: decision?.source
    }
  }
}
