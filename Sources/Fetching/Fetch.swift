public import Authentication
public import Bytes

/// What somebody is asked for. Each has a line of its own: tokens that anybody may send are asked
/// about, and that must not keep the keys of all others from being fetched.
public enum Errand: Int, CaseIterable, Sendable {
  /// Key sets and the documents that name them.
  case keys
  /// What an issuer says of a token.
  case introspection
}

/// One document to be fetched.
public struct Fetch: Sendable {
  /// Absolute, as `FetchRules.isURL` has found it to be.
  public let url: ByteSlice
  public let rules: FetchRules
  public let errand: Errand
  /// The media types that are asked for.
  public let accept: StaticString
  /// What is posted, as `application/x-www-form-urlencoded`; nil for a GET.
  public let form: ByteSlice?
  /// The value of `Authorization`; nil without.
  public let authorization: ByteSlice?
  /// A longer document is cut off and refused, in bytes.
  public let limit: Int

  /// Whether a document at this URL can never be had: its host is an address that is not connected
  /// to. A host that is a name is known only once it is resolved.
  public static func isHopeless(_ url: ByteSlice, under rules: FetchRules) -> Bool {
    AddressGuard.refuses(hostOf: url, under: rules)
  }

  /// From the name's resolution to the last byte.
  public static let timeout = TimeSpan.seconds(5)

  public init(
    url: ByteSlice, rules: FetchRules, for errand: Errand = .keys,
    accept: StaticString = "application/json",
    form: ByteSlice? = nil, authorization: ByteSlice? = nil, limit: Int = TokenLimits.keySetBytes
  ) {
    self.url = url
    self.rules = rules
    self.errand = errand
    self.accept = accept
    self.form = form
    self.authorization = authorization
    self.limit = limit
  }
}

/// A document as it was sent with status 200.
public struct FetchedDocument: Sendable {
  public let body: ByteSlice
  /// `max-age` of its Cache-Control (RFC 9111 §5.2.2.1); zero for `no-store` and `no-cache`, nil
  /// when the server says nothing.
  public let maxAge: TimeSpan?
}

/// Why there is no document.
public enum FetchFault: Error, Equatable, Sendable {
  /// The address is private or not this machine's, and not listed.
  case addressRefused
  case tooLarge(limit: Int)
  case timedOut
  /// Another status than 200; redirects are not followed.
  case status(Int)
  /// The name cannot be resolved, nobody listens, TLS fails: in the library's words.
  case connection(String)
  /// Too much is being fetched already, or the gateway ends: nobody has been asked, and it says
  /// nothing about the one who would have been.
  case overloaded

  /// For the log and for `/readyz`.
  public var text: String {
    switch self {
    case .addressRefused: "the address is private and not listed in 'addresses'"
    case .tooLarge(let limit): "the document is longer than \(limit) bytes"
    case .timedOut: "no answer within \(Fetch.timeout.text)"
    case .status(let status):
      (300..<400).contains(status)
        ? "the answer is a redirect (\(status)), which is not followed" : "the answer is \(status)"
    case .connection(let words): words
    case .overloaded: "too much is being fetched"
    }
  }
}
