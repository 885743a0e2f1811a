/// Policies put in force, and what became of open streams then. The shell counts the former, loops
/// the latter.
public final class PolicyMetrics: Sendable {
  public let taken = Counter()
  public let refused = Counter()
  /// The number of the snapshot in force.
  public let generation = Gauge()
  /// Open streams held against a new snapshot.
  public let reviewed = Counter()
  /// Those of them that ended, because their token or their grant was gone.
  public let withdrawn = Counter()
  /// Streams that went on with a renewed token.
  public let renewed = Counter()
  /// Schemas registered against their topic's level of compatibility, by an operator's word.
  public let overrides = Counter()

  public init() {}
}
