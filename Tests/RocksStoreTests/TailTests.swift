import Testing

@testable import Bytes
@testable import RocksStore

@Suite struct TailTests {
  private func entry(
    _ last: UInt64, _ records: ByteSlice, at time: Int64 = 0
  ) -> Tail.Entry {
    Tail.Entry(
      last: last,
      chunk: Chunk(
        count: 1, baseTime: UnixTime(nanoseconds: time), bytesBefore: last, records: records),
      durableAt: MonotonicTime(nanoseconds: 0))
  }

  @Test func `a chunk that has left the tail holds no memory, whatever is left beside it`() {
    var tail = Tail(end: 0, bytes: 0, segments: [])
    weak var oldest: ByteStorage?
    do {
      let records = ByteSlice(utf8: "oldest")
      oldest = records.storage
      tail.push(entry(0, records), bytes: 6)
    }
    for last in 1..<UInt64(10) { tail.push(entry(last, ByteSlice(utf8: "later")), bytes: 6) }
    #expect(oldest != nil)
    tail.dropFirst()
    #expect(oldest == nil)
    #expect(tail.firstInMemory == 1)
    #expect(tail.chunks(from: 1, limit: 20).map(\.last) == Array(1..<10))
  }

  @Test func `an instant is found at the first chunk of its time or later`() {
    let times: [Int64] = [3, 3, 5, 5, 5, 8, 9, 9, 12]
    for dropped in 0..<times.count {
      var tail = Tail(end: 0, bytes: 0, segments: [])
      for (index, time) in times.enumerated() {
        tail.push(entry(UInt64(index), ByteSlice(utf8: "x"), at: time), bytes: 1)
      }
      for _ in 0..<dropped { tail.dropFirst() }
      for time in Int64(0)..<14 {
        let found = tail.locate(UnixTime(nanoseconds: time))
        if times[dropped] >= time {
          // What left the tail may be of that time, too.
          #expect(found == nil)
        } else {
          #expect(found == UInt64(times.firstIndex { $0 >= time } ?? times.count))
        }
      }
    }
  }
}
