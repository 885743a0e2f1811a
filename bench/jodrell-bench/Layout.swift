import Bytes

/// Text in columns, for people.
enum TableText {
  /// A line of a section: a name, a figure, and a remark.
  static func row(_ name: String, _ value: String, _ note: String = "") -> String {
    let line =
      "  " + name + String(repeating: " ", count: max(16 - name.count, 1))
      + String(repeating: " ", count: max(14 - value.count, 0)) + value
    return (note.isEmpty ? line : line + "   " + note) + "\n"
  }

  /// A number with so many digits behind the point; negative ones have a sign.
  static func decimal(_ value: Double, _ digits: Int) -> String {
    guard value >= 0 else {
      return value < 0 ? "-" + decimal(-value, digits) : "0"
    }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = UInt64(min((value * scale).rounded(), 1e18))
    guard digits > 0 else { return "\(scaled)" }
    let fraction = "\(scaled % UInt64(scale))"
    return "\(scaled / UInt64(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  static func milliseconds(_ nanoseconds: UInt64) -> String {
    decimal(Double(nanoseconds) / 1e6, 3)
  }

  /// A span, which counts as none where it is negative.
  static func milliseconds(_ span: TimeSpan) -> String {
    milliseconds(UInt64(max(span.nanoseconds, 0)))
  }

  static func size(_ bytes: UInt64) -> String {
    bytes < 1 << 20
      ? decimal(Double(bytes) / 1024, 1) + " KiB" : decimal(Double(bytes) / 1_048_576, 1) + " MiB"
  }
}

/// JSON, for programs.
enum JSONLine {
  static func object(_ fields: [(String, String)]) -> String {
    "{" + fields.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }

  static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

  /// A string; control characters become spaces.
  static func quoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.map {
        $0 == "\"" || $0 == "\\"
          ? "\\\($0)" : $0.value < 0x20 ? " " : String($0)
      }.joined() + "\""
  }
}
