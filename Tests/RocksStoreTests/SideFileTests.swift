import Bytes
import Foundation
import Testing

@testable import RocksStore

@Suite struct SideFileTests {
  let store = ByteSlice(Array(repeating: 9, count: 16))

  @Test func `the younger of two slots counts`() throws {
    let scratch = Scratch()
    try Files.makeDirectory(scratch.path)
    let path = scratch.path + "/acknowledged"
    #expect(SideFile.read(path: path, store: store) == nil)
    var file = try SideFile(path: path, store: store)
    for commit in 1...7 as ClosedRange<UInt64> {
      try file.write(commit: commit, clock: Int64(commit) * 10)
      #expect(
        SideFile.read(path: path, store: store)
          == SideFile.Slot(commit: commit, clock: Int64(commit) * 10, store: store))
    }
    #expect(SideFile.read(path: path, store: ByteSlice(Array(repeating: 8, count: 16))) == nil)
    _ = try SideFile.restart(
      StorePaths(scratch.path), store, commit: 3, clock: UnixTime(seconds: 0))
    #expect(SideFile.read(path: path, store: store)?.commit == 3)
  }

  @Test func `a slot torn at any byte leaves the older one`() throws {
    let scratch = Scratch()
    try Files.makeDirectory(scratch.path)
    let path = scratch.path + "/acknowledged"
    var file = try SideFile(path: path, store: store)
    try file.write(commit: 8, clock: 1)
    try file.write(commit: 9, clock: 2)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for torn in 64..<128 {
      var bytes = whole
      bytes[torn] ^= 0x55
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(SideFile.read(path: path, store: store)?.commit == 8, "byte \(torn)")
      try whole.prefix(torn).write(to: URL(fileURLWithPath: path))
      #expect(SideFile.read(path: path, store: store)?.commit == 8, "cut at \(torn)")
    }
    try whole.prefix(63).write(to: URL(fileURLWithPath: path))
    #expect(SideFile.read(path: path, store: store) == nil)
  }
}
