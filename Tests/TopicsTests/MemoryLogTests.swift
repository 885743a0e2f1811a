import Bytes
import LogConformance
import Tenancy
import Testing

@testable import Topics

@Suite struct MemoryLogTests {
  @Test(arguments: ConformanceCase.allCases)
  func keepsTheLogsPromises(_ what: ConformanceCase) async throws {
    try await LogConformance(
      open: { clocks in MemoryLog(clocks: clocks) }, reopen: { log, _ in log }
    ).check(what)
  }

  @Test(arguments: ConformanceCase.allCases)
  func keepsThemWithAShortTailToo(_ what: ConformanceCase) async throws {
    var limits = MemoryLimits()
    limits.tailRecords = 2
    try await LogConformance(
      open: { [limits] clocks in MemoryLog(clocks: clocks, limits: limits) },
      reopen: { log, _ in log }
    ).check(what)
  }

  @Test func whatLiesBehindTheTailIsReadFromTheStore() async throws {
    let (log, proofs) = (try await self.log { $0.tailRecords = 3 }, Proofs())
    let loop = AppendLoop(log)
    for number in 0..<10 { _ = try await loop.append(proofs.event("orders", "\(number)")) }
    let address = try proofs.topic("orders", .subscribe)
    for entry in 0...10 as ClosedRange<UInt64> {
      let cursor = Cursor(ledger: 1, next: entry)
      switch try log.tail(of: address, from: cursor, budget: .answer) {
      case .behind: #expect(entry < 7)
      case .page(let page): #expect(entry >= 7 && page.records.count == Int(10 - entry))
      }
    }
  }

  @Test func aFullLogRefusesAppendsUntilSomethingIsTrimmed() async throws {
    let (log, proofs) = (try await self.log { $0.bytes = 100 }, Proofs())
    let loop = AppendLoop(log)
    let event = try proofs.event("orders", String(repeating: "1", count: 80))
    _ = try await loop.append(event)
    await #expect(throws: AppendFailure.storageFull(retryAfter: .seconds(30))) {
      try await loop.append(event)
    }
    try await log.trim(proofs.topic("orders", .manage), before: 1)
    #expect(try await loop.append(event).id.entry == 1)
  }

  @Test func aStageThatIsFullRefuses() async throws {
    let proofs = Proofs()
    let log = try await log {
      $0.commitBytes = 1_000
      $0.stagedBytes = 100
    }
    let loop = AppendLoop(log)
    await #expect(throws: AppendFailure.overloaded(retryAfter: .seconds(1))) {
      try await loop.append(proofs.event("orders", String(repeating: "1", count: 200)))
    }
    await #expect(throws: AppendFailure.tooLarge(limit: 1_000)) {
      try await loop.append(proofs.event("orders", String(repeating: "1", count: 2_000)))
    }
  }

  @Test func countsAreBounded() async throws {
    let proofs = Proofs()
    let log = try await log {
      $0.topics = 1
      $0.subscriptionsPerTopic = 1
    }
    await #expect(throws: CatalogueFailure.tooMany(.topics, limit: 1)) {
      try await log.createTopic(proofs.topic("more", .manage), TopicConfiguration())
    }
    let address = try proofs.topic("orders", .subscribe)
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 1)
    let start = Cursor(ledger: 1, next: 0)
    _ = try await log.createSubscription(
      proofs.name("a"), terms, startingAt: start, of: address)
    await #expect(throws: CatalogueFailure.tooMany(.subscriptions, limit: 1)) {
      try await log.createSubscription(proofs.name("b"), terms, startingAt: start, of: address)
    }
  }

  @Test func aClosedLogRefusesEverythingAndWakesEverybody() async throws {
    let (log, proofs) = (try await self.log(), Proofs())
    let address = try proofs.topic("orders", .subscribe)
    let (growth, waiter) = (try log.growth(of: address), Waiter())
    #expect(growth.register(waiter, beyond: 0))
    log.close()
    #expect(await waiter.wait() == .closed)
    #expect(throws: ReadFailure.closing) { try log.bounds(of: address) }
    await #expect(throws: AppendFailure.closing) {
      try await AppendLoop(log).append(proofs.event("orders", "1"))
    }
    await #expect(throws: CatalogueFailure.closing) {
      try await log.createTopic(proofs.topic("more", .manage), TopicConfiguration())
    }
  }

  private func log(_ limit: (inout MemoryLimits) -> Void = { _ in }) async throws -> MemoryLog {
    var limits = MemoryLimits()
    limit(&limits)
    let log = MemoryLog(clocks: SteppedClock().clocks, limits: limits)
    _ = try await log.createTopic(Proofs().topic("orders", .manage), TopicConfiguration())
    return log
  }
}
