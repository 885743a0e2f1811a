import Bytes
import JSONText
import Metrics
import Testing

@testable import jodrell_bench

@Suite("Figures")
struct FiguresTests {
  private func json(_ text: String) throws -> JSONNode {
    try JSONDocument(parsing: ByteSlice(utf8: text)).root
  }

  @Test("a comparison has the figures that both results share, with their ratio")
  func comparison() throws {
    let first = try json(#"{"a":2,"name":"x","latency":{"p50":1.5,"p99":0},"series":[1],"only":1}"#)
    let second = try json(#"{"latency":{"p99":4,"p50":3},"a":1,"name":"y","series":[2],"b":1}"#)
    let comparison = Comparison(first, second)
    #expect(
      comparison.rows == [
        Comparison.Row(name: "a", first: 2, second: 1),
        Comparison.Row(name: "latency.p50", first: 1.5, second: 3),
        Comparison.Row(name: "latency.p99", first: 0, second: 4),
      ])
    #expect(comparison.rows.map(\.ratio) == [0.5, 2, nil])
    #expect(comparison.table("x/one.json", "two.json").contains("latency.p50"))
    let line = try json(comparison.json)
    #expect(line["a"]?["ratio"]?.raw.text == "0.5000")
    #expect(Comparison(try json("{}"), second).rows.isEmpty)
  }

  @Test("a trend is the least-squares line's slope per hour")
  func trend() {
    let line = (0..<100).map { (seconds: Double($0), value: 5 + Double($0) / 60) }
    #expect(Trend(line).map { abs($0.perHour - 60) < 1e-9 } == true)
    let noise = (0..<1_000).map { (seconds: Double($0), value: 3 + Double($0 % 2)) }
    #expect(Trend(noise).map { abs($0.perHour) < 0.02 } == true)
    #expect(Trend(Array(line.prefix(1))) == nil)
    #expect(Trend([(1, 2), (1, 3)]) == nil)
  }

  @Test("a soak's slope leaves the first fifth out, and short runs have none")
  func soak() {
    let samples = (0..<500).map { second in
      SoakWatch.Sample(
        second: second, resident: UInt64(min(second, 100) * 1_048_576),
        descriptors: 10 + second % 2, threads: 4, dataBytes: 0, cpu: .zero)
    }
    let findings = SoakFindings(samples: samples, minutes: [])
    #expect(findings.residentSlope == 0)
    #expect(findings.table.contains("10 to 11"))
    let short = SoakFindings(samples: Array(samples.prefix(300)), minutes: [])
    #expect(short.residentSlope == nil)
    #expect(short.table.contains("too short"))
    #expect(SoakFindings(samples: [], minutes: []).residentSlope == nil)
  }

  @Test(
    "a soak's slope is the floor's: what swings within a minute is no growth",
    arguments: [(0, 3_600), (60, 3_600), (0, 3_601), (60, 480)])
  func swings(perHour: Int, seconds: Int) {
    let samples = (0..<seconds).map { second in
      // A period that no minute is a multiple of, so that it is at another phase in each.
      let swing = second % 37 * 2
      return SoakWatch.Sample(
        second: second,
        resident: UInt64((300 + swing) * 1_048_576 + second * perHour * 1_048_576 / 3_600),
        descriptors: 10, threads: 4, dataBytes: 0, cpu: .zero)
    }
    let slope = SoakFindings(samples: samples, minutes: []).residentSlope
    #expect(slope.map { abs($0 - Double(perHour)) < 0.1 } == true, "\(String(describing: slope))")
  }

  @Test("growth beside what the log says is told apart, and what was not asked counts nothing")
  func besideLog() throws {
    let samples = (0..<1_200).map { second in
      SoakWatch.Sample(
        second: second, resident: UInt64((300 + second % 97) * 1_048_576), descriptors: 10,
        threads: 4, dataBytes: 0, cpu: .zero,
        besideLog: second % 3 == 0
          ? nil : UInt64(60 * 1_048_576 + second * 12 * 1_048_576 / 3_600))
    }
    let findings = SoakFindings(samples: samples, minutes: [])
    #expect(findings.steadySlope.map { abs($0 - 12) < 0.1 } == true)
    #expect(findings.table.contains("beside tables and tail"))
    #expect(try json(findings.json)["steadySlope"] != nil)
    // Answers of two minutes say nothing about an hour, however long the run was.
    let told = samples.map { sample in
      var one = sample
      if one.second > 400 { one.besideLog = nil }
      return one
    }
    let sparse = SoakFindings(samples: told, minutes: [])
    #expect(sparse.steadySlope == nil && sparse.residentSlope != nil)

    let exposition = """
      # TYPE jodrell_store_memory_bytes gauge
      jodrell_store_memory_bytes{part="memory_tables"} 79691776
      jodrell_store_memory_bytes{part="tail"} 272629760

      """
    #expect(MemoryProbe.log(in: ByteSlice(utf8: exposition)) == 352_321_536)
    let spare = "jodrell_store_memory_bytes{part=\"spare_blocks\"} 1000\n"
    #expect(MemoryProbe.log(in: ByteSlice(utf8: spare + exposition)) == 352_322_536)
    #expect(MemoryProbe.log(in: ByteSlice(utf8: "no such series\n")) == nil)
  }

  @Test("a latency is told by percentiles and drawn; none is said to be none")
  func latency() throws {
    let histogram = Histogram(.fine)
    for millis in 1...1_000 { histogram.record(.milliseconds(Int64(millis))) }
    let figures = LatencyFigures(histogram.snapshot)
    let fields = try json(figures.json)
    let half = try #require(fields["p50"].flatMap { Double($0.raw.text) })
    #expect((499...501).contains(half))
    #expect(fields["max"]?.raw.text == "1000.000")
    #expect(figures.table("x").contains("█"))
    #expect(LatencyFigures(Histogram(.fine).snapshot).table("x").contains("nothing measured"))
  }

  @Test("a minute's largest latency is its own, and not that of the whole run")
  func minutes() throws {
    let histogram = Histogram(.fine)
    histogram.record(.seconds(1))
    let first = histogram.snapshot
    histogram.record(.milliseconds(2))
    var second = histogram.snapshot
    second.subtract(first)
    let findings = SoakFindings(samples: [], minutes: [first, second])
    let minutes = try #require(try json(findings.json)["minutes"])
    let largest = minutes.elements.compactMap { $0["max"].flatMap { Double($0.raw.text) } }
    try #require(largest.count == 2)
    #expect(largest[0] == 1_000 && (2...2.01).contains(largest[1]))
    #expect(LatencyFigures(second).line.contains("max 2.00"))
  }

  @Test("numbers as text: rounded, with a sign, sizes in KiB and MiB")
  func numbers() {
    #expect(TableText.decimal(1.005, 1) == "1.0")
    #expect(TableText.decimal(0.999, 2) == "1.00")
    #expect(TableText.decimal(-2.5, 1) == "-2.5")
    #expect(TableText.decimal(.nan, 1) == "0")
    #expect(TableText.size(1536) == "1.5 KiB")
    #expect(TableText.size(3 << 20) == "3.0 MiB")
    #expect(JSONLine.quoted("a\"\\\n") == "\"a\\\"\\\\ \"")
  }
}
