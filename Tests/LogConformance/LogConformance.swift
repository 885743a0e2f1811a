package import Bytes
import Tenancy
package import Topics

/// What every engine must show. Each case opens an engine of its own.
///
///     @Test(arguments: ConformanceCase.allCases) func keepsTheLogsPromises(_ what:
///     ConformanceCase)
///       async throws { try await LogConformance(open: …, reopen: …).check(what) }
package struct LogConformance<Log: TopicLog & Catalogue & SubscriptionStore> {
  /// An empty engine with these clocks.
  let open: (Clocks) async throws -> Log
  /// Closes an engine and opens what it has stored again. An engine without storage returns itself.
  let reopen: (Log, Clocks) async throws -> Log
  let proofs = Proofs()

  package init(
    open: @escaping (Clocks) async throws -> Log,
    reopen: @escaping (Log, Clocks) async throws -> Log
  ) {
    self.open = open
    self.reopen = reopen
  }

  package func check(_ what: ConformanceCase) async throws {
    let clock = SteppedClock()
    let bench = Bench(log: try await open(clock.clocks), clock: clock, proofs: proofs)
    switch what {
    case .entriesAreDenseAndInOrder: try await entriesAreDenseAndInOrder(bench)
    case .nothingIsVisibleBeforeItIsFlushed: try await nothingIsVisibleBeforeItIsFlushed(bench)
    case .eventsComeBackAsTheyWere: try await eventsComeBackAsTheyWere(bench)
    case .pagesKeepTheirBudget: try await pagesKeepTheirBudget(bench)
    case .tailAndStoreAgree: try await tailAndStoreAgree(bench)
    case .placesAreChecked: try await placesAreChecked(bench)
    case .trimmedEventsLeaveAGap: try await trimmedEventsLeaveAGap(bench)
    case .growthWakesWaiters: try await growthWakesWaiters(bench)
    case .batchesAreWholeAndAdjacent: try await batchesAreWholeAndAdjacent(bench)
    case .grantsAreChecked: try await grantsAreChecked(bench)
    case .aTopicMadeAnewIsAnotherOne: try await aTopicMadeAnewIsAnotherOne(bench)
    case .publishTimesNeverGoBack: try await publishTimesNeverGoBack(bench)
    case .concurrentAppendsAreAllStored: try await concurrentAppendsAreAllStored(bench)
    case .topicsAreListedByName: try await topicsAreListedByName(bench)
    case .policiesAreKept: try await policiesAreKept(bench)
    case .schemaVersionsCount: try await schemaVersionsCount(bench)
    case .schemasHaveLines: try await schemasHaveLines(bench)
    case .schemaLinesAreBounded: try await schemaLinesAreBounded(bench)
    case .schemaBindingsAreKept: try await schemaBindingsAreKept(bench)
    case .recordDefinitionsAreKept: try await recordDefinitionsAreKept(bench)
    case .schemasGoForGood: try await schemasGoForGood(bench)
    case .linesGoForGood: try await linesGoForGood(bench)
    case .subscriptionsAreDefinedOnce: try await subscriptionsAreDefinedOnce(bench)
    case .subscriptionsAreTheirHoldersOwn: try await subscriptionsAreTheirHoldersOwn(bench)
    case .progressIsKept: try await progressIsKept(bench)
    case .everythingSurvivesReopening: try await everythingSurvivesReopening(bench)
    case .documentVersionsCount: try await documentVersionsCount(bench)
    case .documentsAreDeletedInTwoSteps: try await documentsAreDeletedInTwoSteps(bench)
    case .documentsMoveBackAndForth: try await documentsMoveBackAndForth(bench)
    case .documentsInUseStay: try await documentsInUseStay(bench)
    case .trialsChangeNothing: try await trialsChangeNothing(bench)
    case .changesMeetWhatTheyExpect: try await changesMeetWhatTheyExpect(bench)
    case .pinnedDocumentsSurviveReopening: try await pinnedDocumentsSurviveReopening(bench)
    case .randomHistoriesMatchTheModel: try await randomHistoriesMatchTheModel(bench)
    }
  }
}

package enum ConformanceCase: String, CaseIterable, Sendable, CustomStringConvertible {
  case entriesAreDenseAndInOrder, nothingIsVisibleBeforeItIsFlushed, eventsComeBackAsTheyWere
  case pagesKeepTheirBudget, tailAndStoreAgree, placesAreChecked, trimmedEventsLeaveAGap
  case growthWakesWaiters, batchesAreWholeAndAdjacent, grantsAreChecked
  case aTopicMadeAnewIsAnotherOne, publishTimesNeverGoBack, concurrentAppendsAreAllStored
  case topicsAreListedByName, policiesAreKept, schemaVersionsCount
  case schemasHaveLines, schemaLinesAreBounded, schemaBindingsAreKept, recordDefinitionsAreKept
  case schemasGoForGood
  case linesGoForGood
  case subscriptionsAreDefinedOnce, subscriptionsAreTheirHoldersOwn, progressIsKept
  case everythingSurvivesReopening
  case documentVersionsCount, documentsAreDeletedInTwoSteps, documentsInUseStay
  case documentsMoveBackAndForth
  case trialsChangeNothing, changesMeetWhatTheyExpect, pinnedDocumentsSurviveReopening
  case randomHistoriesMatchTheModel

  package var description: String { rawValue }
}

/// One engine with its clock, and short words for what cases do all the time.
struct Bench<Log: TopicLog & Catalogue & SubscriptionStore> {
  let log: Log
  let clock: SteppedClock
  let proofs: Proofs
  let loop: AppendLoop<Log>

  init(log: Log, clock: SteppedClock, proofs: Proofs) {
    self.log = log
    self.clock = clock
    self.proofs = proofs
    loop = AppendLoop(log)
  }

  func make(_ topic: String) async throws -> TopicInfo {
    try await log.createTopic(proofs.topic(topic, .manage), TopicConfiguration()).thing
  }

  @discardableResult
  func append(_ topic: String, _ payloads: String...) async throws -> [Receipt] {
    var receipts: [Receipt] = []
    for payload in payloads {
      receipts.append(try await loop.append(proofs.event(topic, payload)))
    }
    return receipts
  }

  func bounds(_ topic: String) throws -> TopicBounds {
    try log.bounds(of: proofs.topic(topic, .subscribe))
  }

  /// Everything kept, read page by page with a small budget.
  func contents(_ topic: String, records: Int = 7) throws -> [Record] {
    let address = try proofs.topic(topic, .subscribe)
    var cursor = try bounds(topic).earliest
    var found: [Record] = []
    while true {
      let page = try log.readStored(
        address, from: cursor, budget: ByteBudget(records: records, bytes: 1 << 20))
      found += page.records
      cursor = page.next
      if page.isUpToDate { return found }
    }
  }

  func payloads(_ topic: String) throws -> [String] { try contents(topic).map(\.payload.text) }
}
