import Bytes
import Foundation
import TestSupport
import Testing

@testable import RocksStore

/// A log whose end was not finished, and one that changed after it was synced.
@Suite struct TornLogTests {
  enum Tear: CaseIterable {
    case cut, zeroes, garbage
  }

  /// A power cut may leave anything behind what was synced.
  @Test(arguments: Tear.allCases)
  func `an unfinished end loses what nobody was told of, and nothing else`(_ tear: Tear)
    async throws
  {
    let store = try await BrokenFiles(events: 40, inTables: false)
    // The first half is known to have been acknowledged.
    let known = 20
    let from = store.sizes[known - 1]
    let whole = try #require(store.sizes.last)
    var dice = Dice(seed: 11)
    let places =
      BrokenFiles.isLong
      ? Array(stride(from: from, through: whole, by: tear == .cut ? 1 : 7))
      : store.sizes[(known - 1)...].flatMap { [$0 - 1, $0, $0 + 1] }.filter { $0 >= from }
        + (0..<20).map { _ in from + dice.below(whole - from) }
    for place in places where place <= whole {
      let copy = try store.copy()
      let paths = StorePaths(copy.path)
      let side = try #require(SideFile.read(path: paths.sideFile, store: nil))
      _ = try SideFile.restart(
        paths, side.store, commit: store.commits[known - 1], clock: UnixTime(seconds: 0))
      var left = 0
      try BrokenFiles.change(try #require(BrokenFiles.log(of: copy))) { bytes in
        let original = bytes
        let rest = bytes.count - place
        bytes.removeLast(rest)
        switch tear {
        case .cut: break
        case .zeroes: bytes.append(Data(repeating: 0, count: rest))
        case .garbage: bytes.append(Data((0..<rest).map { _ in UInt8(dice.below(256)) }))
        }
        // A record may end with the very bytes that took its end's place.
        let same = zip(bytes, original).prefix { $0 == $1 }.count
        left = store.sizes.count { $0 <= same }
      }
      let fate = try store.fate(of: copy)
      #expect(fate == (left == store.events ? .whole : .ends(at: left)), "\(tear) at \(place)")
    }
  }

  /// What is missing from a log had been acknowledged: no start without the operator's word.
  @Test func `an acknowledged end that is missing refuses the start`() async throws {
    let store = try await BrokenFiles(events: 30, inTables: false)
    for size in store.sizes.dropLast() {
      for place in [size, size - 1] {
        let copy = try store.copy()
        try BrokenFiles.change(try #require(BrokenFiles.log(of: copy))) {
          $0.removeLast($0.count - place)
        }
        guard case .refused(.acknowledgedDataMissing) = try store.fate(of: copy) else {
          Issue.record("opened with its log cut at \(place)")
          continue
        }
      }
    }
  }

  @Test func `a flipped bit in the synced log refuses the start or changes nothing`() async throws {
    let store = try await BrokenFiles(events: 40, inTables: false)
    let whole = try #require(store.sizes.last)
    var dice = Dice(seed: 12)
    let places =
      BrokenFiles.isLong
      ? Array(stride(from: 0, to: whole, by: 16)) : (0..<60).map { _ in dice.below(whole) }
    for place in places {
      let copy = try store.copy()
      let bit = UInt8(1 << dice.below(8))
      try BrokenFiles.change(try #require(BrokenFiles.log(of: copy))) { $0[place] ^= bit }
      switch try store.fate(of: copy) {
      case .whole, .refused(.acknowledgedDataMissing): break
      case let fate: Issue.record("bit \(bit) of byte \(place): \(fate)")
      }
    }
  }
}
