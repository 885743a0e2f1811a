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
    let instant = try arguments.text("--at")
    let question = try question(&arguments)
    let header = try header(&arguments)
    try arguments.finish()

    let compiled = try CompiledPolicy(file: file)
    if exports {
      guard text == nil, question == nil, header == nil else {
        throw .usage("--grants is about everybody: it goes with no token and no request")
      }
      try export(compiled)
      return .done
    }
    guard let text else { throw .usage("--token, --token-file or --grants is missing") }
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
    var json = JSONWriter()
    let status = explanation.explain(ByteSlice(utf8: text), question, into: &json)
    Terminal.output.line(json.slice.text)
    return status < 300 ? .done : .failed
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
      else { throw .usage("\(option) takes tenant/namespace/topic or ~/topic") }
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
              Terminal.output.line(line(mapping, grant, effect, action, pattern).text)
            }
          }
        }
      }
    }
  }

  private static func line(
    _ mapping: JSONNode, _ grant: JSONNode, _ effect: String, _ action: Action,
    _ pattern: JSONNode
  ) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("effect")
    json.string(effect)
    json.key("action")
    json.string(action.word)
    json.key("pattern")
    json.raw(pattern.raw)
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
