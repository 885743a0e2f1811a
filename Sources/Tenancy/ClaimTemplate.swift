import Bytes
import JSONText
import Settings

/// Text with claims in it: `kc:{/azp}`. A claim's value goes in as it is and is never read again as
/// a pattern, a pointer or a template.
struct ClaimTemplate: Sendable {
  private enum Part: Sendable {
    case literal(ByteSlice)
    case claim(JSONPointer)
    case fact(Fact)
  }

  /// What a mapping has made of the caller; only `where` may name it.
  private enum Fact: String, Sendable, CaseIterable {
    case tenant, namespace, principal
  }

  private let parts: [Part]

  /// The longest text a template may yield, in bytes; it ends up in every event.
  static let maxLength = 1024

  /// Compiles a text in which each `{…}` holds a JSON pointer; other braces are a fault.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    let text = try node.bytes()
    do throws(TemplateFault) {
      try self.init(parsing: text, allowsFacts: false)
    } catch {
      throw node.fault(.invalid(error.text))
    }
  }

  /// The same of a text alone.
  ///
  /// - Parameter allowsFacts: `{tenant}`, `{namespace}` and `{principal}` stand for the caller's.
  init(parsing text: ByteSlice, allowsFacts: Bool) throws(TemplateFault) {
    var parts: [Part] = []
    var index = 0
    while index < text.count {
      let open = text.firstIndex(of: 0x7B, from: index) ?? text.count
      let literal = text[index..<open]
      guard literal.firstIndex(of: 0x7D) == nil else {
        throw TemplateFault(text: "a '}' without its '{'")
      }
      if !literal.isEmpty { parts.append(.literal(literal)) }
      guard open < text.count else { break }
      guard let close = text.firstIndex(of: 0x7D, from: open) else {
        throw TemplateFault(text: "a '{' without its '}'")
      }
      parts.append(try Self.part(text[(open + 1)..<close], allowsFacts))
      index = close + 1
    }
    guard !parts.isEmpty, text.count <= Self.maxLength else {
      throw TemplateFault(text: "the text is empty or longer than \(Self.maxLength) bytes")
    }
    guard Self.isPlain(text) else {
      throw TemplateFault(text: "the text holds control characters")
    }
    self.parts = parts
  }

  /// What stands between two braces.
  private static func part(
    _ inner: ByteSlice, _ allowsFacts: Bool
  ) throws(TemplateFault) -> Part {
    if allowsFacts, let fact = Fact(rawValue: inner.text) { return .fact(fact) }
    guard inner.starts(with: "/"), let pointer = JSONPointer(parsing: inner) else {
      let known = allowsFacts ? ", and is none of {tenant}, {namespace}, {principal}" : ""
      throw TemplateFault(
        text: "'{\(inner.text)}' does not hold a JSON pointer such as {/sub}\(known)")
    }
    return .claim(pointer)
  }

  /// A template of a literal beginning and one claim.
  init(_ beginning: String, claim: JSONPointer) {
    parts = [.literal(ByteSlice(utf8: beginning)), .claim(claim)]
  }

  /// The text if no claim stands in it.
  var literal: ByteSlice? {
    guard parts.count == 1, case .literal(let text) = parts[0] else { return nil }
    return text
  }

  /// The text for these claims; nil if a claim is absent, is neither a string nor an integer, or
  /// yields an empty, overlong or unprintable text: then the mapping does not match.
  ///
  /// - Parameter caller: what `{tenant}` and its like stand for, where they are allowed.
  func text(in claims: JSONDocument, of caller: CallerFacts? = nil) -> ByteSlice? {
    if let literal { return literal }
    var text = ByteWriter(capacity: 64)
    for part in parts {
      switch part {
      case .literal(let bytes): text.append(bytes)
      case .claim(let pointer):
        guard let value = Self.value(at: pointer, in: claims), !value.isEmpty,
          text.count + value.count <= Self.maxLength
        else { return nil }
        text.append(value)
      case .fact(let fact):
        guard let value = caller.flatMap({ Self.value(of: fact, $0) }) else { return nil }
        text.append(value)
      }
    }
    let bytes = text.slice
    return bytes.count <= Self.maxLength && Self.isPlain(bytes) ? bytes : nil
  }

  private static func value(at pointer: JSONPointer, in claims: JSONDocument) -> ByteSlice? {
    guard let node = claims.root.at(pointer) else { return nil }
    if let string = node.string { return string }
    return node.integer.map { ByteSlice(utf8: String($0)) }
  }

  private static func value(of fact: Fact, _ caller: CallerFacts) -> ByteSlice? {
    switch fact {
    case .tenant: caller.tenant.bytes
    case .namespace: caller.namespace?.bytes
    case .principal: caller.principal
    }
  }

  /// Whether there are no C0 and C1 control characters in it; they would break headers and logs.
  private static func isPlain(_ text: ByteSlice) -> Bool {
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte < ASCII.space || byte == ASCII.delete { return false }
      if byte == 0xC2, index + 1 < text.count, text[index + 1] < 0xA0 { return false }
      index += 1
    }
    return true
  }
}

/// What is wrong with a template, in words.
struct TemplateFault: Error {
  let text: String
}

/// Where a mapping takes a tenant's or namespace's name from.
enum NameSource: Sendable {
  case fixed(Name)
  case claims(ClaimTemplate)

  /// Compiles a name or a template; a literal that is no name is a fault.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    let template = try ClaimTemplate(compiling: node)
    guard let literal = template.literal else {
      self = .claims(template)
      return
    }
    guard let name = Name(literal) else { throw node.fault(.invalid(Name.rule)) }
    self = .fixed(name)
  }

  /// The name for these claims, byte by byte as they spell it; nil if they spell none.
  func name(in claims: JSONDocument) -> Name? {
    switch self {
    case .fixed(let name): name
    case .claims(let template): template.text(in: claims).flatMap { Name($0) }
    }
  }
}
