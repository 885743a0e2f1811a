package import Schemas
package import Topics

/// Stands in for an event loop: owns an appender and ends its turn once an append has been staged.
package actor AppendLoop<Log: TopicLog> {
  private let appender: Log.Appender

  package init(_ log: Log) { appender = log.makeAppender() }

  package func append(_ event: ConformingEvent) async throws(AppendFailure) -> Receipt {
    endTurn()
    return try await appender.append(event)
  }

  package func appendAll(_ events: [ConformingEvent]) async throws(AppendFailure) -> [Receipt] {
    endTurn()
    return try await appender.appendAll(events)
  }

  /// Stages without ending the turn; `flush` must follow.
  package func stage(_ event: ConformingEvent) async throws(AppendFailure) -> Receipt {
    try await appender.append(event)
  }

  package func flush() { appender.flush() }

  /// Runs when the append that follows has suspended.
  private func endTurn() {
    Task { flush() }
  }
}
