import Bytes
import LogConformance
import Synchronization
import Testing
import Topics

@testable import RocksStore

@Suite struct RocksConformanceTests {
  /// Gives each case a directory of its own and remembers it for reopening.
  private final class Stores: Sendable {
    let scratch = Scratch()
    let limits: StoreLimits

    init(_ limit: (inout StoreLimits) -> Void = { _ in }) {
      var limits = configuration(scratch).limits
      limit(&limits)
      self.limits = limits
    }

    func open(_ clocks: Clocks) throws -> RocksTopicLog {
      var settings = configuration(scratch)
      settings.clocks = clocks
      settings.limits = limits
      return try RocksTopicLog(opening: settings)
    }
  }

  private func check(_ what: ConformanceCase, _ stores: Stores) async throws {
    try await LogConformance(
      open: { try stores.open($0) },
      reopen: { log, clocks in
        log.close()
        return try stores.open(clocks)
      }
    ).check(what)
  }

  @Test(arguments: ConformanceCase.allCases)
  func `keeps the log's promises`(_ what: ConformanceCase) async throws {
    try await check(what, Stores())
  }

  @Test(arguments: ConformanceCase.allCases)
  func `keeps them with a short tail and small commits too`(_ what: ConformanceCase) async throws {
    try await check(
      what,
      Stores {
        $0.tailBytes = 200
        $0.commitEvents = 3
        $0.commitBytes = 500
      })
  }
}
