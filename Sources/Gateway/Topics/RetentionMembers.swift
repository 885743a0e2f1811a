import Bytes
import JSONText
import Topics

/// How long events are kept, as owners of topics and namespaces write it.
extension BodyMembers {
  /// The longest age that may be asked for.
  private static let longestAge = TimeSpan(nanoseconds: 36_525 * 86_400_000_000_000)

  /// `{"age": "7d", "bytes": 10737418240}`, either or none: the empty object keeps everything, also
  /// where the namespace says otherwise. Nil when the member is absent or null.
  mutating func takeRetention() throws(Refusal) -> Retention? {
    guard let node = take("retention") else { return nil }
    var members = try BodyMembers(node, at: "/retention")
    let age = try members.takeSpan("age", atMost: Self.longestAge)
    let bytes = try members.takeNumber("bytes", in: 0...Int64.max)
    try members.finish()
    return Retention(age: age, bytes: bytes.map(UInt64.init))
  }
}

extension Retention? {
  /// The object, or null where nothing is said.
  func write(into json: inout JSONWriter) {
    if let self { self.write(into: &json) } else { json.null() }
  }
}

extension Retention {
  /// The same object again.
  func write(into json: inout JSONWriter) {
    json.beginObject()
    if let age {
      json.key("age")
      json.string(age.text)
    }
    if let bytes {
      json.key("bytes")
      json.integer(bytes)
    }
    json.endObject()
  }
}
