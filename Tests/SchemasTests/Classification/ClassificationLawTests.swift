import Bytes
import JSONText
import Tenancy
import Testing

@testable import Schemas

/// What a comparison of two classifications promises, held against what readers get: where nothing
/// is loosened, a value that the older one's labels hide is hidden by the newer one.
@Suite struct ClassificationLawTests {
  /// Random schemas and payloads; the same for the same seed.
  private struct Maker {
    private var state: UInt64
    private var leaves = 0

    init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func pick(_ count: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state >> 33) % count
    }

    private mutating func label() -> String {
      let label = ["x", "x.y", "z"][pick(3)]
      let replacement = ["", "", #","x-redact":"drop""#, #","x-redact":"fixed""#][pick(4)]
      return #""x-classification":"\#(label)"\#(replacement)"#
    }

    mutating func schema(_ depth: Int) -> String {
      var parts: [String] = []
      if pick(4) == 0 { parts.append(label()) }
      func some(_ name: String, _ maker: inout Maker, _ keys: [String]) -> String {
        let chosen = keys.filter { _ in maker.pick(2) == 0 }
        let members = chosen.map { #""\#($0)":\#(maker.schema(depth - 1))"# }
        return #""\#(name)":{\#(members.joined(separator: ","))}"#
      }
      if depth > 0 {
        if pick(3) > 0 { parts.append(some("properties", &self, ["a", "b", "ab"])) }
        if pick(3) == 0 { parts.append(some("patternProperties", &self, ["^a", "b$", "c"])) }
        if pick(4) == 0 { parts.append(#""additionalProperties":\#(schema(depth - 1))"#) }
        if pick(5) == 0 { parts.append(#""items":\#(schema(depth - 1))"#) }
        if pick(6) == 0 { parts.append(#""prefixItems":[\#(schema(depth - 1))]"#) }
        if pick(5) == 0 {
          parts.append(#""anyOf":[\#(schema(depth - 1)),\#(schema(depth - 1))]"#)
        }
        if pick(12) == 0 { parts.append(#""unevaluatedProperties":\#(schema(depth - 1))"#) }
      }
      return "{\(parts.joined(separator: ","))}"
    }

    /// A payload whose texts are all different.
    mutating func payload(_ depth: Int) -> String {
      switch depth > 0 ? pick(5) : 4 {
      case 0, 1, 2:
        let names = ["a", "b", "ab", "c", "ac", "cb"].filter { _ in pick(3) > 0 }
        return "{" + names.map { #""\#($0)":\#(payload(depth - 1))"# }.joined(separator: ",") + "}"
      case 3: return "[\(payload(depth - 1)),\(payload(depth - 1))]"
      default:
        leaves += 1
        return #""s\#(leaves)s""#
      }
    }
  }

  private func left(_ payload: ByteSlice, _ schema: SchemaClassification, _ classes: ClassSet)
    -> String
  {
    switch Redactor().redact(payload, ClassifiedView(schema, for: classes)) {
    case .none: payload.text
    case .replaced(let bytes, _): bytes.text
    case .withheld, .tooCostly: ""
    }
  }

  @Test("where nothing is loosened, nothing more is shown")
  func law() throws {
    let readers = try [[], ["x"], ["x.y"], ["z"], ["x", "z"], ["x.y", "z"]].map { names in
      try ClassSet(names.map { try #require(ClassLabel(ByteSlice(utf8: $0))) })
    }
    var (kept, hidden) = (0, 0)
    for seed in 1...400 {
      var maker = Maker(seed: seed)
      let text = maker.schema(3)
      let other =
        switch seed % 4 {
        case 0: maker.schema(3)
        case 1: text.replacing(#""x.y""#, with: #""x""#)
        case 2: #"{"allOf":[\#(text),\#(maker.schema(2))]}"#
        default: #"{"allOf":[\#(maker.schema(3))],"anyOf":[\#(text),{"type":"string"}]}"#
        }
      guard let older = try Sample.schema(text).classification,
        let newer = try Sample.schema(other).classification,
        ClassificationComparison.loosenings(from: older, to: newer).isEmpty
      else { continue }
      kept += 1
      // What is hidden for want of a description may be described.
      let marks = try #require(
        try Sample.schema(
          text.replacing("{", with: #"{"x-undeclared":"pass","#, maxReplacements: 1)
            .replacing(",}", with: "}")
        ).classification)
      for _ in 0..<4 {
        let payload = ByteSlice(utf8: maker.payload(4))
        let texts = payload.text.split(separator: "\"").filter { $0.hasPrefix("s") }
        for reader in readers {
          let (before, after) = (left(payload, marks, reader), left(payload, newer, reader))
          for text in texts where !before.contains("\"\(text)\"") {
            hidden += 1
            guard after.contains("\"\(text)\"") else { continue }
            Issue.record("\(text) of \(payload.text) under \(other), seed \(seed)")
            return
          }
        }
      }
    }
    #expect(kept > 20 && hidden > 100, "\(kept) \(hidden)")
  }
}
