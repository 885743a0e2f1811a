import Bytes
import Tenancy

/// `jodrell token`: a token of the development issuer.
enum TokenCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let tenant = try arguments.text("--tenant") ?? "\(EmbeddedPolicy.tenant)"
    let actions = try arguments.list("--allow") ?? ["publish", "subscribe"]
    let lifetime = try arguments.span("--ttl") ?? .seconds(3600)
    let subject = try arguments.text("--subject") ?? "developer"
    let data = try arguments.text("--data") ?? "data"
    try arguments.finish()

    guard Name(ByteSlice(utf8: tenant)) != nil else { throw .usage("--tenant: \(Name.rule)") }
    let known = Action.allCases.map { "\($0.word)" }
    if let action = actions.first(where: { !known.contains($0) }) {
      throw .usage("--allow: '\(action)' is none of \(known.joined(separator: ", "))")
    }
    guard lifetime >= .seconds(1) else { throw .usage("--ttl is at least 1s") }
    guard !subject.isEmpty else { throw .usage("--subject is empty") }
    guard let keys = try DevelopmentKeys(loadingFrom: data) else {
      throw CommandFault(
        .storeUnavailable,
        "\(data) has no development issuer; jodrell serve makes it when it first runs")
    }
    let token = try keys.token(
      subject: subject, tenant: tenant, actions: actions, lifetime: lifetime)
    Terminal.output.line(token.text)
    return .done
  }
}
