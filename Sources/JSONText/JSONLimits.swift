/// What a text may cost its reader. Every field is a hard stop with its own fault.
public struct JSONLimits: Sendable {
  /// Nested arrays and objects; 64 is far beyond hand-made data and keeps recursion in readers
  /// safe.
  public var maxDepth: Int
  /// Values and keys together; each costs 16 bytes of memory.
  public var maxTokens: Int
  /// Bytes of one number: exact arithmetic on it stays cheap.
  public var maxNumberLength: Int
  /// Bytes of the whole text, at most 2³¹ − 1.
  public var maxBytes: Int

  public init(
    maxDepth: Int = 64, maxTokens: Int = 1 << 20, maxNumberLength: Int = 1000,
    maxBytes: Int = 8 << 20
  ) {
    precondition(maxDepth > 0 && maxTokens > 0 && maxBytes <= Int(Int32.max), "absurd limits")
    self.maxDepth = maxDepth
    self.maxTokens = maxTokens
    self.maxNumberLength = maxNumberLength
    self.maxBytes = maxBytes
  }

  /// Event payloads, batches and request bodies: 8 MiB, 2²⁰ tokens (16 MiB of tape).
  public static let payload = JSONLimits()
  /// Token headers and claims, which arrive before the caller is known: 16 KiB, depth 16.
  public static let token = JSONLimits(
    maxDepth: 16, maxTokens: 2_048, maxNumberLength: 100, maxBytes: 16 << 10)
  /// Configuration, key sets and schemas: 4 MiB.
  public static let settings = JSONLimits(maxTokens: 1 << 19, maxBytes: 4 << 20)
}
