/// The editions of JSON Schema that are understood.
public enum SchemaDialect: UInt8, CaseIterable, Sendable {
  case draft07
  case draft202012

  /// The value of `$schema`, without an empty fragment.
  public var uri: String {
    switch self {
    case .draft07: "http://json-schema.org/draft-07/schema"
    case .draft202012: "https://json-schema.org/draft/2020-12/schema"
    }
  }

  /// The value of the media type's parameter `version`.
  public var name: String {
    switch self {
    case .draft07: "draft-07"
    case .draft202012: "2020-12"
    }
  }

  /// The edition with this name, as in the media type's parameter `version`.
  public init?(named name: String) {
    guard let dialect = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = dialect
  }

  /// The edition that a `$schema` names, or nil.
  public init?(uri: String) {
    let plain = uri.hasSuffix("#") ? String(uri.dropLast()) : uri
    guard let dialect = Self.allCases.first(where: { $0.uri == plain }) else { return nil }
    self = dialect
  }

  /// What `format` does where registration does not say: draft-07 asserts, 2020-12 annotates.
  public var formats: FormatMode { self == .draft07 ? .assert : .annotate }
}

/// Whether `format` refuses values or only describes them.
public enum FormatMode: UInt8, CaseIterable, Sendable {
  case assert
  case annotate

  /// The value of the media type's parameter `formats`.
  public var name: String { self == .assert ? "assert" : "annotate" }

  public init?(named name: String) {
    guard let mode = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = mode
  }
}
