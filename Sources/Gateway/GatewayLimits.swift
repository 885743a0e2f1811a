public import Bytes

/// The gateway's own limits; docs/limits.md gives their reasons.
public enum GatewayLimits {
  /// One event's body, in bytes.
  public static let event = 1 << 20
  /// A batch's body, in bytes. Streamed NDJSON meets `WireLimits.bodyBytes`, which is as much.
  public static let batch = 8 << 20
  public static let batchEvents = 10_000
  /// A JSON array of events of at most this, in bytes, is read on the loop, a larger one on a
  /// worker.
  public static let batchOnLoop = 256 << 10
  /// Bytes of an event up to which it is read and checked on its loop: 64 KiB take at most a
  /// millisecond. A larger one is checked by a worker while its connection waits.
  public static let eventOnLoop = 64 << 10
  /// What one loop keeps of publishes that have been answered, for those that come next: as many
  /// as wait for the log at once in most loads.
  static let idlePublishes = 1_024
  /// What one loop remembers of who publishes where: a token and a path for each.
  static let publishTargets = 16_384
  /// Bytes of what it remembers with each of what events from there have in common.
  static let publishModelBytes = 1 << 10
  /// What one loop remembers of the fields of its clients' publishes.
  static let publishFields = 64
  /// Lines that come whole are judged by a worker from so many bytes on; fewer are judged on their
  /// loop sooner than a thread wakes up.
  static let linesOnLoop = 16 << 10
  /// Checking a batch lets the loop turn once it has taken this long of it.
  static let turn = TimeSpan.milliseconds(1)
  /// What redacting events may take of one turn of a loop, in the units of `SchemaLimits.fuel`:
  /// about a millisecond.
  static let redactionTurn = 200_000
  /// Bytes of the classes that an answer's `Jodrell-Redacted` lists.
  static let redactedField = 2 << 10
  /// Bytes of what one loop remembers of the labels of versions whose programs may go, and of what
  /// one page of events holds on to.
  static let labelBytes = 8 << 20
  /// Lines that come with a length of at most this, in bytes, are read whole before any is stored.
  public static let wholeLines = 1 << 20
  /// The body of an administrative call, in bytes.
  public static let administrativeBody = 64 << 10
  /// The body of an explanation: a token and perhaps a payload, in bytes.
  public static let explainBody = 1 << 20
  /// Bytes of a `Prefer` field: it is read before it is known who asks.
  static let preferences = 1 << 10
  /// Bytes of a path that the audit log shows.
  public static let auditedPath = 512
  /// How long an administrative change waits for its entry in an audit log that is required.
  public static let auditPatience = TimeSpan.seconds(5)
  /// A problem document, in bytes; the errors in it that do not fit are left out.
  public static let problemBytes = 8 << 10
  /// The `detail` of a problem, in bytes.
  public static let detailBytes = 1024
  /// Errors of all refused events of one batch, in bytes; events after them have none.
  public static let batchErrorBytes = 1 << 20
  /// Events of one long-poll answer.
  public static let eventsPerAnswer = 1_000
  /// The longest long-poll.
  public static let longestWait = TimeSpan.seconds(60)
  /// How far ahead of the gateway's clock an instant may lie that is asked for as a position.
  public static let positionLead = TimeSpan.seconds(60)
  public static let topicsPerPage = 1_000
  /// Versions of a topic's schemas on one page of their list.
  public static let schemasPerPage = 1_000
  /// Ack tokens of one call.
  public static let ackTokens = 10_000
  /// A body of ack tokens, in bytes.
  public static let tokenBody = 1 << 20
  /// How often a schema is judged anew because the topic's schemas or their binding were changed
  /// meanwhile.
  public static let registrationAttempts = 64
  /// Pieces of work that wait for one another because each may take seconds: schemas and documents
  /// that are compiled, linted and compared, all that one answer takes being one piece. One tenant
  /// has half of it.
  static let longWork = 64
  /// The same of schemas that events or their readers wait for: those go ahead, and one tenant may
  /// have all that nobody else wants.
  static let urgentWork = 1_024
  /// Bytes of the programs that one comparison of schemas holds at once.
  static let judgedBytes = 128 << 20
  /// How often an event is judged anew because another version of its schema, which is not compiled
  /// either, has come into force meanwhile.
  static let judgingAttempts = 16
  /// How long a change of a compatibility level looks at what is registered.
  static let levelPatience = TimeSpan.seconds(5)
  /// Changes of a compatibility level that look at what is registered at the same time, one of a
  /// tenant; the work itself goes through the lane.
  static let levelLooks = 32
  /// A consumer's name, in bytes.
  public static let consumerName = 128
  /// A schema in the body of a call to Pulsar's API, in bytes: a text of JSON within JSON.
  public static let pulsarBody = 7 << 20
  /// Bytes of a counterexample that an answer shows.
  public static let counterexample = 8 << 10
}
