import Authentication
import Bytes
import Gateway
import JSONText
import Network
import Settings
import Tenancy

/// `jodrell explain`: what a configuration file decides about a token and a request, offline, or
/// everything that it grants to whom.
enum ExplainCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let file = try arguments.required("-c")
    let exports = arguments.flag("--grants")
    let text = try token(&arguments)
    let foreseen = try claims(&arguments)
    let instant = try arguments.text("--at")
    let question = try question(&arguments)
    let header = try header(&arguments)
    try arguments.finish()

    let compiled = try CompiledPolicy(file: file)
    // In force as they would be for a gateway that has taken the file.
    compiled.verifier.revocations.configure(compiled.revoked)
    if exports {
      guard text == nil, foreseen == nil, question == nil, header == nil else {
        throw .usage("--grants is about everybody: it goes with no token and no request")
      }
      try export(compiled)
      return .done
    }
    guard text == nil || foreseen == nil else {
      throw .usage("give a token or --claims, not both")
    }
    guard text != nil || foreseen != nil else {
      throw .usage("--token, --token-file, --claims or --grants is missing")
    }
    var now = Clocks.system.wall()
    if let instant {
      guard let time = UnixTime(rfc3339: ByteSlice(utf8: instant)) else {
        throw .usage("--at takes an instant such as 2026-12-01T00:00:00Z")
      }
      now = time
    }
    let explanation = Explanation(
      for: .operators, verifier: compiled.verifier, policy: compiled.policy, header: header, at: now
    )
    if let foreseen { return try explain(foreseen, question, explanation, compiled) }
    var json = JSONWriter()
    let status = explanation.explain(ByteSlice(utf8: text ?? ""), question, into: &json)
    Terminal.output.line(json.slice.text)
    return status < 300 ? .done : .failed
  }

  /// One line for each set of claims: what a token with them would be.
  private static func explain(
    _ foreseen: (claims: [JSONDocument], issuer: ByteSlice), _ question: Explanation.Question?,
    _ explanation: Explanation, _ compiled: CompiledPolicy
  ) throws(CommandFault) -> ExitCode {
    guard compiled.verifier.issuer(ofID: foreseen.issuer) != nil else {
      throw .usage("--issuer: the file has no issuer '\(foreseen.issuer.text.printable)'")
    }
    var worst = 200
    for claims in foreseen.claims {
      var json = JSONWriter()
      let status = explanation.explain(
        claims, ofIssuer: foreseen.issuer, question, into: &json)
      Terminal.output.line(json.slice.text)
      worst = max(worst, status)
    }
    return worst < 300 ? .done : .failed
  }

  /// Claims that nobody has signed: one JSON object, or a list of them.
  private static func claims(
    _ arguments: inout Arguments
  ) throws(CommandFault) -> (claims: [JSONDocument], issuer: ByteSlice)? {
    let (path, issuer) = (try arguments.text("--claims"), try arguments.text("--issuer"))
    guard let path else {
      guard issuer == nil else { throw .usage("--issuer goes with --claims") }
      return nil
    }
    guard let issuer else { throw .usage("--claims needs --issuer, an id of the file") }
    let bytes = try CommandFault.wrap(.failed) { () throws(FileFault) in
      try FileAccess.read(path, limit: SettingsDocument.Limits.bytes)
    }
    do {
      let document = try JSONDocument(parsing: bytes, limits: .settings)
      let nodes = document.root.kind == .array ? Array(document.root.elements) : [document.root]
      var claims: [JSONDocument] = []
      for node in nodes {
        guard node.kind == .object else {
          throw CommandFault(.failed, "\(path): not an object of claims, or a list of them")
        }
        claims.append(try JSONDocument(parsing: node.raw, limits: .token))
      }
      return (claims, ByteSlice(utf8: issuer))
    } catch let fault as CommandFault {
      throw fault
    } catch {
      throw CommandFault(.failed, "\(path): not JSON, or larger than a token's claims may be")
    }
  }

  /// The token; never from the environment, where it would be the wrong one without a word.
  private static func token(_ arguments: inout Arguments) throws(CommandFault) -> String? {
    let text = try arguments.text("--token")
    guard let path = try arguments.text("--token-file") else { return text }
    guard text == nil else { throw .usage("give --token or --token-file, not both") }
    let bytes = try CommandFault.wrap(.failed) { () throws(FileFault) in
      try FileAccess.read(path, limit: 64 << 10)
    }
    var end = bytes.count
    while end > 0, bytes[end - 1] <= ASCII.space { end -= 1 }
    return bytes.prefix(end).text
  }

  /// What the field `Jodrell-Tenant` would hold.
  private static func header(_ arguments: inout Arguments) throws(CommandFault) -> Name? {
    guard let text = try arguments.text("--tenant") else { return nil }
    guard let name = Name(ByteSlice(utf8: text)) else {
      throw .usage("--tenant takes a tenant's name")
    }
    return name
  }

  private static let requests: [(option: String, action: Action)] = [
    ("--publish", .publish), ("--subscribe", .subscribe), ("--manage", .manage),
    ("--admin", .admin),
  ]

  private static func question(
    _ arguments: inout Arguments
  ) throws(CommandFault) -> Explanation.Question? {
    var found: (action: Action, topic: TopicReference)?
    for (option, action) in requests {
      guard let text = try arguments.text(option) else { continue }
      guard found == nil else { throw .usage("a request does one action") }
      guard let read = try? TopicReference.read(from: ByteSlice(utf8: text)), read.rest.isEmpty
      else { throw .usage("\(option) takes tenant/namespace/topic or '~/topic', in quotes") }
      found = (action, read.reference)
    }
    let payload = try arguments.text("--payload")
    guard let found else {
      guard payload == nil else { throw .usage("--payload goes with --publish") }
      return nil
    }
    var document: JSONDocument?
    if let payload {
      let bytes = try CommandFault.wrap(.failed) { () throws(FileFault) in
        try FileAccess.read(payload, limit: GatewayLimits.event)
      }
      do throws(JSONFault) {
        document = try JSONDocument(parsing: bytes)
      } catch {
        throw CommandFault(.failed, "\(payload): not JSON")
      }
    }
    return Explanation.Question(found.action, on: found.topic, payload: document)
  }

  /// One JSON line for each action and pattern of each mapping: who, as the mapping's conditions
  /// and templates say it, may or may not do what.
  private static func export(_ compiled: CompiledPolicy) throws(CommandFault) {
    for node in compiled.settings.mappings {
      guard let mapping = try? JSONDocument(parsing: node.json).root else { continue }
      for effect in ["allow", "deny"] {
        guard let grants = mapping[effect] else { continue }
        for grant in grants.elements {
          for action in Action.allCases {
            guard let patterns = grant["\(action.word)"] else { continue }
            for pattern in patterns.elements {
              Terminal.output.line(
                line(mapping, grant, effect, action, pattern, compiled.policy).text)
            }
          }
        }
      }
    }
  }

  private static func line(
    _ mapping: JSONNode, _ grant: JSONNode, _ effect: String, _ action: Action,
    _ pattern: JSONNode, _ policy: TenancyPolicy
  ) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("effect")
    json.string(effect)
    json.key("action")
    json.string(action.word)
    json.key("pattern")
    json.raw(pattern.raw)
    if let owner = grant["of"]?.string.flatMap({ Name($0) }),
      let partner = mapping["tenant"]?.string.flatMap({ Name($0) }), let text = pattern.string,
      let shared = policy.shared(action, text, of: owner, with: partner)
    {
      json.key("shared")
      json.beginArray()
      for pattern in shared { json.string(pattern) }
      json.endArray()
    }
    for name in ["of", "classes", "where", "notBefore", "until"] {
      guard let value = grant[name] else { continue }
      json.key(name)
      json.raw(value.raw)
    }
    for name in ["tenant", "tenantMap", "select", "namespace", "principal", "issuer", "when"] {
      guard let value = mapping[name] else { continue }
      json.key(name)
      json.raw(value.raw)
    }
    json.key("rule")
    if let id = mapping["id"] { json.raw(id.raw) } else { json.null() }
    json.endObject()
    return json.slice
  }
}
