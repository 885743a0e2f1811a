import Bytes
private import CYAML

/// What libyaml says next about a text, stripped of its C types.
enum YAMLEvent {
  case streamStart
  case streamEnd
  /// Whether `%YAML` or `%TAG` stood before it.
  case documentStart(directives: Bool)
  case documentEnd
  case alias
  case scalar(ByteSlice, plain: Bool)
  case sequenceStart
  case mappingStart
  /// The end of a sequence or a mapping; libyaml balances them.
  case end
}

/// One event with its place and the decorations the subset refuses.
struct YAMLStep {
  let event: YAMLEvent
  let position: SettingsPosition
  var hasAnchor = false
  var hasTag = false
}

/// What libyaml could not read.
struct YAMLTrouble: Error {
  let words: String
  /// Nil when libyaml gave only a byte offset.
  let position: SettingsPosition?
  let offset: Int
}

/// The one owner of a libyaml parser: bytes in, events out, in document order.
///
/// SAFETY: the parser and the copy of the text it reads are allocated here, never leave this type
/// and are freed in `deinit`; every event is copied into Swift values and deleted before `next()`
/// returns; libyaml's lengths bound every read.
@safe struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// Nil when there is no memory for the parser.
  init?(reading source: ByteSlice) {
    unsafe text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: source.count)
    _ = unsafe text.update(fromContentsOf: source.array)
    unsafe parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      unsafe parser.deallocate()
      unsafe text.deallocate()
      return nil
    }
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe text.deallocate()
  }

  /// The next event; after `streamEnd` nothing more may be asked.
  mutating func next() throws(YAMLTrouble) -> YAMLStep {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw trouble() }
    defer { unsafe yaml_event_delete(&event) }
    let mark = unsafe event.start_mark
    let position = SettingsPosition(line: mark.line + 1, column: mark.column + 1)
    switch unsafe event.type {
    case YAML_STREAM_START_EVENT: return YAMLStep(event: .streamStart, position: position)
    case YAML_DOCUMENT_START_EVENT:
      let start = unsafe event.data.document_start
      let hasDirectives =
        unsafe start.version_directive != nil
        || start.tag_directives.start != start.tag_directives.end
      return YAMLStep(event: .documentStart(directives: hasDirectives), position: position)
    case YAML_DOCUMENT_END_EVENT: return YAMLStep(event: .documentEnd, position: position)
    case YAML_ALIAS_EVENT: return YAMLStep(event: .alias, position: position)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let bytes = unsafe ByteSlice(
        UnsafeBufferPointer(start: scalar.value, count: scalar.length))
      return unsafe YAMLStep(
        event: .scalar(bytes, plain: scalar.style == YAML_PLAIN_SCALAR_STYLE), position: position,
        hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      return unsafe YAMLStep(
        event: .sequenceStart, position: position, hasAnchor: start.anchor != nil,
        hasTag: start.tag != nil)
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      return unsafe YAMLStep(
        event: .mappingStart, position: position, hasAnchor: start.anchor != nil,
        hasTag: start.tag != nil)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      return YAMLStep(event: .end, position: position)
    default: return YAMLStep(event: .streamEnd, position: position)
    }
  }

  private func trouble() -> YAMLTrouble {
    let state = unsafe parser.pointee
    let words = unsafe state.problem.map { unsafe String(cString: $0) } ?? "not enough memory"
    guard unsafe state.error != YAML_READER_ERROR else {
      return unsafe YAMLTrouble(words: words, position: nil, offset: Int(state.problem_offset))
    }
    let mark = unsafe state.problem_mark
    return YAMLTrouble(
      words: words, position: SettingsPosition(line: mark.line + 1, column: mark.column + 1),
      offset: mark.index)
  }
}
