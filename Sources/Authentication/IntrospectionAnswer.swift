public import Bytes
public import JSONText

/// What an introspection endpoint has answered about a token (RFC 7662 §2.2), and for how long the
/// answer is good.
public struct IntrospectionAnswer: Sendable {
  /// The claims of an active token; nil for every other one.
  public let claims: JSONDocument?
  /// When the endpoint has to be asked again.
  public let staleAt: UnixTime
  /// The same by the clock that nobody sets: to set the other one back makes no answer good for
  /// longer.
  public let deadline: MonotonicTime

  /// Reads the endpoint's answer: a JSON object whose `active` is exactly true or false.
  ///
  /// - Parameters:
  ///   - now: when it came.
  ///   - instant: the same by the clock that nobody sets.
  ///   - lifetime: of an answer about an active token.
  ///   - refusedLifetime: of one about any other token.
  public init(
    parsing text: ByteSlice, at now: UnixTime, _ instant: MonotonicTime, lifetime: TimeSpan,
    refusedLifetime: TimeSpan
  ) throws(JSONFault) {
    let document = try JSONDocument(parsing: text, limits: .token)
    guard document.root["active"]?.bool == true, document.root.count <= TokenLimits.claims else {
      claims = nil
      staleAt = now + refusedLifetime
      deadline = instant + refusedLifetime
      return
    }
    claims = document
    staleAt = now + lifetime
    deadline = instant + lifetime
  }

  private init(_ claims: JSONDocument?, staleAt: UnixTime, deadline: MonotonicTime) {
    self.claims = claims
    self.staleAt = staleAt
    self.deadline = deadline
  }

  /// The answer while it is good, for whoever goes by the wall clock alone from now on; nil when
  /// the endpoint has to be asked again.
  public func good(at now: UnixTime, _ instant: MonotonicTime) -> IntrospectionAnswer? {
    guard now < staleAt, instant < deadline else { return nil }
    return IntrospectionAnswer(
      claims, staleAt: min(staleAt, now + (deadline - instant)), deadline: deadline)
  }
}
