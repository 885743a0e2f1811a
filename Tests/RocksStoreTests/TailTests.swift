import Testing

@testable import Bytes
@testable import RocksStore

@Suite struct TailTests {
  private func entry(_ last: UInt64, _ records: ByteSlice) -> Tail.Entry {
    Tail.Entry(
      last: last,
      chunk: Chunk(
        count: 1, baseTime: UnixTime(nanoseconds: 0), bytesBefore: last, records: records),
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
}
