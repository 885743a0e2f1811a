import Bytes
import JSONText

/// Why the gateway has ended a stream: the problem document of its `jodrell.end`.
struct StreamEnding {
  private let problem: JSONNode?

  init(_ data: ByteSlice) { problem = (try? JSONDocument(parsing: data))?.root }

  /// Whether the stream goes on where it is opened again behind its last event: what has ended it
  /// passes by itself, or goes with the token. Any other ending would come again, for ever.
  ///
  /// - Parameter canRenew: with another token.
  func passes(canRenew: Bool) -> Bool {
    if problem?["retryable"]?.bool == true { return true }
    return canRenew && problem?["code"]?.text == "invalid_token"
  }

  /// In words for a person.
  var reason: String {
    (problem?["detail"] ?? problem?["code"])?.text?.printable ?? "the gateway does not say why"
  }
}
