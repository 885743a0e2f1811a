public import Bytes
public import JSONText

/// One condition on a token's claims: the claim at a JSON pointer against literals. There are no
/// patterns beyond `prefix`.
public struct ClaimCondition: Sendable {
  /// What is asked of the claim.
  public indirect enum Test: Sendable {
    /// Equal to the literal.
    case equals(ClaimLiteral)
    /// Equal to one of the literals.
    case isOne(of: [ClaimLiteral])
    /// A text that begins with these bytes.
    case hasPrefix(ByteSlice)
    /// A list with the literal in it, or a text that has it among its words: `scope` is such a text
    /// (RFC 6749 §3.3).
    case contains(ClaimLiteral)
    /// `contains` for at least one of the literals.
    case containsAny([ClaimLiteral])
    /// There, whatever it is (null counts as there), or not there.
    case exists(Bool)
    /// The opposite of another test; so a claim that is not there passes `not: {eq: …}`.
    case not([Test])
  }

  public let pointer: JSONPointer
  /// All must hold.
  public let tests: [Test]

  public init(at pointer: JSONPointer, _ tests: [Test]) {
    self.pointer = pointer
    self.tests = tests
  }

  /// Whether the claims satisfy the condition.
  public func holds(in claims: JSONDocument) -> Bool {
    let claim = claims.root.at(pointer)
    return tests.allSatisfy { $0.holds(for: claim) }
  }
}

extension ClaimCondition.Test {
  func holds(for claim: JSONNode?) -> Bool {
    switch self {
    case .exists(let wanted): return (claim != nil) == wanted
    case .not(let tests): return !tests.allSatisfy { $0.holds(for: claim) }
    case .equals(let literal): return claim.map(literal.equals) ?? false
    case .isOne(let literals):
      guard let claim else { return false }
      return literals.contains { $0.equals(claim) }
    case .hasPrefix(let prefix):
      guard let text = claim?.string else { return false }
      return text.prefix(prefix.count) == prefix
    case .contains(let literal): return claim.map(literal.isContained) ?? false
    case .containsAny(let literals):
      guard let claim else { return false }
      return literals.contains { $0.isContained(in: claim) }
    }
  }
}

/// A value that claims are compared with: bytes for texts, exact values for numbers.
public enum ClaimLiteral: Sendable, Hashable {
  case text(ByteSlice)
  case integer(Int64)
  case bool(Bool)

  func equals(_ claim: JSONNode) -> Bool {
    switch self {
    case .text(let text): claim.string == text
    case .integer(let integer): claim.integer == integer
    case .bool(let bool): claim.bool == bool
    }
  }

  func isContained(in claim: JSONNode) -> Bool {
    if claim.kind == .array { return claim.elements.contains(where: equals) }
    guard case .text(let word) = self, let text = claim.string, !word.isEmpty else { return false }
    var start = 0
    while start <= text.count {
      let end = text.firstIndex(of: ASCII.space, from: start) ?? text.count
      if text[start..<end] == word { return true }
      start = end + 1
    }
    return false
  }
}
