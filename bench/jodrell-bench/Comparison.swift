import Bytes
import Foundation
import JSONText

/// `jodrell-bench compare A.json B.json`: the figures that two results share, side by side.
struct Comparison {
  struct Row: Equatable {
    /// The figure's place, such as `latency.p99`.
    let name: String
    let first: Double
    let second: Double

    /// The second as a multiple of the first; nil where that means nothing.
    var ratio: Double? { first == 0 ? nil : second / first }
  }

  let rows: [Row]

  /// Lists, such as the series of seconds, are left out.
  init(_ first: JSONNode, _ second: JSONNode) {
    rows = Self.rows(first, second, under: "")
  }

  private static func rows(_ first: JSONNode, _ second: JSONNode, under name: String) -> [Row] {
    if let one = first.figure, let other = second.figure {
      return [Row(name: name, first: one, second: other)]
    }
    guard first.kind == .object, second.kind == .object else { return [] }
    return first.members.flatMap { key, value in
      guard let other = second[key] else { return [Row]() }
      return rows(value, other, under: name.isEmpty ? key.text : "\(name).\(key.text)")
    }
  }

  static func run(_ words: [String]) throws -> Int32 {
    var arguments = Arguments(words)
    let asJSON = arguments.flag("--json")
    guard let first = arguments.word(), let second = arguments.word() else {
      throw UsageFault("compare takes two files")
    }
    try arguments.finish()
    let comparison = Comparison(try document(first), try document(second))
    guard !comparison.rows.isEmpty else {
      complain("the two have no figure in common")
      return ExitCode.failed
    }
    say(asJSON ? comparison.json + "\n" : comparison.table(first, second))
    return ExitCode.good
  }

  private static func document(_ path: String) throws(UsageFault) -> JSONNode {
    let bytes = try fileBytes(path, of: "compare")
    guard let document = try? JSONDocument(parsing: bytes) else {
      throw UsageFault("compare: \(path) is no JSON")
    }
    return document.root
  }

  func table(_ first: String, _ second: String) -> String {
    let name = { (path: String) in String(path.split(separator: "/").last ?? "") }
    let width = max(rows.map(\.name.count).max() ?? 0, 8) + 2
    func line(_ cells: [String]) -> String {
      let columns = cells.dropFirst().map {
        String(repeating: " ", count: max(16 - $0.count, 1)) + $0
      }
      return cells[0] + String(repeating: " ", count: max(width - cells[0].count, 1))
        + columns.joined() + "\n"
    }
    var text = line(["", name(first), name(second), "ratio"])
    for row in rows {
      text += line([
        row.name, TableText.decimal(row.first, 3), TableText.decimal(row.second, 3),
        row.ratio.map { TableText.decimal($0, 3) } ?? "",
      ])
    }
    return text
  }

  var json: String {
    JSONLine.object(
      rows.map { row in
        let ratio = row.ratio.map { TableText.decimal($0, 4) } ?? "null"
        let values = [
          ("first", TableText.decimal(row.first, 3)), ("second", TableText.decimal(row.second, 3)),
          ("ratio", ratio),
        ]
        return (row.name, JSONLine.object(values))
      })
  }
}

extension JSONNode {
  /// A number's value; nil for anything else.
  fileprivate var figure: Double? { kind == .number ? Double(raw.text) : nil }
}
