import Bytes
import JSONText

/// What a draft-07 schema says of the contents of a text, as far as it is checked: where `format`
/// asserts, so do `contentEncoding` `base64` and `contentMediaType` `application/json`. In 2020-12
/// both only describe.
enum StringContent: UInt8, Sendable {
  case base64, json, base64JSON

  /// What the two keywords come to, or nil where nothing is checked.
  init?(encoding: String?, mediaType: String?) {
    let isJSON = mediaType == "application/json"
    switch (encoding, isJSON) {
    case ("base64"?, true): self = .base64JSON
    case ("base64"?, false): self = .base64
    case (nil, true): self = .json
    default: return nil
    }
  }

  /// For messages: "must hold …".
  var phrase: String {
    switch self {
    case .base64: "base64"
    case .json: "JSON"
    case .base64JSON: "JSON in base64"
    }
  }

  /// Whether a text holds this. Allocates.
  func accepts(_ text: ByteSlice) -> Bool {
    switch self {
    case .base64: Base64.decode(text, as: .standard) != nil
    case .json: Self.isJSON(text)
    case .base64JSON: Base64.decode(text, as: .standard).map(Self.isJSON) ?? false
    }
  }

  private static func isJSON(_ text: ByteSlice) -> Bool {
    (try? JSONDocument(parsing: text)) != nil
  }
}

extension Evaluator {
  /// Whether a text holds what `branch` asks for.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func holdsContent(_ branch: ProgramBranch, _ at: Int) -> Bool {
    let token = value.tokens[at]
    guard token.kind == .string, let content = StringContent(rawValue: UInt8(branch.first)) else {
      return true
    }
    guard spend(128 &+ 2 &* Int(token.length)) else { return false }
    return content.accepts(ByteSlice(value.unescaped(token)))
  }
}
