import Bytes
import Testing

@testable import jodrell_bench

@Suite("Frame scanner")
struct FrameScannerTests {
  private static let stream = """
    retry: 500

    : heartbeat

    id: 1:7
    data: {"id":"x_y","data":{"orderId":"ord_00000000000000ff"}}

    id:1:8
    event: order
    data: {"orderId":"ord_nothexadecimal_0"}
    data: and more

    event: jodrell.gap
    data: {"events":3}

    id: 1:9\r
    data: {"orderId":"ord_0000000000000100","note":"_\\"ord_"}\r
    \r
    id: 2:0
    data

    id: 2:2
    data: {"orderId":"ord_12"}


    """

  private struct Found: Equatable {
    var events: UInt64 = 0
    var comments: UInt64 = 0
    var gaps: UInt64 = 0
    var notices: UInt64 = 0
    var stamps: [UInt64] = []
  }

  private func scan(_ pieces: [ByteSlice], _ given: FrameScanner) -> Found {
    var scanner = given
    var found = Found()
    for piece in pieces { scanner.feed(piece) { found.stamps.append($0) } }
    (found.events, found.comments) = (scanner.events, scanner.comments)
    (found.gaps, found.notices) = (scanner.gaps, scanner.notices)
    return found
  }

  private let whole = ByteSlice(utf8: stream)
  // `data` without a colon is data by the standard, but no gateway sends it: not counted.
  private let expected = Found(
    events: 4, comments: 1, gaps: 1, notices: 1, stamps: [0xFF, 0x100])

  @Test("what has an id is an event, whatever its type, but for a gap")
  func named() {
    let text = ByteSlice(
      utf8: "id: 1:0\nevent: jodrell.end\ndata: 0\n\nevent: jodrell.end\ndata: 1\n\n"
        + "event: jodrell.gap\nid: 1:4\ndata: 2\n\nid: 1:5\ndata: 3\n\n")
    for checksIDs in [true, false] {
      let found = scan([text], FrameScanner(checksIDs: checksIDs))
      #expect((found.events, found.notices) == (2, 2))
    }
  }

  @Test("counts events, notices, comments and gaps, and finds stamps")
  func whole_() {
    #expect(scan([whole], FrameScanner(checksIDs: true)) == expected)
  }

  @Test("finds the same wherever the stream is cut")
  func everySplit() {
    for first in 0...whole.count {
      let pieces = [whole.prefix(first), whole.dropFirst(first)]
      #expect(scan(pieces, FrameScanner(checksIDs: true)) == expected, "cut at \(first)")
    }
    let single = (0..<whole.count).map { whole[$0..<($0 + 1)] }
    #expect(scan(single, FrameScanner(checksIDs: true)) == expected)
  }

  @Test("an event that the stream breaks off does not count")
  func brokenOff() {
    let cut = ByteSlice(utf8: "id: 1:1\ndata: a\n\nid: 1:2\ndata: b\n")
    #expect(scan([cut], FrameScanner(checksIDs: true)).events == 1)
  }

  @Test("ids are not looked at unless asked; stamps of one event in so many")
  func sampling() {
    #expect(scan([whole], FrameScanner(checksIDs: false)).gaps == 0)
    var text = ""
    for number in 0..<10 { text += "data: {\"orderId\":\"ord_000000000000000\(number)\"}\n\n" }
    let scanner = FrameScanner(checksIDs: false, sampling: 4, phase: 6)
    #expect(scan([ByteSlice(utf8: text)], scanner).stamps == [2, 6])
    let found = scan([ByteSlice(utf8: text)], FrameScanner(checksIDs: true))
    #expect(found.events == 10 && found.gaps == 0)
  }

  @Test("an id that is no message id, or does not follow, is a gap")
  func gaps() {
    func gaps(_ ids: [String]) -> UInt64 {
      let text = ids.map { "id: \($0)\ndata: x\n\n" }.joined()
      return scan([ByteSlice(utf8: text)], FrameScanner(checksIDs: true)).gaps
    }
    #expect(gaps(["1:1", "1:2", "1:3", "2:0", "5:0"]) == 0)
    #expect(gaps(["1:1", "1:1"]) == 1)
    #expect(gaps(["1:2", "1:1", "1:2"]) == 1)
    #expect(gaps(["1:1", "2:1"]) == 1)
    #expect(gaps(["cursor"]) == 1)
  }
}
