/// The wire's own noes. After each of them one answer is sent and the connection ends.
public enum WireRefusal: Error, Equatable, Sendable {
  /// The bytes break a rule of RFC 9112; nothing behind them is read.
  case badRequest(WireRule)
  /// More fields, a longer field or a longer head than `WireLimits` allow (RFC 6585 §5).
  case headersTooLarge
  case uriTooLong
  case bodyTooLarge
  /// The request did not arrive in time.
  case timeout
  /// An `Expect` other than `100-continue` (RFC 9110 §10.1.1).
  case expectationFailed
  case notImplemented(Unsupported)
  /// A major version other than 1.
  case versionNotSupported
  case tooManyConnections
  /// The server is going down and takes no new requests.
  case draining

  /// What of HTTP is not spoken here.
  public enum Unsupported: Equatable, Sendable {
    case method
    case transferCoding
  }

  public var status: Int {
    switch self {
    case .badRequest: 400
    case .headersTooLarge: 431
    case .uriTooLong: 414
    case .bodyTooLarge: 413
    case .timeout: 408
    case .expectationFailed: 417
    case .notImplemented: 501
    case .versionNotSupported: 505
    case .tooManyConnections, .draining: 503
    }
  }
}

/// The rules, most of them of RFC 9112, whose breach is answered with 400, for counters and for the
/// answer's text.
public enum WireRule: UInt8, CaseIterable, Sendable {
  /// §2.2: a line ended by LF alone.
  case bareLineFeed
  /// §2.2: a CR that no LF follows.
  case bareCarriageReturn
  /// RFC 9110 §5.5: NUL or another control character.
  case controlCharacter
  /// §3: not `method SP target SP version`.
  case requestLine
  /// §3.1: a method that is not a token.
  case method
  /// §3.2: a target that is no URI, or not in a form its method allows.
  case target
  /// §2.3: a version that is not `HTTP/` digit `.` digit.
  case version
  /// §5.1: white space around a field name.
  case fieldNameSpace
  /// §5: a field line without a colon, or whose name is not a token.
  case fieldName
  /// §5.2: a line that starts with white space.
  case foldedField
  /// RFC 9110 §7.2: no Host.
  case missingHost
  /// More than one Host.
  case repeatedHost
  /// A Host that is not `host[:port]`.
  case badHost
  /// RFC 9110 §8.6: a Content-Length that is not one decimal number.
  case badContentLength
  /// More than one Content-Length, equal or not.
  case repeatedContentLength
  /// §6.1: Content-Length together with Transfer-Encoding.
  case lengthAndCoding
  /// More than one Transfer-Encoding field.
  case repeatedTransferCoding
  /// §6.1: Transfer-Encoding in an HTTP/1.0 message.
  case codingInOldVersion
  /// §7.1: a chunk size that is not hexadecimal or too large.
  case chunkSize
  /// §7.1.1: a chunk extension with a control character, a bare LF among them, or too long.
  case chunkExtension
  /// §7.1: chunk data that does not end where its size says.
  case chunkEnd
  /// §7.1.2: a malformed or overlong trailer section.
  case trailer
  /// A request in the clear where TLS is spoken.
  case clearOnTLS

  /// The rule in words, for an answer's detail.
  public var text: StaticString {
    switch self {
    case .bareLineFeed: "a line ends with LF alone"
    case .bareCarriageReturn: "a CR is not followed by LF"
    case .controlCharacter: "the head contains a control character"
    case .requestLine: "the request line is not method, target and version"
    case .method: "the method is not a token"
    case .target: "the request target is not a valid one"
    case .version: "the protocol version is malformed"
    case .fieldNameSpace: "white space stands around a field name"
    case .fieldName: "a field name is malformed"
    case .foldedField: "a field line starts with white space"
    case .missingHost: "the Host field is missing"
    case .repeatedHost: "the Host field is repeated"
    case .badHost: "the Host field is malformed"
    case .badContentLength: "Content-Length is not a decimal number"
    case .repeatedContentLength: "Content-Length is repeated"
    case .lengthAndCoding: "both Content-Length and Transfer-Encoding are present"
    case .repeatedTransferCoding: "Transfer-Encoding is repeated"
    case .codingInOldVersion: "Transfer-Encoding is used with HTTP/1.0"
    case .chunkSize: "a chunk size is malformed"
    case .chunkExtension: "a chunk's extension is malformed or too long"
    case .chunkEnd: "a chunk does not end where its size says"
    case .clearOnTLS: "this port speaks TLS: the address begins with https"
    case .trailer: "the trailer section is malformed or too long"
    }
  }
}
