import Bytes
import Foundation
import Gateway
import Metrics
import Testing

@testable import jodrell

@Suite("The policy's file") struct PolicyKeeperTests {
  @Test(
    "what changes while the gateway starts waits for all who must learn of it",
    arguments: [false, true])
  func starting(isAsked: Bool) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-policy-\(UUID().uuidString.prefix(8))").path()
    try FileAccess.makeDirectory(folder)
    defer { FileAccess.removeTree(folder) }
    let file = "\(folder)/jodrell.yaml"
    func write(_ tenant: String) throws {
      try FileAccess.write(ByteSlice(utf8: "tenants: {\(tenant): {}}\n"), to: file, mode: 0o600)
    }
    let now = UnixTime(seconds: 1_700_000_000)
    try write("one")
    let compiled = try CompiledPolicy(file: file)
    let desk = compiled.makeDesk(isDevelopment: false)
    let keeper = PolicyKeeper(file, compiled, desk: desk, certificates: nil)
    let generation = desk.generation
    try write("two")
    keeper.look(at: now, isAsked: isAsked)
    #expect(desk.generation == generation)

    let log = LogWriter(now: { now }, wake: {})
    let issuers = try IssuerService(metrics: IssuerMetrics(), log: log, changed: {})
    defer { issuers.stop() }
    let metrics = PolicyMetrics()
    keeper.report(to: metrics, log, issuers: issuers, audit: nil, isTaken: { _ in })
    keeper.look(at: now, isAsked: false)
    #expect(desk.generation > generation)
    #expect(metrics.taken.value == 1 && metrics.refused.value == 0)
    #expect(metrics.generation.value == Int(desk.generation))
  }
}
