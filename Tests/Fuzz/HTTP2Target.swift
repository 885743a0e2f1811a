import Bytes
import HTTPWire
import TestSupport

/// What a stranger sends behind the preface; cut anywhere, it must read the same, and whatever it
/// is, what we say to it is whole frames.
func fuzzHTTP2(_ input: ByteSlice) {
  let cut = input.isEmpty ? 0 : Int(input[0]) * input.count / 256
  let whole = converse(input, seenFirst: input.count)
  let pieces = converse(input, seenFirst: cut)
  law(whole == pieces, "\(whole) whole, \(pieces) when cut at \(cut)")
}

/// What came of a connection's bytes when `seenFirst` of them arrive before the rest.
private func converse(_ input: ByteSlice, seenFirst: Int) -> [String] {
  let now = MonotonicTime(nanoseconds: 0)
  let session = HTTP2Session(limits: WireLimits(), now: now)
  var log: [String] = []
  var open: Set<Int32> = []
  func take(_ events: [HTTP2Event]) {
    for event in events {
      switch event {
      case .request(let stream, let head, let isWhole):
        law(open.insert(stream).inserted, "a stream that begins twice")
        log.append("\(stream) \(head.method) \(head.path.text) \(head.fields.count) \(isWhole)")
      case .refused(let stream, let refusal, _): log.append("\(stream) \(refusal)")
      case .data(let stream, let bytes):
        law(!bytes.isEmpty, "a piece without bytes")
        log.append(contentsOf: repeatElement("\(stream) byte", count: bytes.count))
      case .end(let stream): log.append("\(stream) end")
      case .closed(let stream):
        open.remove(stream)
        log.append("\(stream) closed")
      }
    }
  }
  take(session.receive(ByteSlice(HTTP2Frames.opening()), at: now))
  for piece in [input[0..<seenFirst], input[seenFirst..<input.count]]
  where !piece.isEmpty && !session.isOver {
    take(session.receive(piece, at: now))
  }
  for stream in open.sorted() {
    let answer = HTTP2Outgoing()
    answer.outbox.append("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    answer.isEnded = true
    session.respond(with: answer, on: stream, at: now)
  }
  let outbox = Outbox()
  _ = session.pump(into: outbox, upTo: 1 << 20, at: now)
  law(session.pendingBytes >= 0, "fewer than no bytes wait")
  law(HTTP2Frames.read(outbox.bytes.bytes).length == outbox.pending, "a frame in two")
  return log
}
