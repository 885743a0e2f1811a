public import Bytes
public import JSONText

/// What an introspection endpoint has answered about a token (RFC 7662 §2.2), and for how long the
/// answer is good.
public struct IntrospectionAnswer: Sendable {
  /// The claims of an active token; nil for every other one.
  public let claims: JSONDocument?
  /// When the endpoint has to be asked again.
  public let staleAt: UnixTime

  /// Reads the endpoint's answer: a JSON object whose `active` is exactly true or false.
  ///
  /// - Parameters:
  ///   - lifetime: of an answer about an active token.
  ///   - refusedLifetime: of one about any other token.
  public init(
    parsing text: ByteSlice, at now: UnixTime, lifetime: TimeSpan, refusedLifetime: TimeSpan
  ) throws(JSONFault) {
    let document = try JSONDocument(parsing: text, limits: .token)
    guard document.root["active"]?.bool == true, document.root.count <= TokenLimits.claims else {
      claims = nil
      staleAt = now + refusedLifetime
      return
    }
    claims = document
    staleAt = now + lifetime
  }
}
