import Bytes
import Client
import HTTPWire

/// Requests one after the other, with their bodies; cut anywhere, they must read the same.
func fuzzHTTP(_ input: ByteSlice) {
  let cut = input.isEmpty ? 0 : Int(input[0]) * input.count / 256
  let whole = readRequests(input, seenFirst: input.count)
  let pieces = readRequests(input, seenFirst: cut)
  law(whole == pieces, "\(whole) whole, \(pieces) when cut at \(cut)")
}

/// What is read of a connection's bytes when `seenFirst` of them arrive before the rest.
private func readRequests(_ input: ByteSlice, seenFirst: Int) -> [String] {
  var log: [String] = []
  var rest = input
  var seen = seenFirst
  var parser = RequestParser(limits: WireLimits())
  while log.count < 64 {
    var step = parser.next(rest.prefix(seen))
    if case .needMore = step, seen < rest.count {
      seen = rest.count
      step = parser.next(rest)
    }
    guard case .request(let head, let length) = step else {
      if case .refuse(let refusal) = step { log.append("\(refusal)") }
      return log
    }
    law(length > 0 && length <= rest.count, "a head beyond its input")
    log.append("\(head.method) \(head.path.text) \(head.framing) \(head.fields.count)")
    for index in 0..<head.fields.count {
      law(!head.fields.name(at: index).isEmpty, "a field without a name")
    }
    rest = rest.dropFirst(length)
    seen = max(0, seen - length)
    switch head.framing {
    case .none: break
    case .length(let count):
      guard count <= rest.count else { return log }
      rest = rest.dropFirst(count)
      seen = max(0, seen - count)
    case .chunked:
      guard let taken = readChunks(rest, seen: seen, &log) else { return log }
      rest = rest.dropFirst(taken)
      seen = max(0, seen - taken)
    }
    parser.reset()
  }
  return log
}

/// A chunked body's length in `bytes`, or nil when it is broken or unfinished.
private func readChunks(_ bytes: ByteSlice, seen: Int, _ log: inout [String]) -> Int? {
  var decoder = ChunkDecoder(limits: WireLimits())
  var known = bytes.prefix(seen)
  var body = 0
  while true {
    switch decoder.next(known) {
    case .data(let range):
      law(range.upperBound <= known.count && !range.isEmpty, "data beyond the input")
      body += range.count
    case .needMore:
      guard known.count < bytes.count else {
        log.append("unfinished")
        return nil
      }
      known = bytes
    case .end:
      log.append("body \(body)")
      return decoder.consumed
    case .fault(let rule):
      log.append("\(rule)")
      return nil
    }
  }
}

/// A stream whole and byte by byte gives the same events.
func fuzzEvents(_ input: ByteSlice) {
  let whole = readEvents(input, step: max(1, input.count))
  let bytewise = readEvents(input, step: 1)
  law(whole == bytewise, "\(whole.count) events whole, \(bytewise.count) byte by byte")
}

private func readEvents(_ input: ByteSlice, step: Int) -> [ServerEvent] {
  var parser = EventStreamParser(limit: 4096)
  var events: [ServerEvent] = []
  var index = 0
  while index < input.count {
    let end = min(index + step, input.count)
    // What came before the fault counts; the fault itself is the same either way.
    guard (try? parser.feed(input[index..<end]) { events.append($0) }) != nil else { break }
    index = end
  }
  for event in events { law(event.data.count <= 4096, "an event above its limit") }
  return events
}
