import Glibc
import Testing

@testable import RocksStore

@Suite struct BlocksTests {
  /// Memory as a shared library has it from `new char[]` and gives it back with `delete[]`.
  private struct Piece: Hashable, Sendable {
    private typealias Take = @convention(c) (Int) -> UInt
    private typealias Give = @convention(c) (UInt) -> Void

    let address: UInt
    let count: Int

    init(_ count: Int) throws {
      guard let found = unsafe dlsym(nil, "_Znam") else { throw Missing() }
      address = unsafe unsafeBitCast(found, to: Take.self)(count)
      self.count = count
    }

    func give() throws {
      guard let found = unsafe dlsym(nil, "_ZdaPv") else { throw Missing() }
      unsafe unsafeBitCast(found, to: Give.self)(address)
    }

    func fill(with byte: UInt8) {
      let start = unsafe UnsafeMutableRawPointer(bitPattern: address)
      unsafe start?.initializeMemory(as: UInt8.self, repeating: byte, count: count)
    }

    func isFilled(with byte: UInt8) -> Bool {
      let start = unsafe UnsafeRawPointer(bitPattern: address)
      return unsafe UnsafeRawBufferPointer(start: start, count: count).allSatisfy { $0 == byte }
    }
  }

  private struct Missing: Error {}

  private static let block = 1 << 20

  @Test func `blocks are used again, no more are kept than there is use for`() throws {
    for round in 0..<3 {
      // More than are kept.
      let held = try (0..<80).map { _ in try Piece(Self.block) }
      // Others in this process give and take meanwhile, but not that many.
      #expect(Database.spareBytes < 36 * Self.block)
      #expect(Set(held).count == held.count)
      for (number, piece) in held.enumerated() { piece.fill(with: UInt8(round * 80 + number)) }
      for (number, piece) in held.enumerated() {
        #expect(piece.isFilled(with: UInt8(round * 80 + number)))
      }
      for piece in held { try piece.give() }
      #expect((36 * Self.block)...(72 * Self.block) ~= Database.spareBytes)
    }
  }

  @Test(arguments: [0, 1, 4_096, block - 1, block + 1, block + 4_080, block + 4_096, 3 * block])
  func `every other size is as ever`(size: Int) throws {
    for byte in UInt8(0)..<4 {
      let piece = try Piece(size)
      piece.fill(with: byte)
      // What is nearly a block may be kept as one, and must be good for it.
      let block = try Piece(Self.block)
      block.fill(with: byte + 9)
      #expect(piece.isFilled(with: byte))
      try piece.give()
      #expect(block.isFilled(with: byte + 9))
      try block.give()
    }
  }

  @Test func `threads take and give at the same time`() async throws {
    try await withThrowingTaskGroup { group in
      for task in UInt8(0)..<4 {
        group.addTask {
          for _ in 0..<20 {
            let piece = try Piece(Self.block)
            piece.fill(with: task)
            await Task.yield()
            #expect(piece.isFilled(with: task))
            try piece.give()
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
