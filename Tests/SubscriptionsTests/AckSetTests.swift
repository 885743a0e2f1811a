import Bytes
import Testing
import Topics

@testable import Subscriptions

@Suite struct AckSetTests {
  @Test func theMarkPassesEntriesThatWereAcknowledgedEarly() {
    var set = AckSet(mark: 0)
    #expect(set.insert(1) == true)
    #expect(set.insert(2) == true)
    #expect(set.insert(2) == false)
    #expect(set.mark == 0)
    #expect(set.countBeyondMark == 2)
    #expect(set.insert(0) == true)
    #expect(set.mark == 3)
    #expect(set.countBeyondMark == 0)
    #expect(set.chunkCount == 0)
    #expect(set.insert(1) == false)
  }

  @Test func acknowledgingInOrderWritesNoChunk() throws {
    var set = AckSet(mark: 0)
    for entry in 0..<10_000 as Range<UInt64> { _ = set.insert(entry) }
    let taken = set.takeChange(ledger: 1, epoch: 0)
    let change = try #require(taken)
    #expect(change.markDelete == Cursor(ledger: 1, next: 10_000))
    #expect(change.chunks.isEmpty)
    #expect(set.takeChange(ledger: 1, epoch: 0) == nil)
  }

  @Test func manyAcknowledgedBehindOneUnacknowledgedCostFullChunks() throws {
    var set = AckSet(mark: 0)
    for entry in 1..<(4096 * 50) as Range<UInt64> { _ = set.insert(entry) }
    #expect(set.mark == 0)
    #expect(set.firstUnacknowledged(from: 1) == 4096 * 50)
    let taken = set.takeChange(ledger: 1, epoch: 0)
    let change = try #require(taken)
    #expect(change.chunks.count == 50)
    #expect(change.chunks.values.compactMap(\.self).reduce(0) { $0 + $1.count } <= 50 * 2 + 10)
    _ = set.insert(0)
    let takenLast = set.takeChange(ledger: 1, epoch: 0)
    let last = try #require(takenLast)
    #expect(last.markDelete.next == 4096 * 50)
    #expect(last.chunks.count == 50 && last.chunks.values.allSatisfy { $0 == nil })
  }

  @Test func onlyDirtyChunksAreWritten() throws {
    var set = AckSet(mark: 0)
    _ = set.insert(5)
    _ = set.insert(9000)
    let first = set.takeChange(ledger: 1, epoch: 0)
    #expect(Set(try #require(first).chunks.keys) == [0, 2])
    _ = set.insert(9001)
    let second = set.takeChange(ledger: 1, epoch: 0)
    #expect(Set(try #require(second).chunks.keys) == [2])
  }

  @Test func randomHistoriesMatchAModelAndSurviveStorage() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    for _ in 0..<10 {
      var set = AckSet(mark: 0)
      var stored = SubscriptionState(markDelete: Cursor(ledger: 7, next: 0))
      var model: Set<UInt64> = []
      let width = [20, 9_000, 30_000][random.below(3)]
      for _ in 0..<200 {
        switch random.below(10) {
        case 0:
          let target = UInt64(random.below(width))
          let fresh = UInt64((0..<target).count { !model.contains($0) })
          #expect(set.advance(to: target) == fresh, "seed \(seed)")
          model.formUnion(0..<target)
        case 1:
          let start = UInt64(random.below(width))
          for entry in start..<(start + UInt64(random.below(5_000))) {
            #expect(set.insert(entry) == model.insert(entry).inserted)
          }
        default:
          let entry = UInt64(random.below(width))
          #expect(set.insert(entry) == model.insert(entry).inserted, "seed \(seed)")
        }
        let mark = (0...).first { !model.contains($0) } ?? 0
        #expect(set.mark == mark, "seed \(seed)")
        #expect(set.countBeyondMark == UInt64(model.count) - mark, "seed \(seed)")
        if random.below(3) == 0, let change = set.takeChange(ledger: 7, epoch: 3) {
          stored.apply(change)
          let loaded = try AckSet(stored)
          #expect(loaded.mark == mark, "seed \(seed)")
          #expect(loaded.countBeyondMark == set.countBeyondMark, "seed \(seed)")
          for _ in 0..<20 {
            let probe = UInt64(random.below(width + 5_000))
            #expect(loaded.contains(probe) == model.contains(probe), "seed \(seed)")
          }
        }
      }
    }
  }

  @Test func aChunkThatCannotBeReadNamesItself() {
    let state = SubscriptionState(
      markDelete: Cursor(ledger: 1, next: 0), chunks: [3: ByteSlice([1, 9])])
    #expect(throws: AckSetFault(chunk: 3, .unknownForm(9))) { try AckSet(state) }
  }
}
