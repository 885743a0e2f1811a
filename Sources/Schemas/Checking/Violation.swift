public import Bytes
public import JSONText

/// One way in which a payload breaks its schema. Never holds a value of the payload: only where it
/// is, of what type and how long.
public struct Violation: Equatable, Sendable {
  /// JSON pointer into the payload; of a missing member, where it should be. At most
  /// `SchemaLimits.pointerBytes` bytes.
  public let pointer: String
  /// The same for all items of an array: their positions are `*`.
  public let field: String
  /// Bytes of the payload before the value; of a missing member, before the object that lacks it.
  public let offset: Int
  /// Line and column of that place, from 1, columns in code points.
  public internal(set) var line = 0
  public internal(set) var column = 0
  /// The keyword that is broken; `false` where that is the whole schema, empty where the budget
  /// ended before it was found.
  public internal(set) var keyword: String
  /// Where that keyword stands in the schema, as `#/properties/id/minLength`; in an Avro definition
  /// where the type stands.
  public internal(set) var schemaPointer: String
  public internal(set) var code: ViolationCode
  /// A sentence without subject: "must be at least 1 character long"; the author's own text where
  /// the schema has one under `x-error`.
  public internal(set) var message: String
  /// What the schema asks for, as JSON text, where that is short enough to be told.
  public let expected: ByteSlice?
  /// The JSON type that is there; `missing` where nothing is.
  public let actualType: String
  /// Code points of a string, items of an array, members of an object.
  public let actualLength: Int?
  /// A name or value of the schema that was probably meant.
  public let suggestion: String?
  /// The branch of a union that was taken to be meant, where the broken rule is inside one.
  public let branch: UnionBranch?
  /// The program's node that has the keyword.
  let node: UInt32
}

/// The branch of an `anyOf` or `oneOf` by which a payload is explained.
public struct UnionBranch: Equatable, Sendable {
  /// Where it stands in the schema, as `#/oneOf/1`.
  public let schemaPointer: String
  /// Why this one was taken to be meant: "'kind' is 'card'".
  public let reason: String
}

/// Everything that a refusal tells about a payload.
public struct Explanation: Equatable, Sendable {
  /// At most `SchemaLimits.violations`, in the payload's order as far as the schema's allows.
  public internal(set) var violations: [Violation]
  /// Whether there were more.
  public let truncated: Bool
}

extension Violation {
  /// Writes the element of `errors`.
  ///
  /// - Parameter origin: where the payload begins in what its sender sent.
  public func write(into json: inout JSONWriter, from origin: TextPlace = TextPlace()) {
    let (line, column) = origin.place(line: line, column: column)
    json.beginObject()
    json.key("pointer")
    json.string(pointer)
    json.key("line")
    json.integer(line)
    json.key("column")
    json.integer(column)
    json.key("keyword")
    json.string(keyword)
    json.key("schemaPointer")
    json.string(schemaPointer)
    json.key("code")
    json.string(code.name)
    json.key("message")
    json.string(message)
    if let expected {
      json.key("expected")
      json.raw(expected)
    }
    json.key("actual")
    json.beginObject()
    json.key("type")
    json.string(actualType)
    if let actualLength {
      json.key("length")
      json.integer(actualLength)
    }
    json.endObject()
    if let suggestion {
      json.key("suggestion")
      json.string(suggestion)
    }
    if let branch {
      json.key("branch")
      json.beginObject()
      json.key("schemaPointer")
      json.string(branch.schemaPointer)
      json.key("reason")
      json.string(branch.reason)
      json.endObject()
    }
    json.endObject()
  }
}

extension [Violation] {
  /// Finds line and column of each, in one walk over the payload.
  mutating func place(in payload: Span<UInt8>) {
    var place = TextPlace()
    for index in indices.sorted(by: { self[$0].offset < self[$1].offset }) {
      place.move(to: self[index].offset, in: payload)
      self[index].line = place.line
      self[index].column = place.column
    }
  }
}
