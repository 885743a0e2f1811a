public import Bytes

/// A latency histogram in the five numbers that topic statistics show.
public struct LatencySummary: Sendable, Equatable {
  /// How many were measured.
  public let count: UInt64
  public let p50: TimeSpan
  public let p90: TimeSpan
  public let p99: TimeSpan
  public let p999: TimeSpan
  public let largest: TimeSpan

  /// Nil when nothing was measured: no latency is not a latency of zero.
  public init?(_ histogram: HistogramSnapshot) {
    func span(_ parts: UInt64) -> TimeSpan {
      TimeSpan(nanoseconds: Int64(clamping: histogram.percentile(parts, of: 1000) ?? 0))
    }
    count = histogram.count
    guard count > 0 else { return nil }
    p50 = span(500)
    p90 = span(900)
    p99 = span(990)
    p999 = span(999)
    largest = TimeSpan(nanoseconds: Int64(clamping: histogram.largest))
  }

  /// Appends `{"count":8,"p50":0.412,"p90":…,"p99":…,"p999":…,"max":…}`, times in milliseconds with
  /// three decimals.
  public func appendJSON(to writer: inout ByteWriter) {
    writer.append("{\"count\":")
    writer.append(decimal: count)
    for (name, span) in [
      (",\"p50\":" as StaticString, p50), (",\"p90\":", p90), (",\"p99\":", p99),
      (",\"p999\":", p999), (",\"max\":", largest),
    ] {
      writer.append(name)
      writer.append(milliseconds: span)
    }
    writer.append("}")
  }

  /// `null` for a latency never measured, else the object of `appendJSON`.
  public static func appendJSON(of summary: LatencySummary?, to writer: inout ByteWriter) {
    if let summary { summary.appendJSON(to: &writer) } else { writer.append("null") }
  }
}

extension ByteWriter {
  /// Milliseconds with three decimals, rounded to the nearest microsecond; negative spans count as
  /// none.
  public mutating func append(milliseconds span: TimeSpan) {
    let microseconds = (UInt64(max(span.nanoseconds, 0)) + 500) / 1_000
    append(decimal: microseconds / 1_000)
    append(ASCII.dot)
    append(decimal: microseconds % 1_000, width: 3)
  }
}
