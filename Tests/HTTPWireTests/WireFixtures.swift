import Bytes

@testable import HTTPWire

/// What a parser made of one message, in a form that can be compared.
enum Outcome: Equatable, CustomStringConvertible {
  case incomplete
  case head(method: HTTPMethod, path: String, query: String?, framing: BodyFraming, length: Int)
  case refused(WireRefusal)

  var description: String {
    switch self {
    case .incomplete: "incomplete"
    case .head(let method, let path, let query, let framing, let length):
      "\(method) \(path) ?\(query ?? "-") \(framing) length \(length)"
    case .refused(let refusal): "refused \(refusal)"
    }
  }
}

extension RequestParser {
  mutating func outcome(of bytes: ByteSlice) -> Outcome {
    switch next(bytes) {
    case .needMore: .incomplete
    case .refuse(let refusal): .refused(refusal)
    case .request(let head, let length):
      .head(
        method: head.method, path: head.path.text, query: head.query?.text,
        framing: head.framing, length: length)
    }
  }
}

/// Feeds a message whole, and again cut at every point into two pieces and byte by byte; all ways
/// must agree, also those of parsers that have read another head before.
///
/// - Returns: the common outcome, and the cut at which they differ or nil.
func parseEveryWay(
  _ text: ByteSlice, after earlier: ByteSlice? = nil, limits: WireLimits = WireLimits()
) -> (outcome: Outcome, disagreement: Int?) {
  var fresh = RequestParser(limits: limits)
  let whole = fresh.outcome(of: text)
  var seasoned = RequestParser(limits: limits)
  if let earlier {
    _ = seasoned.outcome(of: earlier)
    seasoned.reset()
  }
  for cut in 0...text.count {
    var parser = seasoned
    let first = parser.outcome(of: text.prefix(cut))
    let second = first == .incomplete ? parser.outcome(of: text) : first
    if second != whole { return (whole, cut) }
  }
  var stepwise = seasoned
  var last = Outcome.incomplete
  var fed = 0
  while fed < text.count, last == .incomplete {
    fed += 1
    last = stepwise.outcome(of: text.prefix(fed))
  }
  return (whole, last == whole ? nil : -1)
}

func bytes(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }

/// A head of these lines with a Host.
func head(_ lines: String...) -> ByteSlice {
  bytes((lines + ["Host: a", "", ""]).joined(separator: "\r\n"))
}

/// A seeded generator: the same seed gives the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
