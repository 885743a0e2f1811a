import Authentication
import Bytes
import Foundation
import Glibc
import Testing

@testable import jodrell

@Suite("Files and folders")
struct FileTests {
  let place: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-files-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    place = folder.path()
  }

  private func file(_ name: String, _ text: String) throws {
    let path = "\(place)/\(name)"
    try FileAccess.makeDirectory(FileAccess.parent(of: path))
    try FileAccess.write(ByteSlice(utf8: text), to: path, mode: 0o644)
  }

  @Test("a file is written whole, with its permissions, and read back")
  func write() throws {
    defer { FileAccess.removeTree(place) }
    try FileAccess.write(ByteSlice(utf8: "one"), to: "\(place)/a", mode: 0o600)
    try FileAccess.write(ByteSlice(utf8: "two"), to: "\(place)/a", mode: 0o600)
    #expect(try FileAccess.read("\(place)/a").text == "two")
    let facts = try FileManager.default.attributesOfItem(atPath: "\(place)/a")
    #expect(facts[.posixPermissions] as? Int == 0o600)
    #expect(try FileAccess.names(in: place) == ["a"])
    #expect(throws: FileFault.self) { try FileAccess.read("\(place)/a", limit: 2) }
    let absent = #expect(throws: FileFault.self) { try FileAccess.read("\(place)/b") }
    #expect(absent?.isAbsent == true)
  }

  @Test("removing a tree follows no link out of it")
  func remove() throws {
    try file("kept/file", "x")
    try file("gone/deep/file", "x")
    try FileManager.default.createSymbolicLink(
      atPath: "\(place)/gone/link", withDestinationPath: "\(place)/kept")
    FileAccess.removeTree("\(place)/gone")
    #expect(!FileAccess.isDirectory("\(place)/gone"))
    #expect(try FileAccess.read("\(place)/kept/file").text == "x")
    FileAccess.removeTree(place)
    #expect(!FileAccess.isDirectory(place))
  }

  @Test("a schema folder is read three levels deep; other files are not looked at")
  func schemas() throws {
    defer { FileAccess.removeTree(place) }
    try file("acme/default/orders.schema.json", "{}")
    try file("acme/default/orders.json", "{}")
    try file("acme/stray.schema.json", "{}")
    try file("public/x/a.b.schema.json", "{}")
    try file("examples/one.json", "{}")
    let files = try SchemaFolder(reading: place).files
    #expect(
      files.map { "\($0.tenant)/\($0.namespace)/\($0.topic)" }
        == ["acme/default/orders", "public/x/a.b"])
    try file("acme/default/not a name.schema.json", "{}")
    let fault = #expect(throws: CommandFault.self) { try SchemaFolder(reading: place) }
    #expect(fault?.code == .badSettings)
  }

  @Test("the development key is made once, for its owner alone")
  func keys() throws {
    defer { FileAccess.removeTree(place) }
    #expect(try DevelopmentKeys(loadingFrom: place) == nil)
    let made = try DevelopmentKeys(loadingOrMakingIn: "\(place)/data")
    let again = try DevelopmentKeys(loadingOrMakingIn: "\(place)/data")
    #expect(try made.issuer.keySet == again.issuer.keySet)
    let facts = try FileManager.default.attributesOfItem(
      atPath: "\(place)/data/development-issuer.key")
    #expect(facts[.posixPermissions] as? Int == 0o600)
    try file("data/development-issuer.key", "no key")
    // What others can read is no secret; only then does it matter what it holds.
    for (mode, code) in [(0o644, ExitCode.badSettings), (0o600, .damagedStore)] {
      try FileManager.default.setAttributes(
        [.posixPermissions: mode], ofItemAtPath: "\(place)/data/development-issuer.key")
      let fault = #expect(throws: CommandFault.self) {
        try DevelopmentKeys(loadingFrom: "\(place)/data")
      }
      #expect(fault?.code == code)
    }
  }

  @Test("lines are sent in portions that end where a line ends, however they arrive")
  func portions() throws {
    defer { FileAccess.removeTree(place) }
    let lines = (0..<5_000).map {
      "{\"n\":\($0),\"pad\":\"\(String(repeating: "x", count: $0 % 700))\"}"
    }
    let text = lines.joined(separator: "\n")
    try file("lines", text)
    let descriptor = try FileAccess.openToRead("\(place)/lines")
    defer { close(descriptor) }
    var portions = LinePortions(descriptor: descriptor, name: "lines")
    var whole: [UInt8] = []
    var count = 0
    while case .lines(let portion)? = try portions.next() {
      count += 1
      #expect(portion.count <= LinePortions.bytes + 1_000)
      #expect(portion.array.count { $0 == 0x0A } <= LinePortions.lines)
      whole += portion.array
      #expect(whole.last == 0x0A || whole.count == text.utf8.count)
    }
    #expect(count >= 3)
    #expect(whole == Array(text.utf8))
  }

  @Test("a line that is longer than an event is passed over, wherever it stands")
  func longLines() throws {
    defer { FileAccess.removeTree(place) }
    let most = LinePortions.longestLine
    func line(_ count: Int) -> String { String(repeating: "x", count: count) }
    try file(
      "lines",
      "1\n\(line(3 * most))\n2\n\(line(most))\r\n\(line(most + 1))\n3\n\(line(2 * most))")
    let descriptor = try FileAccess.openToRead("\(place)/lines")
    defer { close(descriptor) }
    var portions = LinePortions(descriptor: descriptor, name: "lines")
    // The lengths of lines that are sent.
    var found: [Int] = []
    while let portion = try portions.next() {
      switch portion {
      case .lines(let lines): found += lines.array.split(separator: 0x0A).map(\.count)
      case .tooLong: found.append(-1)
      }
    }
    #expect(found == [1, -1, 1, most + 1, -1, 1, -1])
  }

  @Test("what is published goes by the names of files")
  func sources() throws {
    defer { FileAccess.removeTree(place) }
    try file("b/2.ndjson", "1\n")
    try file("b/1.json", "1")
    try file("b/.hidden", "x")
    try file("b/c/x.TXT", "x")
    let found = try PublishSource.all([place + "/b", "-"], contentType: nil)
    #expect(
      found.map(\.contentType) == [
        "application/json", "application/x-ndjson", "text/plain; charset=utf-8",
        "application/json",
      ])
    #expect(found.map(\.isLines) == [false, true, false, false])
    #expect(
      try PublishSource.all([place], contentType: "a/b").allSatisfy { $0.contentType == "a/b" })
    #expect(throws: CommandFault.self) { try PublishSource.all(["\(place)/no"], contentType: nil) }
  }

  @Test("what a process that died over a file has left does not keep others from writing it")
  func leftover() throws {
    try file("state.\(getpid()).new", "half")
    try FileAccess.write(ByteSlice(utf8: "whole"), to: place + "/state", mode: 0o600)
    #expect(try FileAccess.read(place + "/state", limit: 100).text == "whole")
    #expect(try FileAccess.names(in: place) == ["state"])
  }
}
