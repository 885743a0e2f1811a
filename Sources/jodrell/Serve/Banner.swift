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
    let base = gateway.baseURL
    let socket = gateway.http.flatMap { address in
      address.hasPrefix("unix:") ? address.dropFirst(5) : nil
    }
    let curl = socket.map { "curl --unix-socket '\($0)'" } ?? "curl"
    let topic = "\(base)/v1/topics/~/hello"
    let authorization = "-H \"Authorization: Bearer $TOKEN\""
    let publish =
      "\(curl) -i \(topic)/events \(authorization)"
      + " -H 'Content-Type: application/json' -d '{\"hello\":\"world\"}'"
    let follow =
      "\(curl) -N '\(topic)/events?from=earliest' \(authorization)"
      + " -H 'Accept: text/event-stream'"
    let place = socket.map { "unix:\($0)" } ?? base
    let title = ink.bold("jodrell \(Command.version)")
    return """

      \(title) at \(ink.name(place)) · development mode, this machine only · data in \(data)

      \(ink.dim("# a token for tenant public, good for \(lifetime.text); or: jodrell token"))
      export TOKEN=\(token.text)

      \(ink.dim("# publish"))
      \(publish)

      \(ink.dim("# follow, from the first event on"))
      \(follow)

      \(ink.dim("# latency percentiles of the topic"))
      \(curl) -s \(topic) \(authorization)

      \(ink.dim("Ctrl-C ends it."))


      """
  }
}
