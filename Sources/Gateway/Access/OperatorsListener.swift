public import Bytes
import HTTPWire

/// Keeps browser pages away from the operators' listener, where nobody shows a token.
extension GatewayResponder {
  /// Refuses what a page may have sent: with `Origin`, or by a name that is none of the listener's.
  ///
  /// A host's owner can let its name mean this machine while a page of it is open (DNS rebinding).
  /// The page then reads as if from its own host, without `Origin`; but it is that host's name
  /// which the browser writes into `Host`, and a page has no way to change it.
  func refusePages(_ request: HTTPRequest) throws(Refusal) {
    guard request.head.fields.first("origin") == nil else {
      throw Refusal(.forbidden, "pages may not call the operators' listener")
    }
    // Browsers do not open socket files.
    if request.peer.starts(with: "unix:") { return }
    guard parts.operations.hosts.contain(request.head.authority) else {
      throw Refusal(
        .forbidden,
        "the operators' listener is called by its address or by a name in listen.management.hosts")
    }
  }
}

/// The names by which the operators' listener may be called, besides its address and `localhost`.
public struct HostNames: Sendable {
  /// In lower case.
  private let names: [ByteSlice]

  public init(_ names: [ByteSlice] = []) {
    self.names = names.map { name in ByteSlice(name.array.map(ASCII.lowercased)) }
  }

  /// Whether `Host` or `:authority` holds an address, `localhost` or one of the names, with or
  /// without a port. An empty one is HTTP/1.0's, which no browser speaks.
  func contain(_ authority: ByteSlice) -> Bool {
    if authority.isEmpty { return true }
    if authority[0] == 0x5B {
      guard let end = authority.firstIndex(of: 0x5D) else { return false }
      return IPAddress(parsing: authority[1..<end]) != nil
    }
    var host = authority.prefix(authority.firstIndex(of: ASCII.colon) ?? authority.count)
    // The root's dot, which ends a full name.
    if host.count > 1, host[host.count - 1] == ASCII.dot { host = host.prefix(host.count - 1) }
    return host.equalsIgnoringCase("localhost") || IPAddress(parsing: host) != nil
      || names.contains { name in
        name.count == host.count
          && (0..<name.count).allSatisfy { name[$0] == ASCII.lowercased(host[$0]) }
      }
  }
}
