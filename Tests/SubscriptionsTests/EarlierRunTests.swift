import Testing
import Topics

@testable import Subscriptions

/// Tokens that an earlier run of the machine gave out, or that look so: how far they may reach.
@Suite struct EarlierRunTests {
  private func token(of entry: UInt64) -> AckToken {
    AckToken(ledger: 1, subscription: 7, epoch: 0, entry: entry, serial: 1)
  }

  @Test func tokensThatAreMadeUpHaveNoChunkMadeEach() throws {
    var world = try World(.shared, end: 4_096 * 1_000, maxUnacked: 1_000)
    var refused = 0
    for chunk in 0..<1_000 as Range<UInt64> {
      do throws(TokenFault) {
        try world.machine.acknowledge(token(of: chunk * 4_096 + 4_095))
      } catch {
        #expect(error == .superseded)
        refused += 1
      }
    }
    #expect(refused > 900)
    #expect(world.machine.acks.chunkCount < 20)
  }

  @Test func howFarConsumersWereAheadOfAnEventThatNobodyAcknowledgesMakesNoDifference() throws {
    var world = try World(.shared, end: 200_000, maxUnacked: 1_000)
    for _ in 0..<100 {
      for entry in world.receive(World.a, 1_000) where entry > 0 { try world.acknowledge(entry) }
    }
    let out = world.receive(World.a, 1_000)
    let newest = try #require(out.last)
    #expect(newest > 100_000)
    try world.restart()
    #expect(world.machine.markDelete == 0)
    try world.acknowledge(newest)
    #expect(world.machine.acks.contains(newest))
    #expect(throws: TokenFault.superseded) {
      try world.machine.acknowledge(token(of: 190_000))
    }
  }

  @Test func acknowledgementsThatACrashHasLostKeepNoTokenFromCounting() throws {
    var world = try World(.shared, end: 100_000, maxUnacked: 1_000)
    for _ in 0..<60 {
      for entry in world.receive(World.a, 1_000) { try world.acknowledge(entry) }
    }
    let out = world.receive(World.a, 1_000)
    let newest = try #require(out.last)
    #expect(newest == 60_999)
    // Taken to be stored, and never heard of again.
    let lost = world.machine.takeChange()
    #expect(lost?.markDelete.next == 60_000)
    try world.restart()
    #expect(world.machine.markDelete == 0)
    try world.acknowledge(newest)
    #expect(world.machine.acks.contains(newest))
  }
}
