import Bytes

/// Writes Prometheus' text format 0.0.4: families in the order given, each with its HELP and TYPE,
/// its series together. Only metrics of the catalogue can be written.
struct Exposition {
  private(set) var text: ByteWriter
  private var metric = MetricsCatalogue.publishSeconds

  init(capacity: Int) { text = ByteWriter(capacity: capacity) }

  /// Begins a metric; the samples that follow are its own.
  mutating func family(_ metric: MetricsCatalogue) {
    self.metric = metric
    text.append("# HELP ")
    text.append(text: metric.name)
    text.append(" ")
    text.append(text: metric.help)
    text.append("\n# TYPE ")
    text.append(text: metric.name)
    text.append(" ")
    text.append(text: metric.type.rawValue)
    text.append("\n")
  }

  /// A metric of one series without labels.
  mutating func family(_ metric: MetricsCatalogue, _ value: UInt64) {
    family(metric)
    sample([], value)
  }

  mutating func sample(_ labels: [SeriesLabel], _ value: UInt64) {
    series("", labels)
    number(value)
  }

  /// A histogram's series: cumulative buckets, the last of all, then sum and count.
  mutating func histogram(_ labels: [SeriesLabel], _ snapshot: HistogramSnapshot) {
    snapshot.cumulate { bound, count in
      series("_bucket", labels, bound: bound)
      text.append(decimal: count)
      text.append("\n")
    }
    let count = snapshot.count
    series("_bucket", labels, bound: .max)
    text.append(decimal: count)
    text.append("\n")
    series("_sum", labels)
    number(snapshot.sum)
    series("_count", labels)
    text.append(decimal: count)
    text.append("\n")
  }

  private mutating func series(
    _ suffix: StaticString, _ labels: [SeriesLabel], bound: UInt64? = nil
  ) {
    text.append(text: metric.name)
    text.append(suffix)
    if !labels.isEmpty || bound != nil { text.append("{") }
    for (index, label) in labels.enumerated() {
      if index > 0 { text.append(",") }
      label.append(to: &text)
    }
    if let bound {
      text.append(labels.isEmpty ? "le=\"" : ",le=\"")
      if bound == .max {
        text.append("+Inf")
      } else if metric.unit == .seconds {
        text.append(seconds: bound)
      } else {
        text.append(decimal: bound)
      }
      text.append("\"")
    }
    if !labels.isEmpty || bound != nil { text.append("}") }
    text.append(" ")
  }

  private mutating func number(_ value: UInt64) {
    if metric.unit == .seconds {
      text.append(seconds: value)
    } else {
      text.append(decimal: value)
    }
    text.append("\n")
  }
}

/// One label, or several rendered before.
enum SeriesLabel {
  case named(StaticString, StaticString)
  case text(StaticString, ByteSlice)
  case rendered(ByteSlice)

  func append(to text: inout ByteWriter) {
    switch self {
    case .named(let name, let value):
      text.append(name)
      text.append("=\"")
      text.append(value)
      text.append("\"")
    case .text(let name, let value):
      text.append(name)
      text.append("=\"")
      text.append(labelValue: value)
      text.append("\"")
    case .rendered(let labels): text.append(labels)
    }
  }
}

extension ByteWriter {
  /// A label's value with the three escapes of the format.
  mutating func append(labelValue value: ByteSlice) {
    for index in 0..<value.count {
      switch value[index] {
      case ASCII.backslash: append("\\\\")
      case ASCII.quote: append("\\\"")
      case ASCII.lineFeed: append("\\n")
      case let byte: append(byte)
      }
    }
  }

  /// Nanoseconds as seconds, exactly: `1.5`, `0.000065536`, `3`.
  mutating func append(seconds nanoseconds: UInt64) {
    append(decimal: nanoseconds / 1_000_000_000)
    var rest = nanoseconds % 1_000_000_000
    guard rest > 0 else { return }
    append(ASCII.dot)
    var scale: UInt64 = 100_000_000
    while rest > 0 {
      append(ASCII.zero + UInt8(truncatingIfNeeded: rest / scale))
      rest %= scale
      scale /= 10
    }
  }
}
