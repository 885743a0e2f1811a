public import Bytes
import Events
import HTTPWire
public import Tenancy
public import Topics

/// How a live stream is written.
public enum StreamFormat: Sendable, Hashable {
  /// `text/event-stream` (WHATWG HTML §9.2).
  case serverSentEvents
  /// `application/x-ndjson`: one JSON text per line; empty lines keep the connection awake.
  case lines
}

/// How a reader wants its events, and who writes them that way. The text must be JSON.
public struct RecordRendering {
  /// Distinguishes views of one topic in the frame cache: `event`, `data`.
  public let view: UInt8
  /// What of classified data its readers may see; distinguishes views too.
  public let classes: ClassSet
  let write: (Record, inout ByteWriter) -> Void
  /// Takes notice of what written events depend on besides themselves, and says which that is:
  /// frames made on another basis are void.
  public var basis: () -> SchemaEdition? = { nil }
  /// How many of these, from the first on, can be written now. What that takes is done, as far as
  /// this turn of the loop has time for it; the rest is for `prepare`. Asked after `basis`.
  public var ready: ([Record]) -> Int = { $0.count }
  /// Makes all of them ready, in as many turns as it takes, as of the basis that there is then.
  public var prepare: ([Record]) async throws(ReadFailure) -> Void = { _ in }
  /// They have been written: what was kept of them may go.
  public var finish: () -> Void = {}
  /// Whether a record is written the same way as long as the basis stands.
  public var mayKeep: (Record) -> Bool = { _ in true }

  public init(
    view: UInt8, classes: ClassSet = .none, write: @escaping (Record, inout ByteWriter) -> Void
  ) {
    self.view = view
    self.classes = classes
    self.write = write
  }
}

extension StreamFormat {
  /// What a stream that starts behind `cursor` begins with.
  func open(at cursor: Cursor, retry: TimeSpan, into bytes: inout ByteWriter) {
    guard self == .serverSentEvents else { return }
    var id = ByteWriter(capacity: 41)
    cursor.append(to: &id)
    EventStreamWriter.open(retry: retry, id: id.slice, into: &bytes)
  }

  /// Nothing, but sent.
  func heartbeat(into bytes: inout ByteWriter) {
    switch self {
    case .serverSentEvents: EventStreamWriter.heartbeat(into: &bytes)
    case .lines: bytes.append(ASCII.lineFeed)
    }
  }

  /// One event with its place.
  func frame(_ record: Record, _ rendering: RecordRendering, into bytes: inout ByteWriter) {
    var text = ByteWriter(capacity: record.cost + 512)
    rendering.write(record, &text)
    switch self {
    case .serverSentEvents:
      var id = ByteWriter(capacity: 41)
      Cursor(after: record.id).append(to: &id)
      let type = record.attributes[.type].flatMap { Self.isNoticeName($0) ? nil : $0 }
      if !EventStreamWriter.event(id: id.slice, event: type, data: text.slice, into: &bytes) {
        // A type that would break its line is left out: it stands in the event itself.
        EventStreamWriter.event(id: id.slice, event: nil, data: text.slice, into: &bytes)
      }
    case .lines:
      let line = text.slice
      if line.prefix(Self.noticeStart.utf8CodeUnitCount).equals(Self.noticeStart) {
        bytes.append(ASCII.space)
      }
      // In JSON a raw line end can only be white space between tokens.
      let span = line.span
      for index in span.indices {
        let byte = span[index]
        let isLineEnd = byte == ASCII.lineFeed || byte == ASCII.carriageReturn
        bytes.append(isLineEnd ? ASCII.space : byte)
      }
      bytes.append(ASCII.lineFeed)
    }
  }

  /// How the line of a notice begins, and no event's.
  private static let noticeStart: StaticString = "{\"jodrell."

  /// Whether a type is a name under which streams speak themselves: one word behind the reserved
  /// beginning. The gateway takes no event of
  /// such a type; in a log that was written before it did not refuse them there may be some.
  private static func isNoticeName(_ type: ByteSlice) -> Bool {
    guard EventIntake.isReserved(type: type) else { return false }
    let word = type.dropFirst(EventIntake.reservedTypes.utf8CodeUnitCount)
    return word.firstIndex(of: ASCII.dot) == nil
  }

  /// Something the gateway says itself: `jodrell.gap`, `jodrell.end`.
  func notice(
    _ name: StaticString, id: Cursor?, data: ByteSlice, into bytes: inout ByteWriter
  ) {
    switch self {
    case .serverSentEvents:
      var text = ByteWriter()
      text.append(name)
      var place = ByteWriter()
      id?.append(to: &place)
      EventStreamWriter.event(
        id: id == nil ? nil : place.slice, event: text.slice, data: data, into: &bytes)
    case .lines:
      bytes.append("{\"")
      bytes.append(name)
      bytes.append("\":")
      bytes.append(data)
      bytes.append("}\n")
    }
  }
}

extension Gap {
  /// The facts as a JSON object, for streams and for the long-poll's refusal: `requested` and
  /// `next` (cursors), `lost` (a number or null), `until` (an instant or null), `cause`.
  public func writeJSON(into bytes: inout ByteWriter) {
    bytes.append("{\"requested\":\"")
    requested.append(to: &bytes)
    bytes.append("\",\"next\":\"")
    earliest.append(to: &bytes)
    bytes.append("\",\"lost\":")
    if let lost { bytes.append(decimal: lost) } else { bytes.append("null") }
    bytes.append(",\"until\":")
    if let until {
      bytes.append(ASCII.quote)
      until.appendRFC3339(to: &bytes)
      bytes.append(ASCII.quote)
    } else {
      bytes.append("null")
    }
    switch cause {
    case .trimmed: bytes.append(",\"cause\":\"retention\"}")
    case .earlierIncarnation: bytes.append(",\"cause\":\"recreated\"}")
    }
  }
}
