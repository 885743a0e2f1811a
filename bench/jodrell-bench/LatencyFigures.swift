import Metrics

/// A latency distribution told: percentiles, mean, maximum, and a sketch.
struct LatencyFigures {
  let snapshot: HistogramSnapshot

  private static let percentiles: [(name: String, parts: UInt64)] = [
    ("p50", 50_000), ("p90", 90_000), ("p99", 99_000), ("p99.9", 99_900), ("p99.99", 99_990),
  ]

  init(_ snapshot: HistogramSnapshot) { self.snapshot = snapshot }

  /// The largest number: exact, or at most a bucket's width too high where an earlier snapshot was
  /// taken away. `snapshot.largest` is that of the whole run then.
  private var largest: UInt64 { snapshot.percentile(1, of: 1) ?? 0 }

  func table(_ title: String) -> String {
    var text = "\n\(title)\n"
    guard let mean = snapshot.mean else { return text + "  nothing measured\n" }
    for (name, parts) in Self.percentiles {
      if let value = snapshot.percentile(parts, of: 100_000) {
        text += TableText.row(name, TableText.milliseconds(value) + " ms")
      }
    }
    text += TableText.row("mean", TableText.milliseconds(mean) + " ms")
    text += TableText.row("max", TableText.milliseconds(largest) + " ms")
    return text + sketch
  }

  /// One line for a progress or a minute.
  var line: String {
    let values = [50, 99].map { (part: UInt64) in
      "p\(part) \(TableText.milliseconds(snapshot.percentile(part) ?? 0)) ms"
    }
    return (values + ["max \(TableText.milliseconds(largest)) ms"])
      .joined(separator: "   ")
  }

  /// Milliseconds by percentile.
  var json: String {
    var fields = Self.percentiles.compactMap { name, parts in
      snapshot.percentile(parts, of: 100_000).map {
        (name.replacing(".", with: ""), TableText.milliseconds($0))
      }
    }
    if let mean = snapshot.mean {
      fields.append(("mean", TableText.milliseconds(mean)))
      fields.append(("max", TableText.milliseconds(largest)))
    }
    return JSONLine.object(fields)
  }

  // MARK: - Sketch

  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// A small histogram: a column per third of an octave, its height the share of answers.
  private var sketch: String {
    let counts = columns
    guard let most = counts.map(\.count).max(), counts.count > 2 else { return "" }
    let bars = counts.map { column in
      column.count == 0
        ? " " : String(Self.blocks[Int(column.count * UInt64(Self.blocks.count - 1) / most)])
    }
    let first = TableText.milliseconds(counts[0].bound)
    let last = TableText.milliseconds(counts[counts.count - 1].bound)
    return "  \(first) ms \(bars.joined()) \(last) ms\n"
  }

  /// How many answers took up to each bound, from the first to the last bound with any.
  private var columns: [(bound: UInt64, count: UInt64)] {
    var columns: [(bound: UInt64, count: UInt64)] = []
    var bound = 10_000.0
    var index = 0
    while index < snapshot.counts.count, bound < 2e11 {
      var count: UInt64 = 0
      while index < snapshot.counts.count, Double(snapshot.scale.bound(of: index)) <= bound {
        count += snapshot.counts[index]
        index += 1
      }
      if count > 0 || !columns.isEmpty { columns.append((UInt64(bound), count)) }
      bound *= 1.259_921
    }
    while columns.last?.count == 0 { columns.removeLast() }
    return columns
  }
}
