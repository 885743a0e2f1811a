import Bytes
import HTTPWire

/// A Content-Type or one member of Accept: `type/subtype;name=value` (RFC 9110 §8.3.1), in lower
/// case. For cold paths; publishing compares bytes.
struct MediaType {
  /// `type/subtype`; empty where the field is absent.
  let essence: String
  let parameters: [(name: String, value: String)]

  init(_ field: ByteSlice?) throws(Refusal) {
    guard let field else {
      essence = ""
      parameters = []
      return
    }
    var pieces = FieldText.pieces(of: field.text, at: ";").map { FieldText.trimmed($0[...]) }
    essence = pieces.removeFirst().lowercased()
    guard essence.isEmpty || essence.split(separator: "/").count == 2 else {
      throw Refusal(.badHeader, "a media type is malformed")
    }
    var parameters: [(String, String)] = []
    for piece in pieces where !piece.isEmpty {
      guard let mark = piece.firstIndex(of: "="),
        let value = FieldText.word(piece[piece.index(after: mark)...])
      else { throw Refusal(.badHeader, "a media type's parameter is malformed") }
      parameters.append((piece[..<mark].lowercased(), value))
    }
    self.parameters = parameters
  }

  func isOneOf(_ names: String...) -> Bool { names.contains(essence) }
}

/// Which of the formats an answer can have is wanted (RFC 9110 §12.5.1).
enum AnswerFormat {
  case json, eventStream, lines

  /// A format that a member of `Accept` allows.
  private struct Offer {
    let format: AnswerFormat
    /// In thousandths, above zero.
    let weight: Int
    /// How much of the media type the member names.
    let precision: Int

    init?(_ range: String) {
      var parts = FieldText.pieces(of: range, at: ";")
        .map { $0.filter { $0 != " " && $0 != "\t" } }
      let name = parts.removeFirst().lowercased()
      weight =
        parts.first { $0.hasPrefix("q=") }.flatMap { Self.weight($0.dropFirst(2)) } ?? 1000
      let known: (format: AnswerFormat, precision: Int)? =
        switch name {
        case "application/json": (.json, 2)
        case "text/event-stream": (.eventStream, 2)
        case "application/x-ndjson", "application/ndjson": (.lines, 2)
        case "application/*": (.json, 1)
        case "text/*": (.eventStream, 1)
        case "*/*": (.json, 0)
        default: nil
        }
      guard let offer = known, weight > 0 else { return nil }
      format = offer.format
      precision = offer.precision
    }

    func isBetter(than other: Offer) -> Bool {
      weight > other.weight || weight == other.weight && precision > other.precision
    }

    private static func weight(_ text: some StringProtocol) -> Int? {
      guard let value = Double(String(text)), value >= 0, value <= 1 else { return nil }
      return Int(value * 1000)
    }
  }

  /// The best of what the fields `Accept` allow, which are one list however many lines it stands on
  /// (RFC 9110 §5.3); nil when they allow none of the formats. The first wins among equals.
  init?(acceptedBy fields: FieldTable) {
    var best: Offer?
    var isGiven = false
    for index in 0..<fields.count where fields.name(at: index).equalsIgnoringCase("accept") {
      let list = fields.value(at: index)
      if list.isEmpty { continue }
      isGiven = true
      for range in FieldText.pieces(of: list.text, at: ",") {
        guard let offer = Offer(range) else { continue }
        if best.map({ offer.isBetter(than: $0) }) ?? true { best = offer }
      }
    }
    guard isGiven else {
      self = .json
      return
    }
    guard let chosen = best else { return nil }
    self = chosen.format
  }
}
