import Authentication
import Bytes
import Crypto
import HTTPWire
import Tenancy
import TestSupport
import Testing

@testable import Gateway

@Suite struct `The memory of proofs` {
  private let now = TestIssuer.now

  private func owner(_ tenant: StaticString?, _ issuer: StaticString = "i") -> ProofMemory.Owner {
    ProofMemory.Owner(
      tenant: tenant.flatMap { Name(ByteSlice(utf8: "\($0)")) },
      issuer: ByteSlice(utf8: "\(issuer)"))
  }

  private func name(_ number: Int) -> Digest { Digest.sha256(ByteSlice(utf8: "\(number)")) }

  /// How many of so many new proofs are taken, and why the others are not.
  private func fill(
    _ memory: ProofMemory, _ owner: ProofMemory.Owner, _ numbers: Range<Int>, at now: UnixTime
  ) -> (taken: Int, refusals: Set<DPoPRefusal>) {
    var taken = 0
    var refusals: Set<DPoPRefusal> = []
    for number in numbers {
      do throws(DPoPRefusal) {
        try memory.take(
          name(number), of: owner, for: RequestID(run: 1, sequence: UInt64(number)), at: now)
        taken += 1
      } catch {
        refusals.insert(error)
      }
    }
    return (taken, refusals)
  }

  @Test func `a proof is taken once, by one request`() throws {
    let memory = ProofMemory()
    let request = RequestID(run: 0, sequence: 1)
    try memory.take(name(0), of: owner("a"), for: request, at: now)
    try memory.take(name(0), of: owner("a"), for: request, at: now)
    #expect(throws: DPoPRefusal.replayed) {
      try memory.take(name(0), of: owner("b"), for: RequestID(run: 0, sequence: 2), at: now)
    }
    let later = now + DPoPProof.window + DPoPProof.leeway
    try memory.take(name(0), of: owner("b"), for: RequestID(run: 0, sequence: 2), at: later)
  }

  @Test func `a tenant fills its part, and not the others'`() {
    let memory = ProofMemory(most: 1_600, ofTenant: 320)
    let loud = fill(memory, owner("loud"), 0..<1_000, at: now)
    #expect(loud.taken <= 320 && loud.taken > 160)
    #expect(loud.refusals == [.tenantOverloaded])
    #expect(fill(memory, owner("small"), 1_000..<1_100, at: now).taken == 100)
    // Without a tenant each issuer has a part.
    #expect(fill(memory, owner(nil, "i"), 2_000..<3_000, at: now).taken <= 320)
    #expect(fill(memory, owner(nil, "j"), 3_000..<3_100, at: now).taken == 100)
    // What cannot be shown again any more is forgotten.
    let later = now + DPoPProof.window + DPoPProof.leeway
    #expect(fill(memory, owner("loud"), 4_000..<4_100, at: later).taken == 100)
  }

  @Test func `all together fill it`() {
    let memory = ProofMemory(most: 160, ofTenant: 80)
    var refusals: Set<DPoPRefusal> = []
    for (index, tenant) in (["a", "b", "c", "d"] as [StaticString]).enumerated() {
      refusals.formUnion(
        fill(memory, owner(tenant), (index * 1_000)..<(index * 1_000 + 500), at: now).refusals)
    }
    #expect(refusals.contains(.overloaded))
  }
}
