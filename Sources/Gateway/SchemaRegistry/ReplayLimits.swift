public import Bytes

/// The bounds of replay checks; docs/limits.md gives their reasons.
public enum ReplayLimits {
  /// Events that one check looks at, at most.
  public static let events = 1_000_000
  /// Events that one check looks at where the request does not say.
  public static let defaultEvents = 10_000
  /// Checks that run at once.
  public static let atOnce = 2
  /// How long one check may take; what it has found until then is its answer.
  public static let time = TimeSpan.seconds(60)
  /// One piece of work on a worker thread: others come in between.
  public static let pieceTime = TimeSpan.milliseconds(10)
  /// Bytes read at once.
  public static let pageBytes = 2 << 20
  /// The shortest pause between two checks of one topic or one tenant; it is as long as the last
  /// check took.
  public static let pause = TimeSpan.seconds(1)
  /// Pauses of topics and tenants that are remembered.
  public static let pauses = 10_000
  /// Different rules, fields, producers or versions that are counted; others are summed.
  public static let rows = 1_000
  /// Of these, those that the answer lists: the ones with the most refused events.
  public static let listed = 32
  /// The newest refused events that each of them names.
  public static let samples = 5
  /// Bytes of a producer's name.
  public static let nameBytes = 256
}
