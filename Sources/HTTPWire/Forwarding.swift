public import Bytes

/// Finds out on whose behalf a proxy passes a request on, by the one field that the operator has
/// named: a proxy that writes the one passes the other through as a client has made it up.
public struct Forwarding: Sendable, Hashable {
  public enum Field: Sendable, Hashable {
    /// `Forwarded` (RFC 7239).
    case forwarded
    /// `X-Forwarded-For`: addresses with commas between them.
    case xForwardedFor
  }

  public let field: Field
  /// The proxies.
  public let trusted: TrustedPeers

  /// Proxies one behind the other that are looked through; what is further away is not asked for.
  public static let mostHops = 32

  public init(field: Field, trusted: TrustedPeers) {
    self.field = field
    self.trusted = trusted
  }

  /// Who has made a request that came from a trusted proxy: read from the right, where the nearest
  /// proxy has added whom it saw, the first address that is no trusted proxy's. What stands to the
  /// left of it may be anybody's invention. Where nothing readable stands, nobody further away is
  /// known than the last proxy.
  ///
  /// - Returns: nil when not even the proxy that passed it on says whom it came from.
  public func client(in fields: FieldTable) -> IPAddress? {
    var client: IPAddress?
    var hops = 0
    for index in stride(from: fields.count - 1, through: 0, by: -1)
    where isNamed(fields.name(at: index)) {
      var rest = fields.value(at: index)
      while !rest.isEmpty {
        let element = Self.takeLast(of: &rest)
        if element.isEmpty { continue }
        hops += 1
        guard hops <= Self.mostHops, let address = address(in: element) else { return client }
        client = address
        guard trusted.contains(address) else { return client }
      }
    }
    return client
  }

  private func isNamed(_ name: ByteSlice) -> Bool {
    switch field {
    case .forwarded: name.equalsIgnoringCase("forwarded")
    case .xForwardedFor: name.equalsIgnoringCase("x-forwarded-for")
    }
  }

  private func address(in element: ByteSlice) -> IPAddress? {
    switch field {
    case .forwarded: Self.node(ofForwarded: element).flatMap(Self.address(ofNode:))
    case .xForwardedFor: Self.address(ofNode: element)
    }
  }

  /// Takes the last element off a list. Read from its end, so that an open quote of a client cannot
  /// swallow what a proxy has added.
  static func takeLast(of list: inout ByteSlice) -> ByteSlice {
    var index = list.count - 1
    var isQuoted = false
    while index >= 0 {
      if list[index] == ASCII.quote { isQuoted.toggle() }
      if list[index] == ASCII.comma, !isQuoted { break }
      index -= 1
    }
    let element = list.dropFirst(index + 1)
    list = list.prefix(max(index, 0))
    return trimmed(element)
  }

  /// The value of the one `for` of a forwarded-element (RFC 7239 §4), without quotes.
  private static func node(ofForwarded element: ByteSlice) -> ByteSlice? {
    // An escape would only hide something: no node needs one.
    guard element.firstIndex(of: ASCII.backslash) == nil else { return nil }
    var node: ByteSlice?
    var from = 0
    while from <= element.count {
      var end = from
      var isQuoted = false
      while end < element.count, isQuoted || element[end] != ASCII.semicolon {
        if element[end] == ASCII.quote { isQuoted.toggle() }
        end += 1
      }
      guard !isQuoted else { return nil }
      let pair = trimmed(element[from..<end])
      from = end + 1
      guard let equals = pair.firstIndex(of: ASCII.equals),
        pair.prefix(equals).equalsIgnoringCase("for")
      else { continue }
      guard node == nil else { return nil }
      node = unquoted(pair.dropFirst(equals + 1))
      guard node != nil else { return nil }
    }
    return node
  }

  private static func unquoted(_ value: ByteSlice) -> ByteSlice? {
    guard value.firstIndex(of: ASCII.quote) != nil else { return value }
    guard value.count >= 2, value[0] == ASCII.quote, value[value.count - 1] == ASCII.quote else {
      return nil
    }
    let inner = value[1..<(value.count - 1)]
    return inner.firstIndex(of: ASCII.quote) == nil ? inner : nil
  }

  /// An address with or without a port; an IPv6 one may stand in brackets, and must before a port.
  private static func address(ofNode node: ByteSlice) -> IPAddress? {
    if !node.isEmpty, node[0] == 0x5B {
      guard let end = node.firstIndex(of: 0x5D), isPort(node.dropFirst(end + 1)) else {
        return nil
      }
      let inner = node[1..<end]
      return inner.firstIndex(of: ASCII.colon) == nil ? nil : IPAddress(parsing: inner)
    }
    guard let colon = node.firstIndex(of: ASCII.colon),
      node.firstIndex(of: ASCII.colon, from: colon + 1) == nil
    else { return IPAddress(parsing: node) }
    return isPort(node.dropFirst(colon)) ? IPAddress(parsing: node.prefix(colon)) : nil
  }

  /// Nothing, or a colon and up to five digits.
  private static func isPort(_ text: ByteSlice) -> Bool {
    if text.isEmpty { return true }
    guard text[0] == ASCII.colon, (2...6).contains(text.count) else { return false }
    for index in 1..<text.count where !ASCII.isDigit(text[index]) { return false }
    return true
  }

  private static func trimmed(_ text: ByteSlice) -> ByteSlice {
    var text = text
    while !text.isEmpty, isSpace(text[0]) { text = text.dropFirst(1) }
    while !text.isEmpty, isSpace(text[text.count - 1]) { text = text.prefix(text.count - 1) }
    return text
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}
