public import Bytes

/// Where one loop makes the attributes of events: a builder used again and again, and memory that
/// the finished blocks share, so that an event takes none of its own.
///
/// Owned by one loop. A block's memory, 16 KiB with others, is freed with the last of them: they
/// are for the time in which an event is on its way, and what is kept is copied.
public final class AttributeShelf {
  private static let blockBytes = 16 * 1024

  /// What is being made, between `begin` and `finish`.
  var builder = AttributesBuilder()
  private var block = ByteBuffer()

  public init() {}

  /// What the gateway says about an event, but for its request: `write` sets attributes that only
  /// the gateway writes.
  public func stamp(
    source: ByteSlice?, _ write: (inout AttributesBuilder) -> Void
  ) -> GatewayStamp {
    builder.removeAll()
    if let source { builder.set(.source, source) }
    let sourceEnd = builder.block.count
    write(&builder)
    return GatewayStamp(
      encoded: put(builder.block), sourceEnd: sourceEnd, typeEnd: sourceEnd)
  }

  /// Begins with what another builder has collected, if there is one.
  func begin(with other: AttributesBuilder?) {
    builder.removeAll()
    if let other { builder.append(other) }
  }

  func finish() -> Attributes { Attributes(encoded: put(builder.block)) }

  private func put(_ bytes: borrowing ByteWriter) -> ByteSlice {
    if block.capacity - block.count < bytes.count {
      block = ByteBuffer(capacity: max(Self.blockBytes, bytes.count))
    }
    let start = block.count
    block.append(bytes)
    return block.slice(start..<block.count)
  }
}
