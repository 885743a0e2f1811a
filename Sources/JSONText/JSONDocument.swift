public import Bytes

/// A parsed text with its tokens: immutable, shared freely between threads.
public struct JSONDocument: Sendable {
  public let source: ByteSlice
  public let tokens: JSONTape

  init(source: ByteSlice, tokens: JSONTape) {
    self.source = source
    self.tokens = tokens
  }

  /// Parses `bytes` with a parser of its own, and keeps 16 bytes for each of its values beside
  /// them. Hot paths keep a `JSONParser` instead.
  public init(parsing bytes: ByteSlice, limits: JSONLimits = .payload) throws(JSONFault) {
    let parser = JSONParser(limits: limits)
    try parser.parse(bytes)
    self = parser.keptDocument
  }

  /// The outermost value. Traps on the document of a parser that has parsed nothing.
  public var root: JSONNode { JSONNode(document: self, index: 0) }

  /// The value whose token is at `index`.
  public func node(at index: Int) -> JSONNode { JSONNode(document: self, index: index) }
}

/// One value of a document. Small to copy; keeps its document alive.
public struct JSONNode: Sendable {
  public let document: JSONDocument
  /// Index of the value's token.
  public let index: Int

  init(document: JSONDocument, index: Int) {
    precondition(index >= 0 && index < document.tokens.count, "no such token")
    self.document = document
    self.index = index
  }

  public var token: JSONToken { document.tokens[index] }
  public var kind: JSONKind { token.kind }
  /// Where the value starts in the source, in bytes; of a string its opening quote.
  public var offset: Int { Int(token.offset) - (kind == .string ? 1 : 0) }

  /// The value's source text as it stands there, quotes and brackets included.
  public var raw: ByteSlice {
    let range = token.range
    return kind == .string
      ? document.source[(range.lowerBound - 1)..<(range.upperBound + 1)] : document.source[range]
  }

  // MARK: Scalars

  /// A string's value; nil for other kinds. Copies only when something is escaped.
  public var string: ByteSlice? {
    kind == .string ? document.value(ofString: token) : nil
  }

  /// A string's value as a `String`; cold paths.
  public var text: String? { string?.text }

  public var bool: Bool? {
    switch kind {
    case .true: true
    case .false: false
    default: nil
    }
  }

  public var isNull: Bool { kind == .null }

  public var number: JSONNumber? {
    kind == .number ? JSONNumber(checked: document.source[token.range]) : nil
  }

  /// A number that is a whole one within 64 bits, however it is written (`1`, `1.0`, `1e0`).
  public var integer: Int64? { number?.asInt64 }

  // MARK: Containers

  /// Members of an object, elements of an array, 0 for others. Walks them.
  public var count: Int {
    guard kind == .array || kind == .object else { return 0 }
    let tokens = document.tokens.span
    let end = index + Int(tokens[index].extent)
    let name = kind == .object ? 1 : 0
    var count = 0
    var position = index + 1
    while position < end {
      position += name + Int(tokens[position + name].extent)
      count += 1
    }
    return count
  }

  /// The members of an object in source order; of anything else none.
  public var members: JSONMembers { JSONMembers(self) }

  /// The elements of an array in source order; of anything else none.
  public var elements: JSONElements { JSONElements(self) }

  public subscript(_ name: StaticString) -> JSONNode? {
    member { document.key($0, equals: name) }
  }

  public subscript(_ name: ByteSlice) -> JSONNode? {
    member { document.value(ofString: $0) == name }
  }

  @_disfavoredOverload
  public subscript(_ name: String) -> JSONNode? { self[ByteSlice(utf8: name)] }

  /// The value at `pointer` below this one; nil where a step leads nowhere.
  public func at(_ pointer: JSONPointer) -> JSONNode? {
    var node = self
    for step in pointer.tokens {
      switch node.kind {
      case .object:
        guard let next = node[step] else { return nil }
        node = next
      case .array:
        guard let index = JSONPointer.index(step), let next = node.elements.element(at: index)
        else { return nil }
        node = next
      default:
        return nil
      }
    }
    return node
  }

  private func member(where matches: (JSONToken) -> Bool) -> JSONNode? {
    guard kind == .object else { return nil }
    let end = index + Int(token.extent)
    var key = index + 1
    while key < end {
      if matches(document.tokens[key]) { return JSONNode(document: document, index: key + 1) }
      key += 1 + Int(document.tokens[key + 1].extent)
    }
    return nil
  }
}

extension JSONDocument {
  /// The unescaped value of a string token.
  public func value(ofString token: JSONToken) -> ByteSlice {
    let raw = source[token.range]
    return token.flags.contains(.hasEscape) ? JSONEscapes.unescape(raw) : raw
  }

  fileprivate func key(_ token: JSONToken, equals name: StaticString) -> Bool {
    token.flags.contains(.hasEscape)
      ? value(ofString: token).equals(name) : source[token.range].equals(name)
  }
}

/// The members of one object: unescaped name and value, in source order.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  private let document: JSONDocument
  private var position: Int
  private let end: Int

  fileprivate init(_ node: JSONNode) {
    document = node.document
    position = node.index + 1
    end = node.kind == .object ? node.index + Int(node.token.extent) : position
  }

  public mutating func next() -> (key: ByteSlice, value: JSONNode)? {
    guard position < end else { return nil }
    let key = document.tokens[position]
    let value = JSONNode(document: document, index: position + 1)
    position += 1 + Int(value.token.extent)
    return (document.value(ofString: key), value)
  }
}

/// The elements of one array, in source order.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
  private let document: JSONDocument
  private var position: Int
  private let end: Int

  fileprivate init(_ node: JSONNode) {
    document = node.document
    position = node.index + 1
    end = node.kind == .array ? node.index + Int(node.token.extent) : position
  }

  public mutating func next() -> JSONNode? {
    guard position < end else { return nil }
    let element = JSONNode(document: document, index: position)
    position += Int(element.token.extent)
    return element
  }

  /// The element at `index`, or nil beyond the last; walks there.
  public func element(at index: Int) -> JSONNode? {
    var rest = self
    for _ in 0..<index where rest.next() == nil { return nil }
    return rest.next()
  }
}
