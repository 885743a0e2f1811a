import Bytes

/// A request's fields as they come out of HPACK, put together as the head that HTTP/1.1 would have
/// carried, so that both are checked by the same parser. libnghttp2 has checked that names and
/// values are well-formed, that pseudo-fields are complete and in front, and that nothing speaks of
/// a connection (RFC 9113 §8.2, §8.3); what breaks that costs the stream and never comes here.
struct HTTP2Head {
  /// Whether a block of fields is on its way.
  private(set) var isOpen = false
  /// Whether it is a request's; trailers are read and dropped.
  private(set) var isRequest = false
  private(set) var refusal: WireRefusal?
  /// Size of the list so far, as the size that we announce is counted (RFC 9113 §6.5.2).
  private(set) var size = 0
  private var method = ByteWriter()
  private var path = ByteWriter()
  private var authority = ByteWriter()
  private var host = ByteWriter()
  private var hasAuthority = false
  private var hasHost = false
  private var hasLength = false
  private var fields = ByteWriter()
  private var count = 0

  mutating func begin(isRequest: Bool) {
    isOpen = true
    self.isRequest = isRequest
    refusal = nil
    size = 0
    method.removeAll()
    path.removeAll()
    authority.removeAll()
    host.removeAll()
    hasAuthority = false
    hasHost = false
    hasLength = false
    fields.removeAll()
    count = 0
  }

  /// The block is complete or given up.
  mutating func end() { isOpen = false }

  /// Takes a field; one beyond the limits is refused with all that follow.
  mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>, limits: WireLimits) {
    size += name.count + value.count + 32
    guard isRequest, refusal == nil else { return }
    count += 1
    guard size <= limits.headBytes, count <= limits.fields + Self.pseudoFields else {
      refusal = .headersTooLarge
      return
    }
    if name.count > 0, name[0] == ASCII.colon {
      addPseudo(name, value, limits: limits)
      return
    }
    guard name.count + value.count + 2 <= limits.fieldBytes else {
      refusal = .headersTooLarge
      return
    }
    if name.count == 4, name.has("host", at: 0) {
      if hasHost { refusal = .badRequest(.repeatedHost) }
      hasHost = true
      host.append(value)
      return
    }
    if name.count == 14, name.has("content-length", at: 0) { hasLength = true }
    fields.append(name)
    fields.append(": ")
    fields.append(value)
    fields.append("\r\n")
  }

  /// `:method`, `:scheme`, `:authority`, `:path`.
  private static let pseudoFields = 4

  private mutating func addPseudo(
    _ name: Span<UInt8>, _ value: Span<UInt8>, limits: WireLimits
  ) {
    switch name.count {
    case 5 where name.has(":path", at: 0):
      if value.count > limits.targetBytes { refusal = .uriTooLong }
      // Origin-form or `*`: another host's name cannot come in here (RFC 9113 §8.3.1).
      let isAsterisk = value.count == 1 && value[0] == ASCII.asterisk
      if value.count == 0 || value[0] != ASCII.slash && !isAsterisk {
        refusal = refusal ?? .badRequest(.target)
      }
      path.append(value)
    case 7 where name.has(":method", at: 0): method.append(value)
    case 10 where name.has(":authority", at: 0):
      hasAuthority = true
      authority.append(value)
    default: break
    }
  }

  var isHead: Bool { method.bytes.elementsEqual("HEAD".utf8) }

  /// The head as text. A body without a length is said to be chunked: where it ends is told
  /// otherwise.
  func text(isWhole: Bool) -> ByteSlice {
    var text = ByteWriter(capacity: fields.count + path.count + authority.count + 96)
    text.append(method.bytes)
    text.append(ASCII.space)
    text.append(path.bytes)
    text.append(" HTTP/1.1\r\n")
    if hasAuthority { Self.writeHost(authority, into: &text) }
    // Both must say the same (RFC 9113 §8.3.1); a second Host is refused by the parser.
    if hasHost, !hasAuthority || host.bytes != authority.bytes {
      Self.writeHost(host, into: &text)
    }
    text.append(fields.bytes)
    if !isWhole, !hasLength { text.append("transfer-encoding: chunked\r\n") }
    text.append("\r\n")
    return text.slice
  }

  private static func writeHost(_ value: ByteWriter, into text: inout ByteWriter) {
    text.append("host: ")
    text.append(value.bytes)
    text.append("\r\n")
  }
}
