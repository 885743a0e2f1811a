/// Reads Prometheus' text format the way its own checker does and names each rule that is broken.
struct ExpositionCheck {
  private(set) var faults: [String] = []
  /// Values by the series' full text: `name{labels}`.
  private(set) var samples: [String: Double] = [:]
  private(set) var types: [String: String] = [:]

  private var current = ""
  private var helped: Set<String> = []
  private var buckets: [String: [(bound: Double, count: Double)]] = [:]

  init(_ text: String) {
    if !text.isEmpty, text.last != "\n" { faults.append("no line feed at the end") }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      read(String(line))
    }
    finish()
  }

  private mutating func read(_ line: String) {
    if line.hasPrefix("# ") {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      guard words.count >= 4 else { return faults.append("short comment: \(line)") }
      comment(words[1], words[2], words[3])
    } else {
      sample(line)
    }
  }

  private mutating func comment(_ kind: String, _ name: String, _ rest: String) {
    switch kind {
    case "HELP":
      if !helped.insert(name).inserted { faults.append("second HELP of \(name)") }
      current = name
    case "TYPE":
      if current != name { faults.append("TYPE of \(name) away from its HELP") }
      if types.updateValue(rest, forKey: name) != nil { faults.append("second TYPE of \(name)") }
      if !["counter", "gauge", "histogram"].contains(rest) { faults.append("type \(rest)") }
      if (rest == "counter") != name.hasSuffix("_total") {
        faults.append("\(name): _total is for counters, and all of them")
      }
    default: faults.append("comment \(kind)")
    }
  }

  private mutating func sample(_ line: String) {
    guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...])
    else { return faults.append("not a sample: \(line)") }
    let series = String(line[..<space])
    let brace = series.firstIndex(of: "{") ?? series.endIndex
    let name = String(series[..<brace])
    let labels = Self.labels(String(series[brace...]))
    if labels == nil { faults.append("labels: \(line)") }
    if !name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) {
      faults.append("name: \(name)")
    }
    if samples.updateValue(value, forKey: series) != nil { faults.append("twice: \(series)") }
    if value < 0 || !value.isFinite { faults.append("value: \(line)") }
    var family = name
    if types[current] == "histogram" {
      for suffix in ["_bucket", "_sum", "_count"] where name == current + suffix {
        family = current
      }
      if name == current + "_bucket" { bucket(labels ?? [], value) }
    }
    if family != current { faults.append("\(name) stands in the family \(current)") }
  }

  private mutating func bucket(_ labels: [(String, String)], _ value: Double) {
    guard let bound = labels.first(where: { $0.0 == "le" }).flatMap({ Double($0.1) }) else {
      return faults.append("bucket without le in \(current)")
    }
    let rest = labels.filter { $0.0 != "le" }.map { "\($0.0)=\"\(Self.escape($0.1))\"" }
      .joined(separator: ",")
    buckets[current + "\n" + rest, default: []].append((bound, value))
  }

  private mutating func finish() {
    for (key, rows) in buckets {
      let parts = key.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      let labels = parts[1].isEmpty ? "" : "{\(parts[1])}"
      for (before, after) in zip(rows, rows.dropFirst()) {
        if before.bound >= after.bound { faults.append("bounds of \(key) do not rise") }
        if before.count > after.count { faults.append("buckets of \(key) fall") }
      }
      if rows.last?.bound != .infinity { faults.append("no +Inf in \(key)") }
      if rows.last?.count != samples["\(parts[0])_count\(labels)"] {
        faults.append("+Inf of \(key) is not its count")
      }
      if samples["\(parts[0])_sum\(labels)"] == nil { faults.append("no sum of \(key)") }
    }
    for name in helped where types[name] == nil { faults.append("no TYPE of \(name)") }
  }

  private static func escape(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      .replacing("\n", with: "\\n")
  }

  /// `{a="b",c="d"}` as pairs, escapes undone; nil when it is not that.
  static func labels(_ text: String) -> [(String, String)]? {
    guard !text.isEmpty else { return [] }
    guard text.first == "{", text.last == "}" else { return nil }
    var pairs: [(String, String)] = []
    var rest = text.dropFirst().dropLast()[...]
    while !rest.isEmpty {
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let name = String(rest[..<equals])
      guard let first = name.first, first.isLetter, !pairs.contains(where: { $0.0 == name }) else {
        return nil
      }
      rest = rest[rest.index(after: equals)...]
      guard rest.popFirst() == "\"" else { return nil }
      var value = ""
      closing: while true {
        switch rest.popFirst() {
        case nil: return nil
        case "\"": break closing
        case "\\":
          switch rest.popFirst() {
          case "n": value += "\n"
          case "\\": value += "\\"
          case "\"": value += "\""
          default: return nil
          }
        case .some(let character): value.append(character)
        }
      }
      pairs.append((name, value))
      if rest.isEmpty { break }
      guard rest.popFirst() == ",", !rest.isEmpty else { return nil }
    }
    return pairs
  }
}
