/// What the envelope of one event may cost; the payload's limits are the gateway's.
public enum EventLimits {
  /// Attributes per event, the gateway's own not counted: each is a header field or a member.
  public static let maxAttributes = 64
  /// Bytes of one attribute's value: as long as one header field may be.
  public static let maxValueLength = 8 << 10
  /// Bytes of all attributes: what a request's header may hold. They are stored with the event and
  /// sent to every reader.
  public static let maxBlockLength = 32 << 10
  /// Bytes of an ordering key: it is hashed and compared for every delivery.
  public static let maxKeyLength = 1 << 10
  /// Events of one batch.
  public static let maxBatch = 10_000
}
