import Bytes

/// Builds the tree of a YAML text from its events and holds the borders of the subset.
struct YAMLTree: ~Copyable {
  private var events: YAMLEvents
  private let source: ByteSlice
  private let path: SettingsPath
  private var values = 0

  init(_ source: ByteSlice, path: SettingsPath) throws(SettingsFault) {
    let start = SettingsPosition(line: 1, column: 1)
    guard let events = YAMLEvents(reading: source) else {
      throw SettingsFault(.syntax("not enough memory"), at: start, file: path.file, path: "")
    }
    self.events = events
    self.source = source
    self.path = path
  }

  /// The one document of the stream; a stream without one is null.
  mutating func document() throws(SettingsFault) -> SettingsNode {
    _ = try next()
    let start = try next()
    switch start.event {
    case .documentStart(let directives):
      if directives { throw fault(.outsideSubset("a % directive"), start.position, path) }
    default: return SettingsNode(.null, at: start.position, path: path)
    }
    let root = try node(try next(), path: path, depth: 0)
    _ = try next()
    let end = try next()
    guard case .streamEnd = end.event else {
      throw fault(.outsideSubset("a second document"), end.position, path)
    }
    return root
  }

  private mutating func node(
    _ step: YAMLStep, path: SettingsPath, depth: Int
  ) throws(SettingsFault) -> SettingsNode {
    let limits = SettingsDocument.Limits.self
    values += 1
    guard values <= limits.values else {
      throw fault(.tooManyValues(limit: limits.values), step.position, path)
    }
    if step.hasAnchor { throw fault(.outsideSubset("an anchor"), step.position, path) }
    if step.hasTag { throw fault(.outsideSubset("a tag"), step.position, path) }
    let value: SettingsNode.Value
    switch step.event {
    case .scalar(let text, let plain):
      guard let scalar = plain ? PlainScalar.value(of: text) : .text(text) else {
        throw fault(.quoteIt(text.text), step.position, path)
      }
      value = scalar
    case .sequenceStart, .mappingStart:
      guard depth < limits.depth else {
        throw fault(.tooDeep(limit: limits.depth), step.position, path)
      }
      if case .sequenceStart = step.event {
        value = .sequence(try elements(path: path, depth: depth + 1))
      } else {
        value = .mapping(try entries(path: path, depth: depth + 1))
      }
    case .alias: throw fault(.outsideSubset("an alias"), step.position, path)
    default: throw fault(.syntax("a value is missing"), step.position, path)
    }
    return SettingsNode(value, at: step.position, path: path)
  }

  private mutating func elements(
    path: SettingsPath, depth: Int
  ) throws(SettingsFault) -> [SettingsNode] {
    var elements: [SettingsNode] = []
    while true {
      let step = try next()
      if case .end = step.event { return elements }
      let place = SettingsPath(index: elements.count, in: path)
      elements.append(try node(step, path: place, depth: depth))
    }
  }

  private mutating func entries(
    path: SettingsPath, depth: Int
  ) throws(SettingsFault) -> [SettingsEntry] {
    var entries: [SettingsEntry] = []
    var seen: Set<ByteSlice> = []
    while true {
      let step = try next()
      if case .end = step.event { return entries }
      let key = try key(step, path: path)
      guard seen.insert(key).inserted else {
        throw fault(.duplicateKey(key.text), step.position, path)
      }
      let place = SettingsPath(key: key, in: path)
      let value = try node(try next(), path: place, depth: depth)
      entries.append(SettingsEntry(key: key, keyPosition: step.position, value: value))
    }
  }

  private mutating func key(_ step: YAMLStep, path: SettingsPath) throws(SettingsFault) -> ByteSlice
  {
    if step.hasAnchor { throw fault(.outsideSubset("an anchor"), step.position, path) }
    if step.hasTag { throw fault(.outsideSubset("a tag"), step.position, path) }
    if case .alias = step.event { throw fault(.outsideSubset("an alias"), step.position, path) }
    guard case .scalar(let text, let plain) = step.event else {
      throw fault(.badKey("a list or mapping cannot be a key"), step.position, path)
    }
    guard text.count <= SettingsDocument.Limits.keyBytes else {
      let limit = SettingsDocument.Limits.keyBytes
      throw fault(.badKey("a key is longer than \(limit) bytes"), step.position, path)
    }
    guard plain else { return text }
    if text.equals("<<") { throw fault(.outsideSubset("a merge key"), step.position, path) }
    guard case .text(let key) = PlainScalar.value(of: text) else {
      throw fault(
        .badKey("the key '\(text.text)' is not a text: put it in quotes"), step.position, path)
    }
    return key
  }

  private mutating func next() throws(SettingsFault) -> YAMLStep {
    do throws(YAMLTrouble) {
      return try events.next()
    } catch {
      let position = error.position ?? SettingsPosition(offset: error.offset, in: source)
      throw fault(.syntax(error.words), position, path)
    }
  }

  private func fault(
    _ problem: SettingsProblem, _ position: SettingsPosition, _ path: SettingsPath
  ) -> SettingsFault {
    SettingsFault(problem, at: position, file: path.file, path: path.text)
  }
}

extension SettingsPosition {
  /// The place of a byte offset; offsets beyond the end mean the end.
  init(offset: Int, in source: ByteSlice) {
    var line = 1
    var column = 1
    for index in 0..<min(max(offset, 0), source.count) {
      if source[index] == ASCII.lineFeed {
        line += 1
        column = 1
      } else if source[index] & 0xC0 != 0x80 {
        column += 1
      }
    }
    self.init(line: line, column: column)
  }
}
