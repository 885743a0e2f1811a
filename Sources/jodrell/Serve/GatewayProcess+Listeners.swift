import Bytes
import Crypto
import Gateway
import HTTPWire
import Network
import Settings

extension GatewayProcess {
  /// Takes the addresses; nothing is accepted yet.
  static func server(
    _ plan: ServePlan
  ) throws(CommandFault) -> Server<GatewayResponder<Log>> {
    let wanted: [(ListenerSettings?, ListenerKind, TLSDoor?)] = [
      (plan.http, .open, nil), (plan.secure, .open, plan.certificates?.door),
      (plan.management, .management, nil),
    ]
    let listeners = wanted.compactMap { listener, kind, door in
      listener.map { listener in
        var configuration = ListenerConfiguration(kind: kind, at: place(listener), tls: door)
        configuration.proxies = listener.proxies
        return configuration
      }
    }
    do throws(NetworkFailure) {
      var configuration = ServerConfiguration(listeners: listeners)
      configuration.forwarding = plan.compiled.settings.forwarded.map(Forwarding.init)
      configuration.run = SecureRandom.bytes(4).array.reduce(0) { $0 << 8 | UInt32($1) }
      return try Server(configuration: configuration)
    } catch {
      let places = wanted.compactMap { $0.0?.address.text }.joined(separator: ", ")
      throw CommandFault(.cannotListen, "\(places): \(error.text)")
    }
  }

  private static func place(_ listener: ListenerSettings) -> ListenerConfiguration.Place {
    switch listener.address.place {
    // Sockets want numbers.
    case .network("localhost", let port): .network(host: "127.0.0.1", port: port)
    case .network(let host, let port): .network(host: host, port: port)
    case .file(let path): .file(path: path, mode: listener.mode)
    }
  }
}

extension Forwarding {
  init(_ settings: ForwardedSettings) {
    let field: Field =
      switch settings.field {
      case .forwarded: .forwarded
      case .xForwardedFor: .xForwardedFor
      }
    self.init(field: field, trusted: settings.proxies)
  }
}

extension NetworkFailure {
  /// In words for the operator.
  var text: String {
    switch self {
    case .addressInUse: "the address is in use"
    case .badAddress(let host): "'\(host)' is no address"
    case .badPath(let path):
      "'\(path)' is no path of a socket file: 1 to \(SocketAddress.longestPath) bytes"
    case .foreignFile(let path): "what lies at \(path) is no socket that this user has left"
    case .openFolder(let path):
      "everybody could replace \(path): its folder is writable to all and not sticky"
    case .system(let call, let code): "\(call): \(FileFault.words(code))"
    }
  }
}
