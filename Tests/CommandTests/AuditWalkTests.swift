import Bytes
import Foundation
import Testing

@testable import Gateway
@testable import jodrell

@Suite("The walk over an audit log")
struct AuditWalkTests {
  /// Walks a file of these lines.
  private func walk(_ lines: [ByteSlice], to end: AuditWalk.End? = nil) throws -> AuditWalk {
    let file = FileManager.default.temporaryDirectory.appending(path: "walk-\(UUID()).jsonl")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(lines.map(\.text).joined().utf8).write(to: file)
    var walk = AuditWalk()
    if let end { walk.expect(end) }
    try walk.read(file.path())
    return walk
  }

  private func entry(_ members: String, missing: Int = 0) -> AuditTrail.Entry {
    AuditTrail.Entry(members: ByteSlice(utf8: members), missing: missing)
  }

  @Test("a crafted number of dropped entries is a fault or bounded, and never a crash")
  func crafted() throws {
    var chain = AuditChain.start
    let most = [
      chain.append(entry("\"n\":1", missing: .max)), chain.append(entry("\"n\":2", missing: 7)),
    ]
    let bounded = try walk(most)
    #expect(bounded.fault == nil && bounded.missing == .max && bounded.entries == 2)
    chain = .start
    let negative = try walk([chain.append(entry("\"missing\":-5"))])
    #expect(negative.fault?.line == 1 && negative.missing == 0)
  }

  @Test("the longest entry with one cut short behind it is found again")
  func longest() throws {
    let escaped = String(repeating: "\\u0001", count: 9_000)
    let list = Array(repeating: "\"pii\"", count: 20_000).joined(separator: ",")
    let members = "\"principal\":\"\(escaped)\",\"classified\":[\(list)],\"policy\":7"
    let bounded = AuditedLength.bounded(ByteSlice(utf8: members))
    #expect(bounded.count <= AuditLimits.entryBytes)
    #expect(bounded.text.hasSuffix(#"…","policy":7,"cut":["principal","classified"]"#))
    let many = (0..<2_000).map { "\"n\($0)\":\"\(String(repeating: "x", count: 99))\"" }
    let crowded = AuditedLength.bounded(ByteSlice(utf8: many.joined(separator: ",")))
    #expect(crowded.count <= AuditLimits.entryBytes && crowded.text.contains("\"moreCut\":"))
    let short = ByteSlice(utf8: "\"n\":1")
    #expect(AuditedLength.bounded(short) == short)

    let filler = String(repeating: "x", count: AuditLimits.entryBytes - 6)
    var chain = AuditChain.start
    let first = chain.append(entry("\"n\":\"\(filler)\""), isTorn: true)
    let whole = chain
    let second = chain.append(entry("\"n\":\"\(filler)\""))
    let file = FileManager.default.temporaryDirectory.appending(path: "long-\(UUID()).jsonl")
    defer { try? FileManager.default.removeItem(at: file) }
    let lines = "{\"seq\":1,\"ti\n" + first.text + String(second.text.dropLast(2))
    try Data(lines.utf8).write(to: file)
    let log = try AuditFile(file.path())
    let (end, isTorn) = (log.chain, log.isTorn)
    #expect(end == whole && isTorn)
  }

  @Test("entries may lie behind an end that is known by its signed head alone")
  func behind() throws {
    var chain = AuditChain.start
    var hash = ""
    let lines = (1...5).map { number in
      let line = chain.append(entry("\"n\":\(number)"))
      if number == 3 { hash = chain.head }
      return line
    }
    func end(_ sequence: UInt64, _ hash: String, isAtLeast: Bool) -> AuditWalk.End {
      AuditWalk.End(
        AuditLine.End(sequence: sequence, hash: hash, isAtLeast: isAtLeast, signed: nil))
    }
    let met = try walk(lines, to: end(3, hash, isAtLeast: true))
    #expect(met.fault == nil && met.hasMetEnd)
    let summary = met.summary(isSigned: false, isFollowing: true)
    #expect(summary.contains("entries behind it 2"), "\(summary)")
    #expect(try walk(lines, to: end(3, hash, isAtLeast: false)).fault?.line == 4)
    #expect(try walk(lines, to: end(6, hash, isAtLeast: true)).fault?.line == 6)
    let other = try walk(lines, to: end(3, "00", isAtLeast: true))
    #expect(other.fault?.line == 3 && !other.hasMetEnd)
  }

  @Test("a file that follows another one says so where that one is not given")
  func following() throws {
    var chain = AuditChain.start
    _ = chain.append(entry("\"n\":1"))
    var next = AuditChain.start
    let first = next.append(
      after: chain, isAtLeast: false, nil, at: UnixTime(nanoseconds: 0), isTorn: true)
    let walk = try walk([ByteSlice(utf8: "{\"seq\":1,\"ti\n"), first])
    #expect(walk.fault == nil && walk.torn == 1)
    let alone = walk.summary(isSigned: false, isFollowing: false)
    #expect(alone.contains("follows entry 1, not given"), "\(alone)")
    #expect(!walk.summary(isSigned: false, isFollowing: true).contains("not given"))
  }
}
