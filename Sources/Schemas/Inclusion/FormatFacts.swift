// What is known of formats and contents apart from their checks: enough to tell many pairs.

extension StringFormat {
  /// Whether every text of this format is one of the other too, as the checks have it:
  /// international forms only let more characters pass, references need no scheme.
  func implies(_ other: StringFormat) -> Bool {
    if self == other { return true }
    return switch self {
    case .uri: other == .uriReference || other == .iri || other == .iriReference
    case .uriReference, .iri: other == .iriReference
    case .email: other == .idnEmail
    default: false
    }
  }

  /// A pattern that every text of the format has; nil where none is worth its while.
  var outline: String? {
    switch self {
    case .date: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    case .time: "^[0-9]{2}:[0-9]{2}:[0-9]{2}.*[Zz0-9]$"
    case .dateTime: "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}.*[Zz0-9]$"
    case .uuid:
      "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    case .ipv4: "^[0-9.]{7,15}$"
    case .ipv6: "^[0-9a-fA-F:.]{2,45}$"
    case .email, .idnEmail: "^[^]+@[^]+$"
    case .uri, .iri: "^[A-Za-z][A-Za-z0-9+.-]*:"
    case .duration, .uriReference, .iriReference, .uriTemplate, .jsonPointer,
      .relativeJSONPointer, .hostname, .idnHostname, .regex:
      nil
    }
  }

  /// Whether the outline says all.
  var isExactlyOutlined: Bool { self == .uuid }

  /// Texts of the format that most bounds let pass.
  var examples: [String] {
    switch self {
    case .date: ["2026-03-14", "1999-12-31"]
    case .time: ["09:30:00Z", "23:59:59.5+01:00"]
    case .dateTime: ["2026-03-14T09:30:00Z", "1999-12-31T23:59:59.5+01:00"]
    case .duration: ["P3D", "PT12H30M", "P1Y2M"]
    case .uuid: ["123e4567-e89b-42d3-a456-426614174000"]
    case .ipv4: ["192.0.2.1", "198.51.100.200"]
    case .ipv6: ["2001:db8::1", "::"]
    case .email: ["a@b.example", "someone.else@mail.example"]
    case .idnEmail: ["a@b.example", "\u{E9}@b.example"]
    case .uri: ["a:b", "https://a.example/b?c#d"]
    case .iri: ["a:b", "https://a.example/\u{E9}"]
    case .uriReference: ["b", "/a/b?c#d"]
    case .iriReference: ["b", "/\u{E9}"]
    case .uriTemplate: ["/a/{b}", "a"]
    case .jsonPointer: ["", "/a/0"]
    case .relativeJSONPointer: ["0", "1/a"]
    case .hostname: ["a.example", "b"]
    case .idnHostname: ["a.example", "\u{E9}.example"]
    case .regex: ["^a+$", "a"]
    }
  }
}

extension StringContent {
  /// Whether every text that holds this holds the other too.
  func implies(_ other: StringContent) -> Bool {
    self == other || (self == .base64JSON && other == .base64)
  }

  /// Texts that hold it: beside short ones, the word `null`, plainly and in base64.
  var examples: [String] {
    switch self {
    case .base64: ["", "YQ==", "bnVsbA=="]
    case .json: ["null", "1", "[]"]
    case .base64JSON: ["bnVsbA==", "MQ=="]
    }
  }
}
