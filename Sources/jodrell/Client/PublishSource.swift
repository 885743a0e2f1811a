import Bytes
import Gateway

/// One thing that `publish` sends: a file, or what comes on standard input.
struct PublishSource: Sendable {
  enum Input: Sendable {
    case file(String)
    case standardInput
  }

  let input: Input
  let contentType: String
  /// Bytes; 0 when they are not known beforehand.
  let size: UInt64

  /// How the source is called in messages.
  var name: String {
    switch input {
    case .file(let path): path
    case .standardInput: "standard input"
    }
  }

  /// Whether its lines are one event each.
  var isLines: Bool {
    contentType.lowercased().split(separator: ";").first.map(String.init) == Self.lines
  }

  static let lines = "application/x-ndjson"

  /// What the operands mean: files as they are, folders with everything below them in the order of
  /// names, `-` and nothing for standard input.
  ///
  /// - Parameter contentType: of all of them; nil to go by the names.
  static func all(
    _ operands: [String], contentType: String?
  ) throws(CommandFault) -> [PublishSource] {
    if operands.isEmpty { return [standardInput(contentType)] }
    var sources: [PublishSource] = []
    for operand in operands {
      if operand == "-" {
        sources.append(standardInput(contentType))
      } else {
        try CommandFault.wrap(.failed) { () throws(FileFault) in
          try add(operand, contentType, to: &sources)
        }
      }
    }
    return sources
  }

  private static func standardInput(_ contentType: String?) -> PublishSource {
    PublishSource(input: .standardInput, contentType: contentType ?? "application/json", size: 0)
  }

  private static func add(
    _ path: String, _ contentType: String?, to sources: inout [PublishSource]
  ) throws(FileFault) {
    guard FileAccess.isDirectory(path) else {
      sources.append(
        PublishSource(
          input: .file(path), contentType: contentType ?? guess(path),
          size: try FileAccess.size(of: path)))
      return
    }
    for name in try FileAccess.names(in: path) {
      try add(path.hasSuffix("/") ? path + name : "\(path)/\(name)", contentType, to: &sources)
    }
  }

  /// The content type that a file's name promises.
  private static func guess(_ path: String) -> String {
    let name = path.lowercased()
    for (suffix, type) in types where name.hasSuffix(suffix) { return type }
    return "application/octet-stream"
  }

  private static let types: [(suffix: String, type: String)] = [
    (".cloudevent.json", "application/cloudevents+json"),
    (".cloudevents.json", "application/cloudevents-batch+json"),
    (".json", "application/json"), (".ndjson", lines), (".jsonl", lines),
    (".txt", "text/plain; charset=utf-8"), (".log", "text/plain; charset=utf-8"),
    (".csv", "text/csv; charset=utf-8"), (".xml", "application/xml"), (".png", "image/png"),
    (".jpg", "image/jpeg"), (".jpeg", "image/jpeg"), (".pdf", "application/pdf"),
  ]
}

/// Reads a source's lines in portions that a request can carry: whole lines, as many as have come.
///
/// No more than one line of the largest size and one piece of the source is in memory.
struct LinePortions {
  enum Portion: Equatable {
    /// Never empty.
    case lines(ByteSlice)
    /// One line that is longer than an event may be, of which nothing is kept.
    case tooLong
  }

  /// A request's size and count, well below the gateway's limits for batches.
  static let bytes = 1 << 20
  static let lines = 2_000
  /// Bytes of a line without its ending. For a longer one the gateway would refuse the request.
  static let longestLine = GatewayLimits.event

  private let descriptor: Int32
  private let name: String
  private var waiting: [UInt8] = []
  /// So many bytes of `waiting` hold no line's end.
  private var searched = 0
  /// Whether what comes until the next line's end belongs to a line that is too long.
  private var isPassingOver = false
  private var isAtEnd = false

  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// The next portion; nil at the end. Blocks until a line is complete, or too long and over.
  mutating func next() throws(FileFault) -> Portion? {
    while true {
      if let portion = isPassingOver ? restOfLine() : wholeLines() { return portion }
      if isAtEnd { return lastLine() }
      if let piece = try FileAccess.readPiece(descriptor, name, upTo: 256 * 1024) {
        waiting += piece
      } else {
        isAtEnd = true
      }
    }
  }

  /// The whole lines that have come, as many as fit; nil when none is complete.
  private mutating func wholeLines() -> Portion? {
    var end = 0
    var count = 0
    for index in searched..<waiting.count where waiting[index] == ASCII.lineFeed {
      if isTooLong(end..<index) {
        if end > 0 { break }
        drop(index + 1)
        return .tooLong
      }
      if index >= Self.bytes, end > 0 { break }
      end = index + 1
      count += 1
      if count == Self.lines { break }
    }
    if end > 0 {
      defer { drop(end) }
      return .lines(ByteSlice(waiting[..<end]))
    }
    searched = waiting.count
    // One byte more may still be the CR of its ending.
    if waiting.count > Self.longestLine + 1 {
      isPassingOver = true
      drop(waiting.count)
    }
    return nil
  }

  /// Passes over what has come of a line that is too long; nil when its end has not.
  private mutating func restOfLine() -> Portion? {
    guard let end = waiting.firstIndex(of: ASCII.lineFeed) else {
      drop(waiting.count)
      return nil
    }
    isPassingOver = false
    drop(end + 1)
    return .tooLong
  }

  /// What stands behind the last line's end, once nothing follows.
  private mutating func lastLine() -> Portion? {
    defer { drop(waiting.count) }
    if isPassingOver || isTooLong(0..<waiting.count) {
      isPassingOver = false
      return .tooLong
    }
    return waiting.isEmpty ? nil : .lines(ByteSlice(waiting))
  }

  /// Whether a line, which may end with the CR of its ending, is longer than an event may be.
  private func isTooLong(_ line: Range<Int>) -> Bool {
    guard line.count > Self.longestLine else { return false }
    return line.count > Self.longestLine + 1 || waiting[line.upperBound - 1] != ASCII.carriageReturn
  }

  private mutating func drop(_ bytes: Int) {
    waiting.removeFirst(bytes)
    searched = 0
  }

  /// The line numbers of a portion's events: lines of nothing but white space are none. And the
  /// number of what follows.
  static func numbers(of portion: ByteSlice, from first: Int) -> (events: [Int], next: Int) {
    var events: [Int] = []
    var line = first
    var isBlank = true
    for byte in portion.array {
      if byte == ASCII.lineFeed {
        if !isBlank { events.append(line) }
        line += 1
        isBlank = true
      } else if byte != ASCII.carriageReturn, byte != ASCII.space, byte != ASCII.tab {
        isBlank = false
      }
    }
    if !isBlank { events.append(line) }
    return (events, line)
  }
}
