import Bytes
import JSONText

/// Builds the tree of a JSON text. Values are visited in the order of the file, so that one walk
/// over its bytes yields every line and column.
struct JSONTree {
  private let source: ByteSlice
  private let file: SettingsPath
  /// How far lines have been counted, and what had been counted by then.
  private var counted = 0
  private var position = SettingsPosition(line: 1, column: 1)

  init(_ source: ByteSlice, path: SettingsPath) {
    self.source = source
    file = path
  }

  /// The one value of the text.
  mutating func document() throws(SettingsFault) -> SettingsNode {
    let limits = SettingsDocument.Limits.self
    let document: JSONDocument
    do throws(JSONFault) {
      document = try JSONDocument(
        parsing: source,
        limits: JSONLimits(
          maxDepth: limits.depth, maxTokens: limits.values, maxNumberLength: 100,
          maxBytes: limits.bytes))
    } catch {
      throw settingsFault(error)
    }
    return try node(document.root, path: file)
  }

  private mutating func node(
    _ json: JSONNode, path: SettingsPath
  ) throws(SettingsFault) -> SettingsNode {
    let position = place(of: json.offset)
    switch json.kind {
    case .null: return SettingsNode(.null, at: position, path: path)
    case .true, .false: return SettingsNode(.bool(json.kind == .true), at: position, path: path)
    case .number:
      guard !json.token.flags.contains(.fraction) else {
        return SettingsNode(.number(json.raw), at: position, path: path)
      }
      guard let integer = Int64(json.raw.text) else {
        throw SettingsFault(
          .quoteIt(json.raw.text), at: position, file: file.file, path: path.text)
      }
      return SettingsNode(.integer(integer), at: position, path: path)
    case .string: return SettingsNode(.text(json.string ?? .empty), at: position, path: path)
    case .array:
      var elements: [SettingsNode] = []
      for element in json.elements {
        let place = SettingsPath(index: elements.count, in: path)
        elements.append(try node(element, path: place))
      }
      return SettingsNode(.sequence(elements), at: position, path: path)
    case .object:
      return SettingsNode(.mapping(try entries(of: json, path: path)), at: position, path: path)
    }
  }

  private mutating func entries(
    of json: JSONNode, path: SettingsPath
  ) throws(SettingsFault) -> [SettingsEntry] {
    var entries: [SettingsEntry] = []
    for (key, value) in json.members {
      // The key's token stands before its value's and starts behind the quote.
      let keyPosition = place(of: Int(json.document.tokens[value.index - 1].offset) - 1)
      guard key.count <= SettingsDocument.Limits.keyBytes else {
        throw SettingsFault(
          .badKey("a key is longer than \(SettingsDocument.Limits.keyBytes) bytes"),
          at: keyPosition, file: file.file, path: path.text)
      }
      let place = SettingsPath(key: key, in: path)
      entries.append(
        SettingsEntry(
          key: key, keyPosition: keyPosition, value: try node(value, path: place)))
    }
    return entries
  }

  /// The place of an offset at or behind the one last asked for.
  private mutating func place(of offset: Int) -> SettingsPosition {
    var line = position.line
    var column = position.column
    while counted < offset {
      let byte = source[counted]
      if byte == ASCII.lineFeed {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
      counted += 1
    }
    position = SettingsPosition(line: line, column: column)
    return position
  }

  private func settingsFault(_ fault: JSONFault) -> SettingsFault {
    let limits = SettingsDocument.Limits.self
    let problem: SettingsProblem =
      switch fault.code {
      case .tooDeep: .tooDeep(limit: limits.depth)
      case .tooManyTokens: .tooManyValues(limit: limits.values)
      case .tooManyBytes: .tooLarge(limit: limits.bytes)
      case .duplicateMember: .duplicateKey(fault.pointer?.tokens.last?.text ?? "")
      case .unexpectedEnd where source.array.allSatisfy(Self.isWhiteSpace): .empty
      default: .syntax("\(fault.code.text)")
      }
    return SettingsFault(
      problem, at: SettingsPosition(line: fault.line, column: fault.column), file: file.file,
      path: "")
  }

  private static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == ASCII.space || byte == ASCII.lineFeed || byte == ASCII.carriageReturn
      || byte == ASCII.tab
  }
}
