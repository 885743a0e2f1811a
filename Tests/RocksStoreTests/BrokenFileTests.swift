import Bytes
import Foundation
import TestSupport
import Testing

@testable import RocksStore

/// Files that changed, shrank or went after they were written: a refusal that says damage, or an
/// error that names the events, never silence.
@Suite struct BrokenFileTests {
  private func expectHonest(
    _ fate: BrokenFiles.Fate, _ what: String, _ place: SourceLocation = #_sourceLocation
  ) {
    switch fate {
    case .whole, .damaged: break
    case .refused(.acknowledgedDataMissing), .refused(.acknowledgementsUnreadable),
      .refused(.tablesMissing), .refused(.corruptFile), .refused(.corruptRecord):
      break
    case .refused(let fault):
      Issue.record("\(what): refused as \(fault)", sourceLocation: place)
    case .ends(let end):
      Issue.record("\(what): ends at \(end) without a word", sourceLocation: place)
    }
  }

  @Test func `a flipped bit anywhere is refused, told with its range, or harmless`() async throws {
    let store = try await BrokenFiles(events: 200, inTables: true)
    var dice = Dice(seed: 21)
    for file in try store.files() {
      let size = try store.size(of: file)
      if size == 0 || file.contains("/LOG") { continue }
      let places =
        BrokenFiles.isLong
        ? Array(stride(from: 0, to: size, by: max(size / 300, 1)))
        : (0..<12).map { _ in dice.below(size) }
      for place in places {
        let copy = try store.copy()
        let bit = UInt8(1 << dice.below(8))
        try BrokenFiles.change(copy.path + "/" + file) { $0[place] ^= bit }
        expectHonest(try store.fate(of: copy), "bit \(bit) of byte \(place) of \(file)")
      }
    }
  }

  @Test func `a file that is short or missing is noticed`() async throws {
    let store = try await BrokenFiles(events: 200, inTables: true)
    var dice = Dice(seed: 22)
    for file in try store.files() where !file.contains("/LOG") {
      let gone = try store.copy()
      try FileManager.default.removeItem(atPath: gone.path + "/" + file)
      expectHonest(try store.fate(of: gone), "\(file) missing")
      for _ in 0..<(BrokenFiles.isLong ? 200 : 4) {
        let short = try store.copy()
        var left = 0
        try BrokenFiles.change(short.path + "/" + file) {
          if $0.isEmpty { return }
          left = dice.below($0.count)
          $0.removeLast($0.count - left)
        }
        expectHonest(try store.fate(of: short), "\(file) cut at \(left)")
      }
    }
  }

  @Test func `a refused open can be undone: every file is kept under a second name`() async throws {
    let store = try await BrokenFiles(events: 50, inTables: true)
    let copy = try store.copy()
    let paths = StorePaths(copy.path)
    let before = Files.names(in: paths.engine).filter { $0.hasSuffix(".sst") }
    #expect(!before.isEmpty)
    // A manifest without its end: RocksDB takes the tables it does not know of for leftovers.
    let manifest = try #require(
      Files.names(in: paths.engine).last { $0.hasPrefix("MANIFEST-") })
    let whole = try Data(contentsOf: URL(filePath: paths.engine + "/" + manifest))
    try BrokenFiles.change(paths.engine + "/" + manifest) { $0.removeLast($0.count / 2) }
    guard case .refused = try store.fate(of: copy) else {
      Issue.record("opened with half a manifest")
      return
    }
    #expect(Set(Files.names(in: paths.unproven)).isSuperset(of: before))
    // With the tables back and the manifest mended everything is there again.
    for name in Files.names(in: paths.unproven) {
      Files.remove(paths.engine + "/" + name)
      #expect(Files.link(paths.unproven + "/" + name, to: paths.engine + "/" + name))
    }
    try whole.write(to: URL(filePath: paths.engine + "/" + manifest))
    #expect(try store.fate(of: copy) == .whole)
  }

  /// An append to the manifest that no sync has followed: any part of it may have come to the disk.
  @Test func `a torn append at the manifest's end costs nothing`() async throws {
    let store = try await BrokenFiles(events: 50, inTables: true)
    let before = try store.copy()
    let engine = StorePaths(before.path).engine
    let name = try #require(Files.names(in: engine).last { $0.hasPrefix("MANIFEST-") })
    let whole = [UInt8](try Data(contentsOf: URL(filePath: engine + "/" + name)))
    #expect(ManifestEnd.soundLength(of: ByteSlice(whole)) == nil)
    // As long as what a new column family appends; were it whole, it would be taken.
    let record = Array(whole[..<(7 + Int(whole[4]) + Int(whole[5]) << 8)])
    #expect(record.count > 20)
    let step = BrokenFiles.isLong ? 1 : record.count / 6
    for cut in stride(from: 1, to: record.count, by: step) {
      let lost = [UInt8](repeating: 0, count: cut)
      let torn = [
        Array(record[..<cut]), lost + record[cut...],
        record[..<cut] + [UInt8](repeating: 0xA5, count: record.count - cut),
      ]
      for (kind, tail) in torn.enumerated() {
        let copy = try store.copy()
        let manifest = StorePaths(copy.path).engine + "/" + name
        try BrokenFiles.change(manifest) { $0.append(contentsOf: tail) }
        #expect(try store.fate(of: copy) == .whole, "torn at \(cut), kind \(kind)")
        #expect(Files.names(in: copy.path + "/unproven").isEmpty)
        #expect(!Files.exists(StorePaths(copy.path).nextManifest))
      }
    }
  }

  @Test func `only a manifest's end is taken for torn`() async throws {
    let store = try await BrokenFiles(events: 50, inTables: true)
    let copy = try store.copy()
    let engine = StorePaths(copy.path).engine
    let name = try #require(Files.names(in: engine).last { $0.hasPrefix("MANIFEST-") })
    let whole = [UInt8](try Data(contentsOf: URL(filePath: engine + "/" + name)))
    let first = 7 + Int(whole[4]) + Int(whole[5]) << 8
    // A record in the middle: what follows was synced after it.
    var middle = whole
    middle[first + 8] ^= 1
    #expect(ManifestEnd.soundLength(of: ByteSlice(middle)) == nil)
    // Nothing before it.
    #expect(ManifestEnd.soundLength(of: ByteSlice(Array(middle[first...]))) == nil)
    #expect(ManifestEnd.soundLength(of: .empty) == nil)
    // Too long for one append.
    let long = [UInt8](repeating: 0xA5, count: ManifestEnd.tailBytes + 1)
    #expect(ManifestEnd.soundLength(of: ByteSlice(whole + long)) == nil)
    #expect(ManifestEnd.soundLength(of: ByteSlice(whole + long.dropLast())) == whole.count)
    // A refusal leaves what it found.
    try Data(middle).write(to: URL(filePath: engine + "/" + name))
    guard case .refused(.corruptFile) = try store.fate(of: copy) else {
      Issue.record("opened with a damaged manifest")
      return
    }
    #expect([UInt8](try Data(contentsOf: URL(filePath: engine + "/" + name))) == middle)
  }

  /// RocksDB would begin anew in such a directory and delete the tables.
  @Test func `without CURRENT nothing is opened and nothing is deleted`() async throws {
    let store = try await BrokenFiles(events: 10, inTables: true)
    let copy = try store.copy()
    let paths = StorePaths(copy.path)
    let current = try Data(contentsOf: URL(filePath: paths.engine + "/CURRENT"))
    Files.remove(paths.engine + "/CURRENT")
    let before = Files.names(in: paths.engine)
    #expect(
      try store.fate(of: copy) == .refused(.corruptFile("\(paths.engine)/CURRENT is missing")))
    #expect(Files.names(in: paths.engine) == before)
    try current.write(to: URL(filePath: paths.engine + "/CURRENT"))
    #expect(try store.fate(of: copy) == .whole)
  }

  @Test func `a damaged block names exactly the events in it`() async throws {
    let store = try await BrokenFiles(events: 400, inTables: true)
    let copy = try store.copy()
    let engine = StorePaths(copy.path).engine
    // The table of the events is by far the largest; its first block begins it.
    let tables = try Files.names(in: engine).filter { $0.hasSuffix(".sst") }.map {
      (path: engine + "/" + $0, size: try BrokenFiles.size(of: engine + "/" + $0))
    }
    let events = try #require(tables.max { $0.size < $1.size }).path
    try BrokenFiles.change(events) { $0[$0.count / 3] ^= 1 }
    guard case .damaged(let ranges) = try store.fate(of: copy) else {
      Issue.record("\(try store.fate(of: copy))")
      return
    }
    #expect(ranges.count == 1)
    #expect(ranges.allSatisfy { $0.count > 1 && $0.count < 200 }, "\(ranges)")
  }
}
