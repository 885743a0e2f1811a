import Testing

@testable import jodrell_bench

@Suite("Portions")
struct PortionsTests {
  private func events(_ portions: Portions, _ turns: Int) -> [Int] {
    (0..<turns).map { portions.events(of: $0) }
  }

  @Test("the last request carries what is left")
  func rest() {
    let portions = Portions(batch: 4, count: 10)
    #expect(portions.requests == 3)
    #expect(events(portions, 3) == [4, 4, 2])
    #expect(Portions(batch: 5, count: 10).requests == 2)
    #expect(events(Portions(batch: 5, count: 10), 2) == [5, 5])
    #expect(events(Portions(batch: 20, count: 10), 1) == [10])
    #expect(events(Portions(batch: 4), 3) == [4, 4, 4])
    #expect(Portions(batch: 4).requests == nil)
    #expect(Portions(batch: 2, count: Int.max).requests == Int.max / 2 + 1)
  }

  @Test("a pass ends with a request of its own")
  func passes() {
    #expect(events(Portions(batch: 4, pass: 10), 6) == [4, 4, 2, 4, 4, 2])
    #expect(events(Portions(batch: 20, pass: 3), 2) == [3, 3])
  }

  @Test(
    "whatever is asked for is what is sent",
    arguments: [1, 2, 4, 7, 10, 30], [nil, 1, 3, 10] as [Int?])
  func sums(batch: Int, pass: Int?) throws {
    for count in 1...25 {
      let portions = Portions(batch: batch, count: count, pass: pass)
      let requests = try #require(portions.requests)
      let sent = events(portions, requests)
      #expect(sent.reduce(0, +) == count)
      #expect(sent.allSatisfy { (1...batch).contains($0) })
    }
  }

  @Test("every number is given once, and none is left out")
  func turns() {
    let control = RunControl(requests: 3)
    #expect((0..<5).map { _ in control.claim() } == [0, 1, 2, nil, nil])
    let endless = RunControl(requests: nil)
    #expect(endless.claim() == 0 && endless.claim() == 1)
    endless.stop()
    #expect(endless.claim() == nil)
  }
}
