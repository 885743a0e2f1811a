import Bytes
import JSONText

/// A parsed Avro definition (Avro 1.12, "Schema Declaration"): its types by number, the root first.
/// Types refer to one another by number, so that named ones may refer to themselves.
struct AvroDefinition: Sendable {
  let types: [AvroType]

  subscript(number: Int) -> AvroType { types[number] }

  /// Whether payloads may leave a field out: producers do where it is null or has a default.
  func mayBeMissing(_ field: AvroField) -> Bool {
    field.fallback != nil || isNullable(field.type)
  }

  private func isNullable(_ number: Int) -> Bool {
    switch types[number].kind {
    case .null: true
    case .union(let branches): branches.contains { isNullable($0) }
    default: false
    }
  }
}

/// One type of a definition.
struct AvroType: Sendable {
  let kind: Kind
  /// Where it stands, as `#/fields/0/type`.
  let pointer: String
  /// Nil also for one that does not fit the type: Avro ignores those.
  let logical: AvroLogicalType?
  /// Of a `decimal`; nil for others.
  var decimal: AvroDecimal?

  enum Kind: Sendable {
    case null, boolean, int, long, float, double, bytes, string
    case record(AvroName, fields: [AvroField])
    /// The symbols as they stand in the text, an array of strings; what readers take for a symbol
    /// that they do not know.
    case enumeration(AvroName, symbols: JSONNode, fallback: ByteSlice?)
    case array(Int)
    case map(Int)
    case union([Int])
    case fixed(AvroName, size: Int)
  }

  /// The word of the specification.
  var word: String {
    switch kind {
    case .null: "null"
    case .boolean: "boolean"
    case .int: "int"
    case .long: "long"
    case .float: "float"
    case .double: "double"
    case .bytes: "bytes"
    case .string: "string"
    case .record: "record"
    case .enumeration: "enum"
    case .array: "array"
    case .map: "map"
    case .union: "union"
    case .fixed: "fixed"
    }
  }

  /// Of a record, an enum or a fixed.
  var name: AvroName? {
    switch kind {
    case .record(let name, _), .enumeration(let name, _, _), .fixed(let name, _): name
    default: nil
    }
  }

  /// What tells the branches of a union apart: there is one of each.
  var branchName: String { name?.full ?? word }
}

/// The name of a record, an enum or a fixed.
struct AvroName: Sendable {
  /// With its namespace, as `com.example.Order`.
  let full: String
  /// Full names that it had before.
  let aliases: [String]
  /// What stands behind the last dot; looked for once.
  let plain: Substring

  init(full: String, aliases: [String]) {
    self.full = full
    self.aliases = aliases
    plain = Self.plain(full)
  }

  static func plain(_ full: String) -> Substring {
    full.lastIndex(of: ".").map { full[full.index(after: $0)...] } ?? full[...]
  }

  /// Whether a reader of this name may take what was written under `writer`: by the names without
  /// namespaces, as Avro's own implementations do, or by an alias.
  func reads(_ writer: AvroName) -> Bool {
    plain == writer.plain || aliases.contains(writer.full)
  }
}

/// One field of a record.
struct AvroField: Sendable {
  let name: ByteSlice
  let type: Int
  /// What readers take where the field is missing; nil where they must find it.
  let fallback: JSONNode?
  /// Names that it had before.
  let aliases: [ByteSlice]
  let order: Order
  let pointer: String

  enum Order: String, Sendable { case ascending, descending, ignore }
}

/// How many digits a `decimal` has, and how many of them stand behind the point.
struct AvroDecimal: Equatable, Sendable {
  let precision: Int
  let scale: Int

  /// What a declaration says; nil where it is no valid decimal of `kind`, whose values are bytes or
  /// text then (specification, "Logical Types"): without a precision, with a scale beyond it, or
  /// with more digits than a fixed of that size holds.
  init?(_ declaration: JSONNode, of kind: AvroType.Kind) {
    guard let digits = declaration["precision"]?.integer, digits > 0, digits <= Int64(Int32.max)
    else { return nil }
    var scale: Int64 = 0
    if let node = declaration["scale"] {
      guard let places = node.integer, places >= 0, places <= digits else { return nil }
      scale = places
    }
    if case .fixed(_, let size) = kind {
      // Bits but for the sign, and decimal digits of a bit.
      let most = Double(8 * size - 1) * 0.301_029_995_663_981_2
      guard Double(digits) <= most.rounded(.down) else { return nil }
    }
    precision = Int(digits)
    self.scale = Int(scale)
  }
}

/// What values of a type stand for, as far as plain JSON shows it.
enum AvroLogicalType: String, Sendable {
  case decimal
  case uuid
  case date
  case timeMillis = "time-millis"
  case timeMicros = "time-micros"
  case timestampMillis = "timestamp-millis"
  case timestampMicros = "timestamp-micros"
  case timestampNanos = "timestamp-nanos"
  case localTimestampMillis = "local-timestamp-millis"
  case localTimestampMicros = "local-timestamp-micros"
  case localTimestampNanos = "local-timestamp-nanos"
  case duration

  /// Whether it is an instant or a local date and time.
  var isTimestamp: Bool {
    switch self {
    case .timestampMillis, .timestampMicros, .timestampNanos, .localTimestampMillis,
      .localTimestampMicros, .localTimestampNanos:
      true
    case .decimal, .uuid, .date, .timeMillis, .timeMicros, .duration: false
    }
  }

  /// Whether the specification has it for values of `kind`.
  func fits(_ kind: AvroType.Kind) -> Bool {
    switch (self, kind) {
    case (.decimal, .bytes), (.decimal, .fixed), (.uuid, .string), (.date, .int),
      (.timeMillis, .int), (.timeMicros, .long):
      true
    case (.uuid, .fixed(_, let size)): size == 16
    case (.duration, .fixed(_, let size)): size == 12
    case (_, .long): isTimestamp
    default: false
    }
  }
}
