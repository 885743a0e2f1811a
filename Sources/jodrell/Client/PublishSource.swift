import Bytes
import Glibc

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
struct LinePortions {
  /// A request's size and count, well below the gateway's limits for batches.
  static let bytes = 1 << 20
  static let lines = 2_000

  private let descriptor: Int32
  private let name: String
  private var waiting: [UInt8] = []
  private var isAtEnd = false

  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// The next portion, never empty; nil at the end. Blocks until a line is complete.
  mutating func next() throws(FileFault) -> ByteSlice? {
    while true {
      if let end = portionEnd() {
        defer { waiting.removeFirst(end) }
        return ByteSlice(waiting[..<end])
      }
      if isAtEnd {
        defer { waiting = [] }
        return waiting.isEmpty ? nil : ByteSlice(waiting)
      }
      if let piece = try FileAccess.readPiece(descriptor, name, upTo: 256 * 1024) {
        waiting += piece
      } else {
        isAtEnd = true
      }
    }
  }

  /// The end of the last whole line that still fits; nil when no line is complete.
  private func portionEnd() -> Int? {
    var end: Int?
    var count = 0
    for index in waiting.indices where waiting[index] == ASCII.lineFeed {
      if index >= Self.bytes, end != nil { break }
      end = index + 1
      count += 1
      if count == Self.lines { break }
    }
    return end
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
