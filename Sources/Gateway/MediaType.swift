import Bytes

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
    var pieces = field.text.split(separator: ";", omittingEmptySubsequences: false)
      .map(Self.trimmed)
    essence = pieces.removeFirst().lowercased()
    guard essence.isEmpty || essence.split(separator: "/").count == 2 else {
      throw Refusal(.badHeader, "a media type is malformed")
    }
    var parameters: [(String, String)] = []
    for piece in pieces where !piece.isEmpty {
      guard let mark = piece.firstIndex(of: "=") else {
        throw Refusal(.badHeader, "a media type's parameter has no value")
      }
      var value = String(piece[piece.index(after: mark)...])
      if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
        value = String(value.dropFirst().dropLast())
      }
      parameters.append((piece[..<mark].lowercased(), value))
    }
    self.parameters = parameters
  }

  func isOneOf(_ names: String...) -> Bool { names.contains(essence) }

  /// Without the white space around it.
  static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }
}

/// Which of the formats an answer can have is wanted (RFC 9110 §12.5.1).
enum AnswerFormat {
  case json, eventStream, lines

  /// The best of what `Accept` allows; nil when it allows none of them. The first wins among
  /// equals.
  init?(accept: ByteSlice?) {
    guard let accept, !accept.isEmpty, !accept.equals("*/*") else {
      self = .json
      return
    }
    var best: (format: AnswerFormat, weight: Int, precision: Int)?
    for range in accept.text.split(separator: ",") {
      var parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
      guard !parts.isEmpty else { continue }
      let name = parts.removeFirst().lowercased()
      let weight =
        parts.first { $0.hasPrefix("q=") }.flatMap { Self.weight($0.dropFirst(2)) } ?? 1000
      let offer: (AnswerFormat, Int)? =
        switch name {
        case "application/json": (.json, 2)
        case "text/event-stream": (.eventStream, 2)
        case "application/x-ndjson", "application/ndjson": (.lines, 2)
        case "application/*": (.json, 1)
        case "text/*": (.eventStream, 1)
        case "*/*": (.json, 0)
        default: nil
        }
      guard let (format, precision) = offer, weight > 0 else { continue }
      if weight > best?.weight ?? 0
        || weight == best?.weight && precision > best?.precision ?? 0
      {
        best = (format, weight, precision)
      }
    }
    guard let best else { return nil }
    self = best.format
  }

  /// A quality in thousandths.
  private static func weight(_ text: some StringProtocol) -> Int? {
    guard let value = Double(String(text)), value >= 0, value <= 1 else { return nil }
    return Int(value * 1000)
  }
}
