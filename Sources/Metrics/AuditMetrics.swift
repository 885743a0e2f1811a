/// The audit log: entries written, and those dropped because it could not keep up.
public final class AuditMetrics: Sendable {
  public let written = Counter()
  public let dropped = Counter()
  /// Writes of the file, or appends to the topic, that failed.
  public let failures = Counter()

  public init() {}
}
