import Bytes
import Tenancy

/// `jodrell token`: a token of the development issuer, or many with a subject each.
enum TokenCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let tenant = try arguments.text("--tenant") ?? "\(EmbeddedPolicy.tenant)"
    let actions = try arguments.list("--allow") ?? ["publish", "subscribe"]
    let lifetime = try arguments.span("--ttl") ?? .seconds(3600)
    let subject = try arguments.text("--subject") ?? "developer"
    let count = try arguments.number("--count", in: 1...100_000)
    let data = try arguments.text("--data") ?? "data"
    try arguments.finish()

    guard Name(ByteSlice(utf8: tenant)) != nil else { throw .usage("--tenant: \(Name.rule)") }
    let known = Action.allCases.map { "\($0.word)" }
    if let action = actions.first(where: { !known.contains($0) }) {
      throw .usage("--allow: '\(action)' is none of \(known.joined(separator: ", "))")
    }
    guard lifetime >= .seconds(1) else { throw .usage("--ttl is at least 1s") }
    guard let keys = try DevelopmentKeys(loadingFrom: data) else {
      throw CommandFault(
        .storeUnavailable,
        "\(data) has no development issuer; jodrell serve makes it when it first runs")
    }
    for number in 1...(count ?? 1) {
      let token = try keys.token(
        subject: count == nil ? subject : "\(subject)-\(number)", tenant: tenant,
        actions: actions, lifetime: lifetime)
      Terminal.output.line(token.text)
    }
    return .done
  }
}
