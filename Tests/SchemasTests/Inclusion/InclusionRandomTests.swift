import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Schemas

/// Random schemas against random values: what is called included stays so for every value that the
/// engine takes, and strict inclusion implies the other. `JODRELL_INCLUSION_PAIRS` and
/// `JODRELL_INCLUSION_SEED` make it longer, or another one.
struct InclusionRandomTests {
  private static func setting(_ name: String, _ absent: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? absent
  }

  /// To the test's output, so that a failure can be repeated.
  private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  private func compiled(_ schema: RandomJSON) -> CompiledSchema? {
    try? CompiledSchema.compile(ByteSlice(utf8: schema.json))
  }

  /// Values of the random world, and some that the search itself finds for the writer.
  private func values(_ generator: inout RandomSchemas, _ writer: CompiledSchema) -> [ByteSlice] {
    let pair = SchemaPair(writer: writer.graph, reader: writer.graph)
    var fuel = SchemaLimits.inclusionFuel
    let classes = SchemaClasses(pair, fuel: &fuel)
    let search = InclusionSearch(pair, classes, closing: false, fuel: 20_000)
    let own = search.values([Literal(.writer, 0, isKept: true)], 24).values.map(\.text)
    return own + (0..<60).map { _ in ByteSlice(utf8: generator.value(depth: 2).json) }
  }

  @Test func `under evolution no closed writer has a value between`() throws {
    let seed = UInt64(Self.setting("JODRELL_INCLUSION_SEED", 1)) + 1
    let pairs = Self.setting("JODRELL_INCLUSION_PAIRS", 400)
    say("evolution: seed \(seed), \(pairs) pairs")
    var generator = RandomSchemas(seed: seed)
    let scratch = SchemaScratch()
    func accepts(_ schema: CompiledSchema, _ text: ByteSlice) throws -> Bool {
      try scratch.parser.parse(text)
      return schema.accepts(scratch.parser, scratch) == .valid
    }
    var included = 0
    for pair in 0..<pairs {
      let first = generator.schema()
      let second = generator.changed(generator.changed(first))
      guard let writer = compiled(first), let reader = compiled(second),
        let closed = ClosedReading.of(first).flatMap({ compiled($0) }),
        SchemaInclusion.compare(writer: writer, reader: reader, policy: .evolution) == .included
      else { continue }
      included += 1
      for text in values(&generator, closed) where try accepts(closed, text) {
        guard try accepts(writer, text), try !accepts(reader, text) else { continue }
        Issue.record("pair \(pair): \(text.text) is between\n\(first.json)\n\(second.json)")
        return
      }
    }
    say("evolution: yes \(included)")
    #expect(included > 0)
  }

  @Test func `no included pair has a value between`() throws {
    let seed = UInt64(Self.setting("JODRELL_INCLUSION_SEED", 1))
    let pairs = Self.setting("JODRELL_INCLUSION_PAIRS", 400)
    say("inclusion: seed \(seed), \(pairs) pairs")
    var generator = RandomSchemas(seed: seed)
    let scratch = SchemaScratch()
    func accepts(_ schema: CompiledSchema, _ text: ByteSlice) throws -> Bool {
      try scratch.parser.parse(text)
      return schema.accepts(scratch.parser, scratch) == .valid
    }
    var tally: [Bool?: Int] = [:]
    for pair in 0..<pairs {
      let first = generator.schema()
      let second = pair % 4 == 0 ? generator.schema() : generator.changed(first)
      guard let writer = compiled(first), let reader = compiled(second) else { continue }
      let strict = SchemaInclusion.compare(writer: writer, reader: reader, policy: .strict)
      tally[strict.isIncluded, default: 0] += 1
      if case .excluded(_, let text) = strict {
        #expect(try accepts(writer, text) && !accepts(reader, text))
        continue
      }
      for text in values(&generator, writer) where try accepts(writer, text) {
        let isBetween = try !accepts(reader, text)
        if isBetween, strict == .included {
          Issue.record("pair \(pair): \(text.text) is between\n\(first.json)\n\(second.json)")
          return
        }
      }
      guard strict == .included else { continue }
      let evolution = SchemaInclusion.compare(writer: writer, reader: reader, policy: .evolution)
      #expect(evolution.isIncluded != false, "\(first.json)\n\(second.json)")
    }
    say("inclusion: yes \(tally[true] ?? 0), no \(tally[false] ?? 0), open \(tally[nil] ?? 0)")
    #expect(tally[true] ?? 0 > 0)
    #expect(tally[false] ?? 0 > 0)
  }

  @Test func `no included pair has an object of few names between`() throws {
    let seed = UInt64(Self.setting("JODRELL_INCLUSION_SEED", 1)) + 2
    let pairs = Self.setting("JODRELL_INCLUSION_PAIRS", 400) / 2
    say("names: seed \(seed), \(pairs) pairs")
    var world = NameWorld(seed: seed)
    let scratch = SchemaScratch()
    var tally: [Bool?: Int] = [:]
    for pair in 0..<pairs {
      let first = world.writer()
      let second = world.reader()
      let writer = try Sample.schema(first)
      let reader = try Sample.schema(second)
      let verdict = SchemaInclusion.compare(writer: writer, reader: reader, policy: .strict)
      tally[verdict.isIncluded, default: 0] += 1
      guard verdict == .included else { continue }
      for text in NameWorld.objects {
        try scratch.parser.parse(text)
        guard writer.accepts(scratch.parser, scratch) == .valid,
          reader.accepts(scratch.parser, scratch) != .valid
        else { continue }
        Issue.record("pair \(pair): \(text.text) is between\n\(first)\n\(second)")
        return
      }
    }
    say("names: yes \(tally[true] ?? 0), no \(tally[false] ?? 0), open \(tally[nil] ?? 0)")
    #expect(tally[true] ?? 0 > 0)
    #expect(tally[false] ?? 0 > 0)
  }
}
