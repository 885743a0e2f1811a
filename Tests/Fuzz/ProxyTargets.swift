import Bytes
import HTTPWire

/// A connection's first bytes; cut anywhere, they must say the same.
func fuzzProxy(_ input: ByteSlice) {
  let limit = 512
  let whole = ProxyHeader.read(input, limit: limit)
  for count in 0..<min(input.count, 600) {
    let step = ProxyHeader.read(input.prefix(count), limit: limit)
    if step != .needMore { law(step == whole, "\(whole) whole, \(step) of \(count)") }
  }
  switch whole {
  case .header(let source, let length):
    law((1...min(limit, input.count)).contains(length), "a header of \(length)")
    guard case .address(let address) = source else { return }
    law(IPAddress(parsing: address.text) == address, "\(address.text.text) is another address")
  case .needMore: law(input.count < limit, "more than the limit is waited for")
  case .fault: break
  }
}

/// What a client puts to the left of what a proxy adds changes nothing.
func fuzzForwarded(_ input: ByteSlice) {
  let trusted = TrustedPeers(
    blocks: ["10.0.0.0/8", "fd00::/8"].compactMap { AddressRange(parsing: ByteSlice(utf8: $0)) })
  for (field, name, added) in [
    (Forwarding.Field.xForwardedFor, "X-Forwarded-For", "192.0.2.9"),
    (.forwarded, "Forwarded", "for=192.0.2.9"),
  ] {
    let forwarding = Forwarding(field: field, trusted: trusted)
    if let found = client(forwarding, "\(name): ", input, "") {
      law(IPAddress(parsing: found.text) == found, "\(found.text.text) is another address")
    }
    guard let found = client(forwarding, "\(name): ", input, ", \(added)") else { continue }
    law(found.text.equals("192.0.2.9"), "\(found.text.text) in the place of the client")
  }
}

/// nil where the bytes are no field's value either.
private func client(
  _ forwarding: Forwarding, _ name: String, _ value: ByteSlice, _ added: String
) -> IPAddress? {
  var head = ByteWriter()
  head.append("GET / HTTP/1.1\r\nHost: a\r\n")
  head.append(text: name)
  head.append(value)
  head.append(text: added + "\r\n\r\n")
  var parser = RequestParser(limits: WireLimits())
  guard case .request(let head, _) = parser.next(head.slice), head.fields.count == 2 else {
    return nil
  }
  return forwarding.client(in: head.fields)
}
