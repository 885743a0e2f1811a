/// Rows of text under a heading, columns as wide as their widest cell.
struct Table {
  enum Alignment: Sendable {
    case left
    case right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

  /// Cells are shown as text: control characters cannot move the cursor.
  mutating func add(_ cells: [String]) { rows.append(cells.map(\.printable)) }

  var isEmpty: Bool { rows.isEmpty }

  func text(_ ink: Ink, indent: String = "") -> String {
    let widths = columns.indices.map { column in
      max(columns[column].title.count, rows.map { $0[column].count }.max() ?? 0)
    }
    func line(_ cells: [String]) -> String {
      var text = indent
      for (column, cell) in cells.enumerated() {
        if column > 0 { text += "  " }
        let isLast = column == cells.count - 1
        switch columns[column].alignment {
        case .left: text += isLast ? cell : cell.padded(widths[column])
        case .right: text += cell.leftPadded(widths[column])
        }
      }
      while text.last == " " { text.removeLast() }
      return text
    }
    let heading = ink.dim(line(columns.map(\.title)))
    return ([heading] + rows.map(line)).joined(separator: "\n") + "\n"
  }
}

/// Numbers as people read them.
enum Figures {
  /// Bytes with the unit that leaves one to three digits before the point.
  static func bytes(_ count: UInt64) -> String {
    var value = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 || unit == "GiB" {
        return unit == "B" ? "\(count) B" : "\(tenths(value)) \(unit)"
      }
      value /= 1024
    }
    return "\(count) B"
  }

  /// One digit behind the point.
  static func tenths(_ value: Double) -> String {
    let rounded = Int((value * 10).rounded())
    return "\(rounded / 10).\(rounded % 10)"
  }
}
