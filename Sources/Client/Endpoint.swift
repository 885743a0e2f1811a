package import Bytes

/// Where a gateway is: `http://host[:port][/prefix]`.
package struct Endpoint: Sendable, Equatable {
  /// A name, an IPv4 address, or an IPv6 address without its brackets.
  package let host: String
  package let port: UInt16
  /// What stands before every path, without a slash at the end; usually empty.
  package let prefix: String

  /// Reads a base URL. TLS is not spoken here, so `https` is refused rather than sent in the clear.
  package init(_ url: String) throws(ClientFault) {
    guard url.hasPrefix("http://") else { throw .badURL(url) }
    let rest = url.dropFirst(7)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    var path = rest[slash...]
    guard !authority.contains("@"), !path.contains("?"), !path.contains("#"),
      url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .badURL(url) }
    while path.last == "/" { path.removeLast() }
    prefix = String(path)
    var port: UInt16 = 80
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

  /// What the Host field says.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == 80 ? name : "\(name):\(port)"
  }
}

/// Why a request got no answer, or none that can be used. Answers with any status are not faults.
package enum ClientFault: Error, Equatable, Sendable {
  /// Not `http://host[:port][/path]`.
  case badURL(String)
  /// A field or target with bytes that would end it early.
  case badRequest(String)
  /// Nobody listens there, or the address cannot be reached.
  case unreachable(String)
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
