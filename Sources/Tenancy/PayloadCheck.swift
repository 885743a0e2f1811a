import Authentication
import Bytes
import JSONText
import Settings

/// What `where` asks of an event's payload, as the policy writes it: conditions like those on
/// claims, whose texts may hold what the caller is: `{tenant}`, `{namespace}`, `{principal}`,
/// `{/claim}`. The CHECK of row-level security: a caller writes only what is its own.
struct PayloadRule: Sendable {
  private let conditions: [ClaimCondition]

  /// Compiles `{"/tenantId": {eq: "{tenant}"}}`.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    conditions = try ClaimCondition.compile(node)
    for condition in conditions {
      for test in condition.tests {
        for text in test.texts {
          if let words = Self.fault(of: text) { throw node.fault(.invalid(words)) }
        }
      }
    }
  }

  /// What is wrong with a text's braces, in words.
  private static func fault(of text: ByteSlice) -> String? {
    do throws(TemplateFault) {
      guard text.firstIndex(of: 0x7B) != nil || text.firstIndex(of: 0x7D) != nil else { return nil }
      _ = try ClaimTemplate(parsing: text, allowsFacts: true)
      return nil
    } catch {
      return error.text
    }
  }

  /// The check for one caller: every text filled in. Nil if a claim of one is not there: then the
  /// grant is not held.
  func check(for caller: CallerFacts, _ claims: JSONDocument) -> PayloadCheck? {
    var filled: [ClaimCondition] = []
    for condition in conditions {
      var tests: [ClaimCondition.Test] = []
      for test in condition.tests {
        guard let test = test.filled(by: { Self.text($0, caller, claims) }) else { return nil }
        tests.append(test)
      }
      filled.append(ClaimCondition(at: condition.pointer, tests))
    }
    return PayloadCheck(conditions: filled)
  }

  private static func text(
    _ text: ByteSlice, _ caller: CallerFacts, _ claims: JSONDocument
  ) -> ByteSlice? {
    guard text.firstIndex(of: 0x7B) != nil else { return text }
    return (try? ClaimTemplate(parsing: text, allowsFacts: true))?.text(in: claims, of: caller)
  }
}

/// What a grant asks of each payload: literals, filled in for its holder.
struct PayloadCheck: Sendable {
  fileprivate let conditions: [ClaimCondition]

  /// Whether the payload satisfies all conditions; one that is not JSON satisfies none.
  func holds(for payload: JSONDocument?) -> Bool {
    guard let payload else { return false }
    return conditions.allSatisfy { $0.holds(in: payload) }
  }
}

/// What a mapping has made of a caller, as far as templates may name it.
struct CallerFacts {
  let tenant: Name
  let namespace: Name?
  let principal: ByteSlice
}

extension ClaimCondition.Test {
  /// The texts it compares with.
  fileprivate var texts: [ByteSlice] {
    switch self {
    case .equals(let literal), .contains(let literal): literal.text.map { [$0] } ?? []
    case .isOne(let literals), .containsAny(let literals): literals.compactMap(\.text)
    case .hasPrefix(let text): [text]
    case .exists: []
    case .not(let tests): tests.flatMap(\.texts)
    }
  }

  /// The same test with every text replaced; nil when one of them cannot be.
  fileprivate func filled(by fill: (ByteSlice) -> ByteSlice?) -> Self? {
    func filled(_ literals: [ClaimLiteral]) -> [ClaimLiteral]? {
      var all: [ClaimLiteral] = []
      for literal in literals {
        guard let text = literal.text else {
          all.append(literal)
          continue
        }
        guard let new = fill(text) else { return nil }
        all.append(.text(new))
      }
      return all
    }
    switch self {
    case .equals(let literal): return filled([literal])?.first.map { .equals($0) }
    case .contains(let literal): return filled([literal])?.first.map { .contains($0) }
    case .isOne(let literals): return filled(literals).map { .isOne(of: $0) }
    case .containsAny(let literals): return filled(literals).map { .containsAny($0) }
    case .hasPrefix(let text):
      // An empty beginning would be everything.
      return fill(text).flatMap { $0.isEmpty ? nil : .hasPrefix($0) }
    case .exists: return self
    case .not(let tests):
      var all: [Self] = []
      for test in tests {
        guard let test = test.filled(by: fill) else { return nil }
        all.append(test)
      }
      return .not(all)
    }
  }
}

extension ClaimLiteral {
  fileprivate var text: ByteSlice? {
    guard case .text(let text) = self else { return nil }
    return text
  }
}
