import Bytes
import JSONText

/// A JSON object sent to an administrative call, read member by member; what nobody asked for is
/// refused, never ignored.
struct BodyMembers {
  private let members: [(key: ByteSlice, value: JSONNode)]
  private var taken: Set<Int> = []
  /// The object's place in the body, for messages.
  private let place: String

  private static let emptyObject = ByteSlice(utf8: "{}")

  /// An empty body reads as an empty object.
  init(parsing body: ByteSlice) throws {
    let text = body.isEmpty ? Self.emptyObject : body
    try self.init(try JSONDocument(parsing: text).root, at: "")
  }

  init(_ node: JSONNode, at place: String) throws(Refusal) {
    guard node.kind == .object else {
      throw Refusal(.badParameter, "\(place.isEmpty ? "the body" : place) is not a JSON object")
    }
    members = Array(node.members)
    self.place = place
  }

  /// A member's value, which counts as read from now on; nil when it is absent or null.
  mutating func take(_ name: StaticString) -> JSONNode? {
    guard let index = members.firstIndex(where: { $0.key.equals(name) }) else { return nil }
    taken.insert(index)
    return members[index].value.isNull ? nil : members[index].value
  }

  /// Whether the member is there at all, `null` included.
  func has(_ name: StaticString) -> Bool { members.contains { $0.key.equals(name) } }

  mutating func takeText(_ name: StaticString) throws(Refusal) -> ByteSlice? {
    guard let node = take(name) else { return nil }
    guard let text = node.string else { throw wrong(name, "a string") }
    return text
  }

  mutating func takeFlag(_ name: StaticString) throws(Refusal) -> Bool? {
    guard let node = take(name) else { return nil }
    guard let flag = node.bool else { throw wrong(name, "true or false") }
    return flag
  }

  mutating func takeNumber(_ name: StaticString, in range: ClosedRange<Int64>) throws(Refusal)
    -> Int64?
  {
    guard let node = take(name) else { return nil }
    guard let number = node.integer, range.contains(number) else {
      throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func takeSpan(_ name: StaticString, atMost longest: TimeSpan) throws(Refusal)
    -> TimeSpan?
  {
    guard let text = try takeText(name) else { return nil }
    guard let span = TimeSpan(parsing: text), span <= longest else {
      throw wrong(name, "a duration like 30s, at most \(longest.text)")
    }
    return span
  }

  /// Texts of an array with at most `most` elements.
  mutating func takeTexts(_ name: StaticString, atMost most: Int) throws(Refusal) -> [ByteSlice]? {
    guard let node = take(name) else { return nil }
    guard node.kind == .array, node.count <= most else {
      throw wrong(name, "an array of at most \(most) strings")
    }
    var texts: [ByteSlice] = []
    texts.reserveCapacity(node.count)
    for element in node.elements {
      guard let text = element.string else { throw wrong(name, "an array of strings") }
      texts.append(text)
    }
    return texts
  }

  /// Refuses a member of the contract whose feature is not built yet.
  mutating func refuseLater(_ names: StaticString...) throws(Refusal) {
    for name in names where take(name) != nil {
      throw Refusal(.notSupported, "'\(place)/\(name)' is not supported yet")
    }
  }

  /// Refuses what was not taken.
  func finish() throws(Refusal) {
    for index in members.indices where !taken.contains(index) {
      throw Refusal(
        .unknownParameter, "no member '\(place)/\(QueryParameters.shown(members[index].key))' here")
    }
  }

  func wrong(_ name: StaticString, _ expected: String) -> Refusal {
    Refusal(.badParameter, "'\(place)/\(name)' is not \(expected)")
  }
}
