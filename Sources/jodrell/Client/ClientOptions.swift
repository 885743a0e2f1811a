import Bytes
import Client
import Glibc
import Tenancy

/// Where the gateway is and who asks: what `publish`, `tail` and `topics` share.
struct ClientOptions: Sendable {
  let endpoint: Endpoint
  private let given: ByteSlice?
  /// The data directory whose development issuer may speak for us.
  private let data: String

  init(_ arguments: inout Arguments) throws(CommandFault) {
    let url = try arguments.text("--url") ?? Self.variable("JODRELL_URL") ?? "http://127.0.0.1:8080"
    let authorities = try (arguments.text("--ca") ?? Self.variable("JODRELL_CA")).map {
      path throws(CommandFault) in
      try CommandFault.wrap(.failed) { () throws(FileFault) in
        try FileAccess.read(path, limit: 4 << 20)
      }
    }
    do throws(ClientFault) {
      endpoint = try Endpoint(url, authorities: authorities)
    } catch .badAuthorities(let words) {
      throw .usage("--ca: \(words)")
    } catch {
      throw .usage("--url takes http://host[:port][/path], https://… or unix:/path")
    }
    data = try arguments.text("--data") ?? "data"
    let token = try arguments.text("--token")
    let file = try arguments.text("--token-file")
    guard token == nil || file == nil else {
      throw .usage("--token and --token-file exclude each other")
    }
    if let file {
      let text = try CommandFault.wrap(.failed) { () throws(FileFault) in
        try FileAccess.read(file, limit: 1 << 20)
      }
      given = ByteSlice(text.array.filter { $0 > ASCII.space })
    } else {
      given = (token ?? Self.variable("JODRELL_TOKEN")).map { ByteSlice(utf8: $0) }
    }
  }

  /// A client that shows the given token; without one, and for a gateway on this machine whose
  /// development key this user may read, a fresh token of its own.
  ///
  /// - Parameters:
  ///   - tenant: whose; nil for the one that exists from the start.
  ///   - actions: what a fresh token allows.
  func client(for tenant: String?, _ actions: [String]) throws(CommandFault) -> GatewayClient {
    if let given { return GatewayClient(endpoint, token: given) }
    guard Self.isThisMachine(endpoint.host), let keys = try DevelopmentKeys(loadingFrom: data)
    else {
      throw .usage(
        "no token: give --token or --token-file, set JODRELL_TOKEN, or name the data directory of "
          + "a development gateway on this machine with --data")
    }
    let token = try keys.token(
      subject: Self.variable("USER") ?? "developer", tenant: tenant ?? "\(EmbeddedPolicy.tenant)",
      actions: actions, lifetime: .seconds(3600))
    return GatewayClient(endpoint, token: token)
  }

  /// Whether a token that has ended can be replaced.
  var canRenew: Bool { given == nil }

  /// Whether a host stands for this machine. Not what only begins like such an address: that may
  /// be anybody's name.
  static func isThisMachine(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    return host.hasPrefix("127.") && IPAddress(parsing: ByteSlice(utf8: host)) != nil
  }

  private static func variable(_ name: String) -> String? {
    // SAFETY: copied at once; nothing here changes the environment.
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }
}

/// A topic as a person writes it: `tenant/namespace/topic`, `~/topic`, or just `topic`.
struct TopicArgument: Sendable {
  /// Nil for the tenant that the token maps to.
  let tenant: String?
  /// `/v1/topics/…`, percent-encoded.
  let path: String
  /// As it is shown.
  let text: String

  init(_ text: String) throws(CommandFault) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isWhole = parts.count == 3
    let isOwn = parts.count == 1 || parts.count == 2 && parts[0] == "~"
    let names = isOwn ? parts.suffix(1) : parts[...]
    guard isWhole || isOwn, names.allSatisfy({ Name(ByteSlice(utf8: $0)) != nil }) else {
      throw .usage(
        "'\(text.printable)' is no topic: tenant/namespace/topic, or topic for the token's own")
    }
    tenant = isWhole ? parts[0] : nil
    path =
      "/v1/topics/" + (isOwn ? "~/" : "") + names.map(ClientRequest.segment).joined(separator: "/")
    self.text = isOwn ? "~/\(names.joined())" : text
  }
}
