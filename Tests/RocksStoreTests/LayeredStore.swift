import Bytes
import Foundation
import Synchronization
import Tenancy
import TestSupport
import Testing
import Topics

@testable import RocksStore

/// A closed store whose events lie in several tables, of which tests make copies with damaged
/// blocks; it knows which events lie in which.
final class LayeredStore {
  /// One life of the store, which becomes one table: how many events each topic gets in it.
  typealias Layer = [(topic: String, events: Int)]

  /// One event: its topic and its entry.
  struct Place: Hashable {
    let topic: String
    let entry: UInt64
  }

  /// A copy with one damaged block.
  struct Copy {
    let scratch: Scratch
    let table: Table
    /// The block's bytes in the table's file.
    let block: Range<Int>
    /// The events that lie in it.
    let lost: Set<Place>

    func lost(of topic: String) -> [UInt64] {
      lost.filter { $0.topic == topic }.map(\.entry).sorted()
    }
  }

  struct Table {
    let file: TableFile
    /// Where each event's payload begins in the file.
    let places: [Place: Int]
    let size: Int
  }

  private let original = Scratch()
  private(set) var counts: [String: Int] = [:]
  private(set) var tables: [Table] = []

  init(_ layers: [Layer]) async throws {
    for layer in layers {
      let log = try RocksTopicLog(opening: configuration(original))
      let loop = TestLoop(log)
      for (topic, events) in layer {
        let at = try address(topic)
        if counts[topic] == nil { _ = try await log.createTopic(at, TopicConfiguration()) }
        for index in counts[topic, default: 0]..<(counts[topic, default: 0] + events) {
          _ = try await loop.append(event(at, Self.payload(topic, index)))
        }
        counts[topic, default: 0] += events
      }
      log.close()
    }
    // The last life's log becomes a table, too.
    try RocksTopicLog(opening: configuration(original)).close()
    for file in try files(of: original) {
      let bytes = try Data(contentsOf: URL(filePath: file.path))
      var places: [Place: Int] = [:]
      for (topic, count) in counts {
        for index in 0..<count {
          let payload = Data(Self.payload(topic, index).utf8)
          if let found = Self.find(payload, in: bytes) {
            places[Place(topic: topic, entry: UInt64(index))] = found
          }
        }
      }
      tables.append(Table(file: file, places: places, size: bytes.count))
    }
    #expect(tables.count == layers.count)
    #expect(tables.reduce(0) { $0 + $1.places.count } == counts.values.reduce(0, +))
  }

  /// Text that does not compress, so that it is found in a table as it is.
  static func payload(_ topic: String, _ index: Int) -> String {
    var dice = Dice(seed: topic.utf8.reduce(UInt64(index) << 32) { $0 &* 31 &+ UInt64($1) })
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    return "\(topic)/\(index)/" + String((0..<180).map { _ in alphabet[dice.below(64)] })
  }

  /// Where 24 bytes of the payload lie uncompressed.
  private static func find(_ payload: Data, in bytes: Data) -> Int? {
    for start in stride(from: payload.count - 24, to: 24, by: -24) {
      if let range = bytes.range(of: payload[start..<(start + 24)]) { return range.lowerBound }
    }
    return nil
  }

  private func files(of store: Scratch) throws -> [TableFile] {
    let database = try Database(
      path: StorePaths(store.path).engine, options: EngineOptions(cacheBytes: 1 << 20),
      readOnly: true)
    defer { database.close() }
    let family = try #require(database.family(named: "ev.x.00000001"))
    return try database.tables(of: family).sorted { $0.number < $1.number }
  }

  /// A copy in which the block with the payload of an event is damaged.
  func copy(damaging topic: String, _ entry: Int) throws -> Copy {
    let place = Place(topic: topic, entry: UInt64(entry))
    let table = try #require(tables.first { $0.places[place] != nil })
    return try copy(damaging: table, at: try #require(table.places[place]))
  }

  /// A copy with a flipped bit in a table's data.
  func copy(damaging table: Table, at offset: Int) throws -> Copy {
    let copy = Scratch()
    try FileManager.default.copyItem(atPath: original.path, toPath: copy.path)
    try damage(table, at: offset, in: copy)
    let block = try block(of: table, at: offset, in: copy)
    return Copy(
      scratch: copy, table: table, block: block,
      lost: Set(table.places.filter { block.contains($0.value) }.keys))
  }

  /// Flips a bit, or flips it back.
  func damage(_ table: Table, at offset: Int, in store: Scratch) throws {
    try BrokenFiles.change(path(of: table, in: store)) { $0[offset] ^= 0x10 }
  }

  private func path(of table: Table, in store: Scratch) -> String {
    table.file.path.replacing(original.path, with: store.path)
  }

  /// Where RocksDB says that the damaged block lies: "… offset 16316 size 16311".
  private func block(of table: Table, at offset: Int, in store: Scratch) throws -> Range<Int> {
    let reader = try TableReader(path: path(of: table, in: store))
    for place in table.places.keys {
      let number = try number(of: place.topic)
      do throws(StoreFault) {
        _ = try reader.seek(EventKey(topic: number, last: place.entry))
      } catch {
        guard case .corruptFile(let text) = error else { throw error }
        let words = text.split(separator: " ")
        guard let at = words.lastIndex(of: "offset"), let start = Int(words[at + 1]),
          let size = Int(words[at + 3])
        else { continue }
        if (start..<(start + size)).contains(offset) { return start..<(start + size) }
      }
    }
    Issue.record("no block at \(offset) of \(table.file.path)")
    return 0..<0
  }

  /// Topics were made in the order of their first events.
  private func number(of topic: String) throws -> TopicNumber {
    if let known = numbers[topic] { return known }
    let inspection = try Inspection(of: original.path)
    for report in try inspection.topics() {
      numbers[report.topic.text] = TopicNumber(
        tenant: report.tenantNumber, topic: report.topicNumber)
    }
    return try #require(numbers[topic])
  }

  private var numbers: [String: TopicNumber] = [:]

  /// What reading a topic from its beginning to its end came to: the entries that could be read,
  /// each proven, and the ranges that were told as damage.
  struct Reading: Equatable {
    var readable: [UInt64] = []
    var damaged: [ClosedRange<UInt64>] = []
    var end: UInt64 = 0
  }

  static func read(
    _ log: RocksTopicLog, _ topic: String, appended: [UInt64: String] = [:]
  ) throws -> Reading {
    let at = try address(topic, .subscribe)
    var reading = Reading(end: try log.bounds(of: at).end)
    var next: UInt64 = 0
    while next < reading.end {
      do throws(ReadFailure) {
        let page = try log.readStored(at, from: Cursor(ledger: 1, next: next), budget: .answer)
        for record in page.records {
          #expect(record.id.entry == next)
          let payload = appended[next] ?? payload(topic, Int(next))
          #expect(record.payload.text == payload, "\(topic) \(next)")
          reading.readable.append(next)
          next += 1
        }
      } catch .corrupt(_, let first, let last) {
        #expect(first == next && last >= first && last < reading.end, "\(topic)")
        reading.damaged.append(first...last)
        next = last + 1
      } catch {
        Issue.record("\(error)")
        return reading
      }
    }
    return reading
  }
}

/// What a store told of damage.
final class DamageLog: Sendable {
  private let told = Mutex<[StoreDamage]>([])

  var all: [StoreDamage] { told.withLock { $0 } }

  func configuration(_ scratch: Scratch) -> StoreConfiguration {
    var settings = RocksStoreTests.configuration(scratch)
    settings.observer.damaged = { damage in self.told.withLock { $0.append(damage) } }
    return settings
  }
}
