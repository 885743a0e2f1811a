import Bytes
import Testing

@testable import Subscriptions

@Suite struct AckChunkTests {
  @Test(
    "each shape is stored in its smallest form and read back",
    arguments: [
      ("full", Array(0..<4096), 2), ("one", [4095], 4), ("sparse", [1, 70, 900, 4000], 10),
      ("runs", Array(10..<1000) + Array(2000..<4096), 10),
      ("alternating", Array(stride(from: 0, to: 4096, by: 2)), 514),
    ] as [(String, [Int], Int)])
  func forms(name: String, offsets: [Int], size: Int) throws {
    var chunk = AckChunk()
    for offset in offsets.reversed() { #expect(chunk.insert(offset) == true) }
    #expect(chunk.encoded.count == size)
    #expect(try AckChunk(decoding: chunk.encoded) == chunk)
    #expect(chunk.count == offsets.count)
    #expect(chunk.insert(offsets[0]) == false)
  }

  @Test func randomChunksSurviveTheRoundTrip() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    for round in 0..<300 {
      var chunk = AckChunk()
      var model: Set<Int> = []
      for _ in 0..<random.below(6) + 1 {
        let start = random.below(4096)
        let length = [1, 1, 3, 64, 700][random.below(5)]
        for offset in start..<min(start + length, 4096) {
          #expect(chunk.insert(offset) == model.insert(offset).inserted)
        }
      }
      let floor = random.below(4097)
      if round % 3 == 0 {
        let removed = chunk.removeAll(below: floor)
        #expect(removed == model.count { $0 < floor }, "seed \(seed)")
        model = model.filter { $0 >= floor }
      }
      #expect(chunk.count == model.count)
      for probe in [0, 1, 63, 64, 4095, floor % 4096] {
        #expect(chunk.contains(probe) == model.contains(probe), "seed \(seed)")
        let missing = (probe..<4096).first { !model.contains($0) }
        #expect(chunk.firstMissing(from: probe) == missing, "seed \(seed)")
      }
      if !chunk.isEmpty {
        #expect(try AckChunk(decoding: chunk.encoded) == chunk, "seed \(seed)")
        #expect(chunk.encoded.count <= 514)
      }
    }
  }

  @Test(
    "bytes that are no chunk are refused",
    arguments: [
      ([], .wrongLength), ([1], .wrongLength), ([2, 0], .unknownVersion(2)),
      ([1, 9], .unknownForm(9)), ([1, 0, 0], .wrongLength), ([1, 1], .empty),
      ([1, 1, 0], .wrongLength), ([1, 1, 0x10, 0], .disordered),
      ([1, 1, 0, 2, 0, 2], .disordered), ([1, 1, 0, 2, 0, 1], .disordered),
      ([1, 2, 0, 1], .wrongLength), ([1, 2, 0, 2, 0, 1], .disordered),
      ([1, 2, 0, 0, 0, 1, 0, 2, 0, 3], .disordered), ([1, 2, 0, 0, 0x10, 0], .disordered),
      ([1, 3, 0], .wrongLength), ([1, 3] + Array(repeating: 0, count: 512), .empty),
    ] as [([UInt8], AckChunkFault)])
  func refusals(bytes: [UInt8], fault: AckChunkFault) {
    #expect(throws: fault) { try AckChunk(decoding: ByteSlice(bytes)) }
  }

  @Test func everyMangledByteIsRefusedOrReadAsSomeChunk() throws {
    var chunk = AckChunk()
    for offset in [3, 4, 5, 77, 4000] { _ = chunk.insert(offset) }
    let bytes = chunk.encoded.array
    for index in bytes.indices {
      for bit in 0..<8 {
        var mangled = bytes
        mangled[index] ^= 1 << UInt8(bit)
        // Must not trap; whether it is refused depends on the bit.
        if let read = try? AckChunk(decoding: ByteSlice(mangled)) { #expect(!read.isEmpty) }
      }
    }
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
