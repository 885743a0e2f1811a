import Bytes
import Testing

@testable import Schemas

/// What compiled schemas take, and how many are kept.
struct ProgramCacheTests {
  private static func schema(_ number: Int) throws -> CompiledSchema {
    try Sample.schema(#"{"const":\#(number)}"#)
  }

  private static func key(_ number: Int) -> ProgramCell.Key {
    ProgramCell.Key(fingerprint: ByteSlice(utf8: "\(number)"), text: ByteSlice(utf8: "\(number)"))
  }

  @Test func `what is registered alike shares a program, and goes with its last holder`() throws {
    let cache = ProgramCache()
    var one: ProgramCell? = cache.cell(for: Self.key(1))
    var other: ProgramCell? = cache.cell(for: Self.key(1))
    #expect(one === other && one?.program == nil)
    let program = try Self.schema(1)
    one?.keep(program)
    #expect(other?.program === program && cache.bytes == program.memory)
    one?.keep(try Self.schema(1))
    #expect(one?.program === program && cache.bytes == program.memory)
    one = nil
    #expect(cache.bytes == program.memory)
    other = nil
    #expect(cache.bytes == 0)
    #expect(cache.cell(for: Self.key(1)).program == nil)
  }

  @Test func `what refers to documents shares with nobody, and is counted all the same`() throws {
    let cache = ProgramCache()
    var cells: [ProgramCell]? = [cache.cell(for: nil), cache.cell(for: nil)]
    let program = try Self.schema(1)
    cells?[0].keep(program)
    #expect(cells?[1].program == nil && cache.bytes == program.memory)
    cells = nil
    #expect(cache.bytes == 0)
  }

  @Test func `what is used least makes room, what is used stays`() throws {
    let size = try Self.schema(10).memory
    let cache = ProgramCache(limit: 3 * size + size / 2)
    let cells = (10..<20).map { cache.cell(for: Self.key($0)) }
    for (number, cell) in cells.enumerated() {
      cell.keep(try Self.schema(10 + number))
      #expect(!cell.holder.isEmpty && cache.bytes <= cache.limit)
      // The first is asked for all the time.
      #expect(cells[0].program != nil)
    }
    #expect(cells.count { !$0.holder.isEmpty } == 3)
    cells[0].release()
    #expect(cells[0].program == nil)
    #expect(cache.bytes == cells.reduce(0) { $0 + ($1.program?.memory ?? 0) })
    // What makes no room fits alone.
    let small = ProgramCache(limit: 1)
    let cell = small.cell(for: Self.key(1))
    cell.keep(try Self.schema(1))
    #expect(cell.program != nil)
  }

  @Test func `what is released before it is counted is not counted`() throws {
    let cache = ProgramCache()
    let cell = cache.cell(for: nil)
    let program = try Self.schema(1)
    // As two threads do it: one keeps the program, the other comes between.
    #expect(cell.holder.fill(program))
    cell.release()
    cache.admit(cell.holder, bytes: program.memory)
    #expect(cell.program == nil && cache.bytes == 0)
  }

  @Test(.timeLimit(.minutes(5)))
  func `threads that fill, ask and drop at once leave an exact count`() async throws {
    let program = try Self.schema(1)
    let cache = ProgramCache(limit: 5 * program.memory)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for round in 0..<2_000 {
            let cell = cache.cell(for: Self.key((task + round) % 12))
            cell.keep(program)
            if round % 7 == 0 { cell.release() }
            _ = cell.program
          }
        }
      }
    }
    #expect(cache.bytes == 0)
  }

  @Test func `a megabyte of words takes some megabytes`() throws {
    let words = (0..<120_000).map { #""\#($0)""# }.joined(separator: ",")
    let schema = try Sample.schema(#"{"enum":[\#(words)]}"#)
    #expect(schema.source.count > 900_000 && schema.memory < 9 << 20)
    let scratch = SchemaScratch()
    for (payload, isTaken) in [
      (#""0""#, true), (#""119999""#, true), (#""\u0031""#, true), (#""120000""#, false),
      ("1", false), ("null", false), (#"["1"]"#, false),
    ] {
      #expect((schema.validate(ByteSlice(utf8: payload), scratch) == nil) == isTaken)
    }
  }

  @Test func `long lists of any values are found by hash, as their values are equal`() throws {
    let numbers = (0..<5_000).map { "\($0).0" }.joined(separator: ",")
    let schema = try Sample.schema(#"{"enum":[null,{"b":2,"a":1.0},[1],"x",\#(numbers),7,7.0]}"#)
    let scratch = SchemaScratch()
    for (payload, isTaken) in [
      ("4999", true), ("7e0", true), ("4999.5", false), ("-1", false), ("null", true),
      ("true", false), (#"{"a":1,"b":2.0}"#, true), (#"{"a":1}"#, false), ("[1.0]", true),
      ("[2]", false), (#""x""#, true), (#""y""#, false), ("1e1000000000", false),
    ] {
      #expect((schema.validate(ByteSlice(utf8: payload), scratch) == nil) == isTaken, "\(payload)")
    }
    let refusal = schema.validate(ByteSlice(utf8: "-1"), scratch)
    guard case .violations(let violations, _) = refusal else {
      Issue.record("no violations: \(String(describing: refusal))")
      return
    }
    #expect(violations.map(\.keyword) == ["enum"] && violations[0].code == .enumeration)
  }

  @Test func `what takes too much memory is not registered, but stays readable`() throws {
    let names = (0..<128_000).map { #""\#($0)""# }.joined(separator: ",")
    let text = ByteSlice(utf8: #"{"allOf":[{"required":[\#(names)]}]}"#)
    #expect(throws: SchemaFault.limitExceeded("bytes when it is compiled", 16 << 20)) {
      try CompiledSchema.compile(text, isNew: true)
    }
    #expect(try CompiledSchema.compile(text).memory > SchemaLimits.programBytes)
  }
}
