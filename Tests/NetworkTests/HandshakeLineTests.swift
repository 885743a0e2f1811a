import Testing

@testable import Network

/// Handshakes are given up in the order in which they began, whichever have ended meanwhile.
@Suite struct HandshakeLineTests {
  private final class Member {}

  @Test("whichever have ended, the oldest is the next", arguments: [false, true])
  func order(isBackward: Bool) {
    for gone in 0..<(1 << 6) {
      var line = HandshakeLine<Member>()
      let members = (0..<6).map { _ in Member() }
      let numbers = members.map { line.append($0) }
      let ended = (0..<6).filter { gone & (1 << $0) != 0 }
      let sequence: [Int] = isBackward ? ended.reversed() : ended
      // To end twice changes nothing.
      for place in sequence + ended { line.remove(numbers[place]) }
      #expect(line.count == 6 - ended.count)
      let newcomer = Member()
      _ = line.append(newcomer)
      var left: [Member] = []
      while let member = line.removeFirst() { left.append(member) }
      let expected = (0..<6).filter { !ended.contains($0) }.map { members[$0] } + [newcomer]
      #expect(left.elementsEqual(expected, by: { $0 === $1 }), "\(gone)")
      #expect(line.count == 0)
    }
  }
}
