import Bytes
import HTTPWire

/// What a request prefers (RFC 7240 §2): names in any case, values as tokens or quoted strings. Of
/// a preference that stands twice the first counts; what follows it behind `;` is not looked at,
/// and one that is malformed counts for nothing. Only those that the gateway knows are kept: they
/// are read before it is known who asks.
struct Preferences {
  private var found: [String: String] = [:]

  private static let known: Set<String> = ["return", "wait", "respond-async"]

  init() {}

  init(_ fields: FieldTable) {
    for index in 0..<fields.count where fields.name(at: index).equalsIgnoringCase("prefer") {
      take(fields.value(at: index))
    }
  }

  /// Takes the next `Prefer` field; a longer one than `GatewayLimits.preferences` says nothing.
  mutating func take(_ field: ByteSlice) {
    guard field.count <= GatewayLimits.preferences else { return }
    for text in FieldText.pieces(of: field.text, at: ",") {
      let preference = FieldText.pieces(of: text, at: ";")[0]
      let mark = preference.firstIndex(of: "=") ?? preference.endIndex
      let name = FieldText.trimmed(preference[..<mark]).lowercased()
      guard Self.known.contains(name), found[name] == nil,
        let value = FieldText.word(FieldText.trimmed(preference[mark...].dropFirst()))
      else { continue }
      found[name] = value
    }
  }

  /// The value of a preference, by its lower-case name; empty where it has none, nil where it is
  /// not there.
  subscript(_ name: String) -> String? { found[name] }
}
