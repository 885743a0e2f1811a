import Bytes
import Settings
import Tenancy

/// What the command line of `serve` says.
struct ServeOptions: Sendable {
  /// Nil: development mode.
  let file: String?
  let data: String?
  let listen: ListenAddress?
  let management: ListenAddress?
  /// Where topic schemas lie that are registered at start.
  let schemas: String?
  /// The commit number at which the operator accepts that acknowledged data is missing.
  let acceptedLoss: UInt64?
  /// More tenants of development mode, beside `public`.
  let tenants: [Name]
  /// Show curl lines with a token although nobody sits at a terminal.
  let wantsBanner: Bool

  init(_ arguments: Arguments) throws(CommandFault) {
    var arguments = arguments
    file = try arguments.text("-c")
    data = try arguments.text("--data")
    listen = try Self.address("--listen", &arguments)
    management = try Self.address("--management", &arguments)
    schemas = try arguments.text("--schemas")
    acceptedLoss = try arguments.number("--accept-loss", in: 0...UInt64.max)
    wantsBanner = arguments.flag("--banner")
    var tenants: [Name] = []
    for text in try arguments.list("--tenants") ?? [] {
      guard let name = Name(ByteSlice(utf8: text)) else {
        throw .usage("--tenants: \(Name.rule)")
      }
      tenants.append(name)
    }
    self.tenants = tenants
    try arguments.finish()
    if file != nil {
      guard tenants.isEmpty else {
        throw .usage("--tenants is for development mode; -c has its own")
      }
      guard !wantsBanner else { throw .usage("--banner shows a token of development mode") }
    } else {
      for address in [listen, management] {
        guard address?.isLoopback ?? true else {
          throw .usage(
            "development mode listens on this machine only; write a configuration file for more")
        }
      }
    }
  }

  private static func address(
    _ name: String, _ arguments: inout Arguments
  ) throws(CommandFault) -> ListenAddress? {
    guard let text = try arguments.text(name) else { return nil }
    guard let address = ListenAddress(parsing: ByteSlice(utf8: text)) else {
      throw .usage("\(name) takes an address such as 127.0.0.1:8080, [::1]:8080 or unix:/path")
    }
    return address
  }
}
