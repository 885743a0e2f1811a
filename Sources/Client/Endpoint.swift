package import Bytes
import Crypto

/// Whose certificates a client takes: the system's authorities', or those of one file.
package struct ServerTrust: Sendable, Equatable {
  let tls: TLSClient

  /// - Parameter authorities: certificates in PEM; nil: the system's.
  package init(authorities: ByteSlice? = nil) throws(ClientFault) {
    do throws(TLSFault) {
      let named = try authorities.map { pem throws(TLSFault) in
        try CertificateAuthorities(pem: pem)
      }
      tls = try TLSClient(trusting: named)
    } catch {
      throw .badAuthorities(error.text)
    }
  }

  package static func == (left: ServerTrust, right: ServerTrust) -> Bool { left.tls === right.tls }
}

/// Where a gateway is: `http://host[:port][/prefix]`, `https://…`, or `unix:` with the path of a
/// socket file, where it is called `localhost`.
package struct Endpoint: Sendable, Equatable {
  /// A name, an IPv4 address, or an IPv6 address without its brackets.
  package let host: String
  package let port: UInt16
  /// What stands before every path, without a slash at the end; usually empty.
  package let prefix: String
  /// The path of the socket file to connect to instead of the host; nil: by network.
  package let socket: String?
  /// How to find out that it is the right one; nil: in the clear.
  package let trust: ServerTrust?

  private var defaultPort: UInt16 { trust == nil ? 80 : 443 }

  /// Reads a base URL.
  ///
  /// - Parameter authorities: for `https`: who may sign the gateway's certificate, in PEM; nil:
  ///   the system's authorities.
  package init(_ url: String, authorities: ByteSlice? = nil) throws(ClientFault) {
    if url.hasPrefix("unix:") {
      guard url.utf8.count > 5, !url.utf8.contains(0) else { throw .badURL(url) }
      socket = String(url.dropFirst(5))
      (host, port, prefix, trust) = ("localhost", 80, "", nil)
      return
    }
    socket = nil
    let isSecure = url.hasPrefix("https://")
    guard isSecure || url.hasPrefix("http://") else { throw .badURL(url) }
    trust = isSecure ? try ServerTrust(authorities: authorities) : nil
    let rest = url.dropFirst(isSecure ? 8 : 7)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    var path = rest[slash...]
    guard !authority.contains("@"), !path.contains("?"), !path.contains("#"),
      url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .badURL(url) }
    while path.last == "/" { path.removeLast() }
    prefix = String(path)
    var port: UInt16 = isSecure ? 443 : 80
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
        throw .badURL(url)
      }
      port = number
      authority = authority[..<colon]
    }
    if authority.first == "[" {
      guard authority.last == "]" else { throw .badURL(url) }
      authority = authority.dropFirst().dropLast()
    } else if authority.contains(":") {
      throw .badURL(url)
    }
    guard !authority.isEmpty else { throw .badURL(url) }
    self.port = port
    host = String(authority)
  }

  /// The URL as far as the host, or the socket file.
  package var origin: String {
    if let socket { return "unix:\(socket)" }
    return "\(trust == nil ? "http" : "https")://\(authority)"
  }

  /// What the Host field says.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == defaultPort ? name : "\(name):\(port)"
  }
}

/// Why a request got no answer, or none that can be used. Answers with any status are not faults.
package enum ClientFault: Error, Equatable, Sendable {
  /// Not `http://host[:port][/path]`, nor with `https`, nor `unix:` with a path.
  case badURL(String)
  /// The certificates of the authorities to trust cannot be used.
  case badAuthorities(String)
  /// A field or target with bytes that would end it early.
  case badRequest(String)
  /// Nobody listens there, or the address cannot be reached.
  case unreachable(String)
  /// Who answers shows no certificate that we trust for that host.
  case untrusted(String)
  /// The connection ended before the answer did. The request may have been carried out.
  case connectionLost
  /// Nothing came in for too long. The request may have been carried out.
  case timedOut
  /// The answer is not HTTP/1.1.
  case malformedAnswer
  /// The answer, or one event of a stream, is larger than the caller allows.
  case tooLarge(limit: Int)
  /// A stream was refused: the status and the start of its body.
  case refused(status: Int, body: ByteSlice)
}
