package import Bytes

/// The gateway's own limits; docs/limits.md gives their reasons.
package enum GatewayLimits {
  /// One event's body, in bytes.
  package static let event = 1 << 20
  /// A batch's body, in bytes; a streamed NDJSON body has no total limit, only one per line.
  package static let batch = 8 << 20
  package static let batchEvents = 10_000
  /// The body of an administrative call, in bytes.
  package static let administrativeBody = 64 << 10
  /// Events of one long-poll answer.
  package static let eventsPerAnswer = 1_000
  /// The longest long-poll.
  package static let longestWait = TimeSpan.seconds(60)
  package static let topicsPerPage = 1_000
  /// Ack tokens of one call.
  package static let ackTokens = 10_000
  /// A body of ack tokens, in bytes.
  package static let tokenBody = 1 << 20
  /// A consumer's name, in bytes.
  package static let consumerName = 128
}
