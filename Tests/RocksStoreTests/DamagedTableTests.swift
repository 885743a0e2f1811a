import Bytes
import Foundation
import LogConformance
import Tenancy
import TestSupport
import Testing
import Topics

@testable import RocksStore

/// One block of one table that cannot be read, in stores of several tables and topics: the store
/// opens, exactly the events of the block are told to be unreadable, no entry is given out twice.
@Suite struct DamagedTableTests {
  /// The ranges that hold exactly these entries.
  private func ranges(_ entries: [UInt64]) -> [ClosedRange<UInt64>] {
    entries.reduce(into: []) { ranges, entry in
      if let last = ranges.last, last.upperBound + 1 == entry {
        ranges[ranges.count - 1] = last.lowerBound...entry
      } else {
        ranges.append(entry...entry)
      }
    }
  }

  /// Opens a damaged copy and holds every topic to what lies in the block.
  ///
  /// - Returns: how many topics' ends lie beyond their last event.
  @discardableResult
  private func check(_ copy: LayeredStore.Copy, of store: LayeredStore) async throws -> Int {
    let told = DamageLog()
    let log = try RocksTopicLog(opening: told.configuration(copy.scratch))
    defer { log.close() }
    let ends = told.all.filter { $0.kind == .end }
    var beyond = 0
    for (topic, count) in store.counts {
      let reading = try LayeredStore.read(log, topic)
      let lost = copy.lost(of: topic)
      if reading.end == UInt64(count) {
        #expect(reading.damaged == ranges(lost), "\(topic)")
      } else {
        // Moved behind everything that may have been given out: only with several such topics.
        beyond += 1
        #expect(reading.end > UInt64(count) && ends.count > 1, "\(topic)")
        #expect(reading.end <= UInt64(count + copy.lost.count), "\(topic)")
        #expect(reading.damaged.last?.upperBound == reading.end - 1, "\(topic)")
        #expect(reading.damaged.dropLast() == ranges(lost).dropLast(), "\(topic)")
        #expect(lost.allSatisfy { entry in reading.damaged.contains { $0.contains(entry) } })
      }
      let known = log.damages.filter { $0.topic.text == topic }
      #expect(known.map { $0.first...$0.last } == reading.damaged, "\(topic)")
      let receipt = try await TestLoop(log).append(event(address(topic), "next"))
      #expect(receipt.id.entry == reading.end, "\(topic)")
    }
    #expect(Set(told.all.map(\.topic.text)) == Set(log.damages.map(\.topic.text)))
    return beyond
  }

  @Test func `a block of any table hides its own events and no others`() async throws {
    let store = try await LayeredStore([
      [("orders", 150), ("bills", 90)], [("orders", 120), ("bills", 10), ("parcels", 100)],
      [("bills", 160), ("orders", 80)],
    ])
    for table in store.tables {
      let step = BrokenFiles.isLong ? 512 : 8 << 10
      let end = try #require(table.places.values.max())
      for offset in stride(from: 300, to: end, by: step) {
        let copy = try store.copy(damaging: table, at: offset)
        #expect(!copy.lost.isEmpty)
        try await check(copy, of: store)
      }
    }
  }

  /// What the newest table loses of one topic is its end, and the watermark says how much that is.
  @Test func `the end of a topic that lies in the block is known all the same`() async throws {
    let store = try await LayeredStore([
      [("orders", 120), ("bills", 100)], [("orders", 150), ("bills", 60)],
    ])
    let copy = try store.copy(damaging: "orders", 269)
    let lost = copy.lost(of: "orders")
    #expect(lost.last == 269 && lost.count > 3 && copy.lost(of: "bills").count > 3)
    let told = DamageLog()
    let log = try RocksTopicLog(opening: told.configuration(copy.scratch))
    #expect(try LayeredStore.read(log, "orders").end == 270)
    #expect(told.all.filter { $0.kind == .end }.map { $0.first...$0.last } == ranges(lost))
    #expect(try await TestLoop(log).append(event(address("orders"), "more")).id.entry == 270)
    log.close()
    // The end stays where it is, whatever the next opening can read.
    let again = try RocksTopicLog(opening: configuration(copy.scratch))
    let reading = try LayeredStore.read(again, "orders", appended: [270: "more"])
    #expect(reading.end == 271 && reading.damaged == ranges(lost))
    again.close()
  }

  @Test func `with the table mended everything is there again`() async throws {
    let store = try await LayeredStore([[("orders", 120)], [("orders", 60), ("bills", 90)]])
    let table = store.tables[1]
    let place = try #require(table.places[LayeredStore.Place(topic: "orders", entry: 179)])
    let copy = try store.copy(damaging: table, at: place)
    try await check(copy, of: store)
    try store.damage(table, at: place, in: copy.scratch)
    let log = try RocksTopicLog(opening: configuration(copy.scratch))
    let reading = try LayeredStore.read(log, "orders", appended: [180: "next"])
    #expect(reading.damaged.isEmpty && reading.readable.count == 181)
    #expect(log.damages.isEmpty)
    log.close()
  }

  /// Many small topics end in one block: none of them can reuse an entry, the others are untouched.
  @Test func `a block with the ends of many topics moves these and no others`() async throws {
    let names = (0..<120).map { "t\($0)" }
    let store = try await LayeredStore([
      names.map { ($0, 2) },
      names.enumerated().filter { $0.offset % 6 == 0 }.map { ($0.element, 9) },
    ])
    let copy = try store.copy(damaging: "t60", 5)
    let beyond = try await check(copy, of: store)
    let inBlock = Set(copy.lost.map(\.topic))
    #expect(inBlock.count > 3 && beyond <= inBlock.count)
    // The next opening finds the ends where they were moved to.
    let told = DamageLog()
    let log = try RocksTopicLog(opening: told.configuration(copy.scratch))
    #expect(told.all.isEmpty)
    for topic in names {
      let end = try log.bounds(of: address(topic, .subscribe)).end
      let count = UInt64(try #require(store.counts[topic]))
      if inBlock.contains(topic) {
        #expect(end > count)
      } else {
        #expect(end == count + 1, "\(topic)")
      }
    }
    log.close()
  }

  /// The block lies where the ends of topics are looked for that have nothing in it, or whose later
  /// events lie in a newer table.
  @Test func `topics that go on in a newer table keep their ends`() async throws {
    let names = (0..<60).map { "t\($0)" }
    let store = try await LayeredStore([
      names.map { ($0, 6) }, names.map { ($0, 1) },
    ])
    for entry in [0, 5] {
      let copy = try store.copy(damaging: "t30", entry)
      #expect(Set(copy.lost.map(\.topic)).count > 3)
      #expect(try await check(copy, of: store) == 0)
    }
  }

  @Test func `two damaged blocks side by side are one range, apart they are two`() async throws {
    let store = try await LayeredStore([[("orders", 40)], [("orders", 500), ("bills", 50)]])
    let table = store.tables[1]
    let first = try store.copy(damaging: "orders", 100)
    for (next, isBeside) in [(first.block.upperBound + 200, true), (60 << 10, false)] {
      let copy = try store.copy(damaging: table, at: first.block.lowerBound + 50)
      let other = try store.copy(damaging: table, at: next)
      try store.damage(table, at: next, in: copy.scratch)
      let log = try RocksTopicLog(opening: configuration(copy.scratch))
      let expected = ranges((copy.lost(of: "orders") + other.lost(of: "orders")).sorted())
      #expect(expected.count == (isBeside ? 1 : 2))
      // One range may be told in two parts: each ends with its block.
      let reading = try LayeredStore.read(log, "orders")
      #expect(ranges(reading.damaged.flatMap { Array($0) }) == expected)
      #expect(try LayeredStore.read(log, "bills").damaged == [])
      log.close()
    }
  }

  @Test func `a time within the damage leads to the damage, others past it`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    let start = clock.wall
    let log = try RocksTopicLog(opening: configuration(scratch, clock))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    for index in 0..<300 {
      clock.step(.seconds(1))
      _ = try await TestLoop(log).append(event(topic, LayeredStore.payload("orders", index)))
    }
    log.close()
    try RocksTopicLog(opening: configuration(scratch)).close()
    let engine = StorePaths(scratch.path).engine
    let table = try #require(
      try Files.names(in: engine).filter { $0.hasSuffix(".sst") }.map { engine + "/" + $0 }
        .max { try BrokenFiles.size(of: $0) < BrokenFiles.size(of: $1) })
    try BrokenFiles.change(table) { $0[30 << 10] ^= 1 }
    let reopened = try RocksTopicLog(opening: configuration(scratch))
    let range = try #require(try LayeredStore.read(reopened, "orders").damaged.first)
    #expect(range.lowerBound > 1 && range.upperBound < 298)
    for entry in UInt64(0)..<300 {
      let instant = start + .seconds(Int64(entry) + 1)
      let found = try reopened.locate(instant, in: address("orders", .subscribe)).next
      // What was published with the first one behind the damage may lie in it.
      let isWithin = range.contains(entry) || entry == range.upperBound + 1
      #expect(found == (isWithin ? range.lowerBound : entry))
    }
    reopened.close()
  }

  @Test func `a topic can be trimmed up to and beyond damage`() async throws {
    let store = try await LayeredStore([[("orders", 100)], [("orders", 300)]])
    let copy = try store.copy(damaging: "orders", 200)
    let lost = copy.lost(of: "orders")
    let log = try RocksTopicLog(opening: configuration(copy.scratch))
    let owner = try address("orders", .manage)
    try await log.trim(owner, before: lost[2])
    #expect(try log.bounds(of: owner).first == lost[2])
    let behind = try #require(lost.last) + 1
    try await log.trim(owner, before: behind)
    let page = try log.readStored(
      address("orders", .subscribe), from: Cursor(ledger: 1, next: behind), budget: .answer)
    #expect(page.records.first?.id.entry == behind)
    log.close()
  }

  @Test func `inspection goes on past damage and names topics and ranges`() async throws {
    let store = try await LayeredStore([
      [("orders", 120), ("bills", 30)], [("orders", 30), ("bills", 100), ("parcels", 120)],
    ])
    for (topic, entry) in [("orders", 20), ("bills", 129), ("orders", 149)] {
      let copy = try store.copy(damaging: topic, entry)
      let inspection = try Inspection(of: copy.scratch.path)
      #expect(try inspection.store().isWhole == true)
      for report in try inspection.topics() {
        var missing: [UInt64] = []
        var chunks = 0
        try inspection.chunks(of: report) { chunk in
          if chunk.fault != nil { missing += chunk.first...chunk.last } else { chunks += 1 }
          return true
        }
        let count = try #require(store.counts[report.topic.text])
        let lost = copy.lost(of: report.topic.text)
        #expect(report.unread == 0 ? missing == lost : Set(missing).isSuperset(of: lost))
        #expect(chunks == count - lost.count)
      }
    }
  }

  /// Old watermarks do not say how many events there are: then nothing bounds the topic's end.
  @Test func `without a count of events an end in doubt refuses the store`() async throws {
    let store = try await LayeredStore([[("orders", 90), ("bills", 90)]])
    let copy = try store.copy(damaging: "orders", 89)
    let database = try Database(
      path: StorePaths(copy.scratch.path).engine, options: EngineOptions(cacheBytes: 1 << 20),
      readOnly: false)
    var old = try #require(try database.get(WatermarkKey())).bytes
    old[0] = 1
    old.removeLast(16)
    var batch = WriteBatch()
    batch.put(database.state, key: WatermarkKey().bytes.span, value: old.span)
    try database.write(batch)
    database.close()
    #expect(throws: StoreFault.self) { try RocksTopicLog(opening: configuration(copy.scratch)) }
  }
}
