import Bytes

/// The key of a chunk in `ev.*`: tenant and topic number, then the sequence of the chunk's last
/// event.
struct EventKey: Hashable, Sendable {
  static let byteCount = 16
  var topic: TopicNumber
  var last: UInt64

  init(topic: TopicNumber, last: UInt64) {
    self.topic = topic
    self.last = last
  }

  /// Reads a key; nil unless it is 16 bytes.
  init?(_ key: ByteSlice) {
    var cursor = ByteCursor(key)
    guard key.count == Self.byteCount, let topic = try? TopicNumber(from: &cursor),
      let last = try? cursor.readUInt64()
    else { return nil }
    self.init(topic: topic, last: last)
  }

  var bytes: [UInt8] {
    var writer = ByteWriter(capacity: Self.byteCount)
    topic.append(to: &writer)
    writer.append(bigEndian: last)
    return writer.bytes
  }
}
