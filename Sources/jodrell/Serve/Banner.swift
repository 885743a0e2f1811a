import Bytes

/// What development mode shows a person first: lines to paste.
enum Banner {
  /// The lifetime of the token shown: a working day.
  private static let lifetime = TimeSpan.seconds(12 * 3600)

  static func text(
    _ gateway: GatewayProcess, _ keys: DevelopmentKeys, data: String
  ) throws(CommandFault) -> String {
    let token = try keys.token(
      subject: "developer", tenant: "public", actions: ["publish", "subscribe", "manage"],
      lifetime: lifetime)
    let ink = Ink(isOn: Terminal.output.isColourful)
    let base = "http://\(gateway.http)"
    let topic = "\(base)/v1/topics/~/hello"
    return """

      \(ink.bold("jodrell \(Command.version)")) at \(ink.name(base)) · development mode, this machine only · data in \(data)

      \(ink.dim("# a token for tenant public, good for \(lifetime.text); more: jodrell token --help"))
      export TOKEN=\(token.text)

      \(ink.dim("# publish"))
      curl -i \(topic)/events -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"hello":"world"}'

      \(ink.dim("# follow, from the first event on"))
      curl -N '\(topic)/events?from=earliest' -H "Authorization: Bearer $TOKEN" -H 'Accept: text/event-stream'

      \(ink.dim("# latency percentiles of the topic"))
      curl -s \(topic) -H "Authorization: Bearer $TOKEN"

      \(ink.dim("Ctrl-C ends it."))


      """
  }
}
