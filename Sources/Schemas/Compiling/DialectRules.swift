/// The vocabularies of 2020-12 that a dialect has in force. Draft-07 has no vocabularies: all are.
struct Vocabularies: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  static var core: Vocabularies { Vocabularies(rawValue: 1) }
  static var applicator: Vocabularies { Vocabularies(rawValue: 2) }
  static var unevaluated: Vocabularies { Vocabularies(rawValue: 4) }
  static var validation: Vocabularies { Vocabularies(rawValue: 8) }
  static var metaData: Vocabularies { Vocabularies(rawValue: 16) }
  static var formatAnnotation: Vocabularies { Vocabularies(rawValue: 32) }
  static var formatAssertion: Vocabularies { Vocabularies(rawValue: 64) }
  static var content: Vocabularies { Vocabularies(rawValue: 128) }
  static var standard: Vocabularies {
    [.core, .applicator, .unevaluated, .validation, .metaData, .formatAnnotation, .content]
  }

  private static let prefix = "https://json-schema.org/draft/2020-12/vocab/"

  /// The vocabulary with this URI, or nil for one that is not known.
  init?(uri: String) {
    guard uri.hasPrefix(Self.prefix) else { return nil }
    switch uri.dropFirst(Self.prefix.count) {
    case "core": self = .core
    case "applicator": self = .applicator
    case "unevaluated": self = .unevaluated
    case "validation": self = .validation
    case "meta-data": self = .metaData
    case "format-annotation": self = .formatAnnotation
    case "format-assertion": self = .formatAssertion
    case "content": self = .content
    default: return nil
    }
  }

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What a `$schema` comes to: an edition, and which of its keywords count.
struct DialectRules: Hashable, Sendable {
  let edition: SchemaDialect
  let vocabularies: Vocabularies

  init(_ edition: SchemaDialect, _ vocabularies: Vocabularies = .standard) {
    self.edition = edition
    self.vocabularies = vocabularies
  }

  /// What `format` does where registration does not say.
  var formats: FormatMode {
    vocabularies.contains(.formatAssertion) ? .assert : edition.formats
  }
}
