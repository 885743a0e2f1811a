package import Schemas
package import Topics

/// Stands in for an event loop: owns an appender and ends its turn once an append has been staged.
package actor AppendLoop<Log: TopicLog> {
  private let log: Log
  private let appender: Log.Appender

  package init(_ log: Log) {
    self.log = log
    appender = log.makeAppender { $0() }
  }

  package func append(_ event: ConformingEvent) async throws(AppendFailure) -> Receipt {
    let topic = try open(event)
    endTurn()
    return try await appender.append(event, to: topic)
  }

  package func appendAll(_ events: [ConformingEvent]) async throws(AppendFailure) -> [Receipt] {
    guard let first = events.first else { throw .mixedBatch }
    let topic = try open(first)
    endTurn()
    return try await appender.appendAll(events, to: topic)
  }

  private func open(_ event: ConformingEvent) throws(AppendFailure) -> Log.Topic {
    guard let topic = log.open(event.address) else { throw .unknownTopic }
    return topic
  }

  /// Stages without ending the turn; `flush` must follow.
  package func stage(_ event: ConformingEvent) async throws(AppendFailure) -> Receipt {
    try await appender.append(event, to: open(event))
  }

  package func flush() { appender.flush() }

  /// Runs when the append that follows has suspended.
  private func endTurn() {
    Task { flush() }
  }
}
