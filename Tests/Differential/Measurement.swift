import Bytes
import Foundation
import Glibc
import JSONText
import Schemas

/// What tokenising and checking cost: all events of all folders in turn, for some seconds. Prints
/// one JSON object: the best and the median pass per event, and percentiles of single checks: of
/// tokenising alone, of tokenising and the verdict, and of explaining what was refused.
enum Measurement {
  private struct Case {
    let schema: CompiledSchema
    let events: [ByteSlice]
  }

  /// - Parameter pairs: schema, folder, schema, folder, …
  static func run(seconds: Double, pairs: [String]) {
    var cases: [Case] = []
    var compilation = 0.0
    for index in stride(from: 0, to: pairs.count, by: 2) {
      let text = contents(pairs[index])
      let began = now()
      do throws(SchemaFault) {
        let schema = try CompiledSchema.compile(text)
        compilation = max(compilation, Double(now() - began) / 1e6)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: pairs[index + 1])) ?? []
        cases.append(
          Case(
            schema: schema,
            events: names.sorted().map { contents("\(pairs[index + 1])/\($0)") }))
      } catch {
        unsafe puts(
          #"{"fault":"\#(error.reason.code)","compile_ms":\#(Double(now() - began) / 1e6)}"#)
        return
      }
    }
    report(cases, seconds: seconds, compilation: compilation)
  }

  private static func report(_ cases: [Case], seconds: Double, compilation: Double) {
    let scratch = SchemaScratch()
    let events = cases.reduce(0) { $0 + $1.events.count }
    let bytes = cases.reduce(0) { $0 + $1.events.reduce(0) { $0 + $1.count } }
    var refused = pass(cases, scratch)
    var passes: [Double] = []
    let end = now() + UInt64(seconds * 0.7 * 1e9)
    repeat {
      let began = now()
      refused = pass(cases, scratch)
      passes.append(Double(now() - began) / Double(events))
    } while now() < end
    var tokenising: [UInt64] = []
    var singles: [UInt64] = []
    var explaining: [UInt64] = []
    let singlesEnd = now() + UInt64(seconds * 0.3 * 1e9)
    repeat {
      for item in cases {
        for event in item.events {
          let began = now()
          let isText = (try? scratch.parser.parse(event)) != nil
          let tokenised = now()
          let verdict = isText ? item.schema.accepts(scratch.parser, scratch) : .valid
          let judged = now()
          tokenising.append(tokenised - began)
          singles.append(judged - began)
          guard verdict == .invalid || verdict == .patternLimit else { continue }
          _ = item.schema.explain(scratch.parser, scratch)
          explaining.append(now() - judged)
        }
      }
    } while now() < singlesEnd
    passes.sort()
    unsafe puts(
      """
      {"events":\(events),"bytes":\(bytes),"refused":\(refused),"compile_ms":\(compilation),\
      "best_ns":\(passes[0]),"median_ns":\(passes[passes.count / 2]),\
      "best_mb_s":\(Double(bytes) / Double(events) / passes[0] * 1000),\
      \(percentiles("tokenise", tokenising)),\(percentiles("single", singles)),\
      \(percentiles("explain", explaining)),"fuel":\(scratch.fuelUsed)}
      """)
  }

  /// The median and the 99th percentile as members.
  private static func percentiles(_ name: String, _ times: [UInt64]) -> String {
    let times = times.sorted()
    func part(_ part: Double) -> UInt64 {
      times.isEmpty ? 0 : times[Int(Double(times.count - 1) * part)]
    }
    return #""\#(name)_p50_ns":\#(part(0.5)),"\#(name)_p99_ns":\#(part(0.99))"#
  }

  /// Checks every event once; how many were refused.
  private static func pass(_ cases: [Case], _ scratch: SchemaScratch) -> Int {
    var refused = 0
    for item in cases {
      for event in item.events where item.schema.validate(event, scratch) != nil { refused += 1 }
    }
    return refused
  }

  private static func contents(_ path: String) -> ByteSlice {
    ByteSlice(FileManager.default.contents(atPath: path) ?? Data())
  }

  private static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
