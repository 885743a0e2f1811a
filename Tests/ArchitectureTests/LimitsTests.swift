import Foundation
import Testing

/// docs/limits.md lists every limit with its value: the page and the declarations are compared.
@Suite("Limits")
struct LimitsTests {
  /// Limits that other pages list, or that are made of several.
  private static let elsewhere: Set = [
    "JSONLimits.payload", "JSONLimits.token", "JSONLimits.settings",
  ]

  @Test("docs/limits.md names every declared limit, with its value")
  func page() throws {
    let house = try House.here.get()
    let listed = try Self.rows(of: house.text("docs/limits.md"))
    var declared: [String: String] = [:]
    for file in house.files where file.path.hasPrefix("Sources/") {
      declared.merge(Self.limits(in: file)) { first, _ in first }
    }
    #expect(declared.count > 60)
    #expect(
      Set(listed.keys).symmetricDifference(declared.keys).subtracting(Self.elsewhere).sorted() == []
    )
    for (name, expression) in declared {
      guard let row = listed[name] else { continue }
      let code = try #require(Self.value(expression), "\(name) = \(expression)")
      #expect(Self.value(row) == code, "\(name) is \(expression), the page says \(row)")
    }
  }

  /// The declarations of types called …Limits that have a number or a span.
  static func limits(in file: SourceFile) -> [String: String] {
    var found: [String: String] = [:]
    var type: String?
    for line in file.code {
      if line.has("Limits"), !line.hasPrefix(" "),
        let start = line.wholeMatch(of: #/\w* ?(?:struct|enum) (\w+Limits)\b.*/#)
      {
        type = String(start.1)
      } else if line == "}" {
        type = nil
      } else if let type,
        let limit = line.wholeMatch(
          of: #/  (?:\w+ )?(?:static let|var) (\w+)(?:: \w+)? = ([^{]+)/#)
      {
        found["\(type).\(limit.1)"] = String(limit.2)
      }
    }
    return found
  }

  /// The first two cells of rows whose first is a limit's name.
  static func rows(of page: String) -> [String: String] {
    var rows: [String: String] = [:]
    for row in page.matches(of: #/\n\| `(\w+Limits\.\w+)` \| ([^|]+) \|/#) {
      rows[String(row.1)] = String(row.2)
    }
    return rows
  }

  /// What `8 << 10`, `.seconds(12 * 3_600)`, `8 KiB` or `12 h` come to; times in microseconds.
  static func value(_ text: String) -> Int? {
    var factor = 1
    var text = text.replacing("_", with: "").trimmingCharacters(in: .whitespaces)
    if let span = text.wholeMatch(of: #/(?:TimeSpan)?\.(\w+)\((.+)\)/#) {
      let units = ["seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1]
      guard let unit = units[String(span.1)] else { return nil }
      factor = unit
      text = String(span.2)
    }
    let units = [
      " KiB": 1 << 10, " MiB": 1 << 20, " GiB": 1 << 30, " h": 3_600_000_000, " s": 1_000_000,
      " ms": 1_000, " µs": 1,
    ]
    for (suffix, unit) in units where text.hasSuffix(suffix) {
      factor = unit
      text = String(text.dropLast(suffix.count))
    }
    if let shift = text.wholeMatch(of: #/(\d+) << (\d+)/#), let a = Int(shift.1),
      let b = Int(shift.2)
    {
      return (a << b) * factor
    }
    let factors = text.split(separator: " * ").map { Int($0) }
    guard !factors.isEmpty, !factors.contains(nil) else { return nil }
    return factors.compactMap(\.self).reduce(factor, *)
  }

  @Test(arguments: [
    ("1 << 20", "1 MiB"), ("8 * 1024", "8 KiB"), ("50_000", "50000"),
    ("TimeSpan.seconds(12 * 3_600)", "12 h"), (".milliseconds(10)", "10 ms"),
    ("TimeSpan.microseconds(500)", "500 µs"),
  ])
  func `values are read in code's spelling and in prose's`(code: String, prose: String) {
    #expect(Self.value(code) != nil)
    #expect(Self.value(code) == Self.value(prose))
    #expect(Self.value(code) != Self.value("1" + prose))
  }
}
