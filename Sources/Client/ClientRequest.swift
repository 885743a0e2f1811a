package import Bytes

/// One request to be sent. A value: it can be sent again.
package struct ClientRequest: Sendable {
  package enum Body: Sendable {
    case none
    case whole(ByteSlice)
    /// Sent with chunked coding as the caller hands pieces over.
    case chunked
  }

  package var method: StaticString
  /// Path and query, percent-encoded; starts with `/`.
  package var target: String
  package private(set) var fields: [(name: String, value: ByteSlice)] = []
  package var body: Body

  package init(_ method: StaticString, _ target: String, body: Body = .none) {
    self.method = method
    self.target = target
    self.body = body
  }

  /// Adds a field; whether it can be sent is checked when the request is written.
  package mutating func set(_ name: String, _ value: ByteSlice) { fields.append((name, value)) }
  package mutating func set(_ name: String, _ value: String) { set(name, ByteSlice(utf8: value)) }

  /// Adds `Authorization: Bearer …` (RFC 6750 §2.1).
  package mutating func authorize(_ token: ByteSlice) {
    var value = ByteWriter(capacity: token.count + 7)
    value.append("Bearer ")
    value.append(token)
    set("Authorization", value.slice)
  }

  /// Appends the request's bytes: head, and body when it is whole. Throws `.badRequest` for a
  /// target or field that would be read as something else (RFC 9112 §3.2, RFC 9110 §5.5).
  package func write(to endpoint: Endpoint, into bytes: inout ByteWriter) throws(ClientFault) {
    try writeLine(to: endpoint, into: &bytes)
    try writeFields(into: &bytes)
    writeBody(into: &bytes)
  }

  /// The request line and the Host field, for callers who put requests together from parts.
  package func writeLine(to endpoint: Endpoint, into bytes: inout ByteWriter) throws(ClientFault) {
    guard target.first == "/", target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .badRequest(target)
    }
    bytes.append(method)
    bytes.append(" ")
    bytes.append(text: endpoint.prefix)
    bytes.append(text: target)
    bytes.append(" HTTP/1.1\r\nHost: ")
    bytes.append(text: endpoint.authority)
    bytes.append("\r\n")
  }

  /// The fields that were set.
  package func writeFields(into bytes: inout ByteWriter) throws(ClientFault) {
    for (name, value) in fields {
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte), Self.isFieldValue(value) else {
        throw .badRequest(name)
      }
      bytes.append(text: name)
      bytes.append(": ")
      bytes.append(value)
      bytes.append("\r\n")
    }
  }

  /// The field that says where the body ends, the end of the head, and the body when it is whole.
  package func writeBody(into bytes: inout ByteWriter) {
    switch body {
    case .none: bytes.append("\r\n")
    case .chunked: bytes.append("Transfer-Encoding: chunked\r\n\r\n")
    case .whole(let content):
      bytes.append("Content-Length: ")
      bytes.append(decimal: content.count)
      bytes.append("\r\n\r\n")
      bytes.append(content)
    }
  }

  /// Appends one chunk of a chunked body; an empty piece would end it and is left out.
  package static func writeChunk(_ piece: ByteSlice, into bytes: inout ByteWriter) {
    guard !piece.isEmpty else { return }
    bytes.append(text: String(piece.count, radix: 16))
    bytes.append("\r\n")
    bytes.append(piece)
    bytes.append("\r\n")
  }

  /// Ends a chunked body.
  package static func writeLastChunk(into bytes: inout ByteWriter) { bytes.append("0\r\n\r\n") }

  /// One segment of a path, everything but unreserved characters percent-encoded (RFC 3986 §2.3).
  package static func segment(_ text: String) -> String {
    var encoded = ByteWriter(capacity: text.utf8.count)
    for byte in text.utf8 {
      let plain =
        ASCII.isAlphanumeric(byte) || byte == ASCII.minus || byte == ASCII.dot
        || byte == ASCII.underscore || byte == ASCII.tilde
      if plain {
        encoded.append(byte)
      } else {
        encoded.append(ASCII.percent)
        encoded.append(ASCII.hexDigit(byte >> 4) & (byte >> 4 < 10 ? 0xFF : 0xDF))
        encoded.append(ASCII.hexDigit(byte & 0xF) & (byte & 0xF < 10 ? 0xFF : 0xDF))
      }
    }
    return encoded.slice.text
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    ASCII.isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  private static func isFieldValue(_ value: ByteSlice) -> Bool {
    let span = value.span
    for index in span.indices {
      let byte = span[index]
      if byte < 0x20 && byte != ASCII.tab || byte == ASCII.delete { return false }
    }
    return true
  }
}
