/// The rules of the house that a program can check, each a function from a file to its findings.
enum Rules {
  /// Neither clock, thread, descriptor nor C library: instants and randomness are parameters there.
  static let pureRooms: Set = [
    "Bytes", "JSONText", "HTTPWire", "Authentication", "Tenancy", "Events", "Schemas", "Topics",
    "Subscriptions", "Settings",
  ]
  /// Which rooms may import a module that is no room.
  static let homes: [String: Set<String>] = [
    "Glibc": ["Network", "RocksStore", "jodrell", "bench", "Tests"],
    "Foundation": ["jodrell", "bench", "Tests"],
    "FoundationEssentials": ["jodrell", "bench", "Tests"],
    "CLinux": ["Network", "RocksStore", "jodrell"],
    "CNGHTTP2": ["HTTPWire"],
    "COpenSSL": ["Crypto"],
    "CPCRE2": ["Schemas"],
    "CIDN2": ["Schemas"],
    "CISAL": ["Bytes"],
    "CRocksDB": ["RocksStore"],
    "CTables": ["RocksStore"],
    "CWriteAhead": ["RocksStore"],
    "CYAML": ["Settings"],
    "CCurl": ["Fetching"],
    "Testing": ["Tests"],
    "Synchronization": [
      "Network", "RocksStore", "Schemas", "Delivery", "Topics", "Metrics", "Gateway", "Client",
      "jodrell", "Authentication", "Fetching", "Crypto", "bench", "Tests",
    ],
  ]

  /// Imports that the table of docs/architecture.md does not allow.
  static func imports(_ file: SourceFile, table: ImportTable) -> [Finding] {
    file.imports.compactMap { line, access, module in
      if let allowed = homes[module] {
        guard allowed.contains(file.room) else {
          let rooms = allowed.sorted().joined(separator: ", ")
          return Finding(
            path: file.path, line: line, advice: "\(module) is at home in \(rooms) only")
        }
        guard !module.hasPrefix("C") || access == "private" || file.room == "Tests" else {
          return Finding(
            path: file.path, line: line,
            advice: "a C library stays in its file: private import \(module)")
        }
        return nil
      }
      guard file.room != "Tests" else { return nil }
      guard table.rooms[file.room]?.contains(module) == true else {
        return Finding(
          path: file.path, line: line,
          advice: "\(file.room) may not import \(module) (docs/architecture.md, The rooms)")
      }
      return nil
    }
  }

  private struct Ban {
    let word: Regex<Substring>
    let instead: String
    /// Rooms that may use it.
    let free: Set<String>

    init(word: Regex<Substring>, instead: String, free: Set<String>) {
      // Unicode's words hold full stops, ours do not.
      self.word = word.wordBoundaryKind(.simple)
      self.instead = instead
      self.free = free
    }
  }

  /// Text without which no ban can match: most lines have none of it.
  private static let suspicious = [
    "Dispatch", "try!", "fatalError", "print(", "Manager", "Helper", "Util", "as!", "Date()",
    "andom", "Task", "async let",
  ]

  /// Made anew for each file, since regular expressions are not sendable.
  private static func bans() -> [Ban] {
    [
      Ban(
        word: #/\bDispatch(?:Queue|Group|Semaphore)\b/#, instead: "an event loop or Workers",
        free: []),
      Ban(word: #/\btry!/#, instead: "handle the error or let it rise", free: []),
      Ban(
        word: #/\bfatalError\(/#, instead: "a typed error, or precondition with its rule",
        free: []),
      Ban(word: #/\bprint\(/#, instead: "Metrics.LogWriter", free: ["jodrell", "bench"]),
      Ban(
        word: #/\b(?!FileManager)\w*(?:Manage[r]|Helpe[r]|Uti[l]s?|Utilitie[s])\b/#,
        instead: "a name for the duty", free: []),
      Ban(word: #/\bas!/#, instead: "as? with an answer for the other case", free: []),
      Ban(
        word: #/\bDate\(\)/#, instead: "an instant handed in", free: ["jodrell", "bench", "Tests"]),
      Ban(
        word: #/\bSystemRandomNumberGenerator\b|\.random\(in:/#,
        instead: "Crypto.SecureRandom, or a seeded generator handed in",
        free: ["Network", "jodrell", "bench", "Tests"]),
      Ban(
        word: #/\bTask(?:\.detached)?(?:\([^)]*\))? *\{/#,
        instead: "a task group that somebody awaits, or the room's loop",
        free: ["Network", "jodrell", "Client", "bench", "Tests"]),
      Ban(
        word: #/\basync let\b/#, instead: "a task group on the loop, or Workers", free: ["Tests"]),
    ]
  }

  /// Words that have a better replacement here.
  static func words(_ file: SourceFile) -> [Finding] {
    let bans = bans()
    return file.code.enumerated().flatMap { index, line in
      guard suspicious.contains(where: line.has) else { return [Finding]() }
      return bans.filter { !$0.free.contains(file.room) && line.contains($0.word) }.map { ban in
        let word = line.firstMatch(of: ban.word).map { String($0.output) } ?? ""
        return Finding(
          path: file.path, line: index + 1, advice: "not \(word) but \(ban.instead)")
      }
    }
  }

  private static func traces() -> [(word: Regex<Substring>, instead: String)] {
    [
      (#/(?:\s|["'`(=])\/(?:work|home|Users|root)\/\w+/#, "a path relative to the repository"),
      (#/\b(?:TODO|FIXME|XXX|HACK)\b/#, "do it, or say in the docs that it is not built"),
      (#/(?i)\bissues? #?\d+/#, "the reason itself, not a tracker's number"),
      // In backquotes it is a name of somebody else's.
      (
        #/(?i)\bworktree\b|\bstand-ins?\b|\bmilestone\b(?!`)/#,
        "what the code does, not how it was made"
      ),
    ]
  }

  /// Lower-case text without which none of them can match.
  private static let suspiciousTraces = [
    "/work/", "/home/", "/users/", "/root/", "todo", "fixme", "xxx", "hack", "issue", "worktree",
    "stand-in", "milestone",
  ]

  /// Traces of the workplace in code, comments and pages.
  static func traces(path: String, lines: [String]) -> [Finding] {
    let traces = traces().map { ($0.word.wordBoundaryKind(.simple), $0.instead) }
    return lines.enumerated().flatMap { index, line in
      guard suspiciousTraces.contains(where: line.lowercased().has) else { return [Finding]() }
      return traces.filter { line.contains($0.0) }.map {
        Finding(path: path, line: index + 1, advice: "write \($0.1)")
      }
    }
  }

  static let longestFile = 400
  static let widestLine = 100
  static let longestFunction = 70

  /// Sizes of files, lines and functions.
  static func shape(_ file: SourceFile) -> [Finding] {
    var findings: [Finding] = []
    if file.lines.count > longestFile {
      let advice = "\(file.lines.count) lines: a second reason to exist is a second file"
      findings.append(Finding(path: file.path, line: longestFile, advice: advice))
    }
    for (index, line) in file.lines.enumerated() where line.count > widestLine {
      // A regular expression's or a vector's literal cannot be broken.
      if file.room == "Tests" && (line.contains("#/") || line.contains("\"")) { continue }
      findings.append(
        Finding(path: file.path, line: index + 1, advice: "\(line.count) columns; 100 fit"))
    }
    for (start, length) in functions(of: file) where length > longestFunction {
      findings.append(
        Finding(
          path: file.path, line: start, advice: "\(length) lines: branch here, work in leaves"))
    }
    return findings
  }

  private static let keywords = ["func ", "init", "deinit", "subscript("]

  /// First line and length of every function; the formatter's indentation tells where it ends.
  static func functions(of file: SourceFile) -> [(start: Int, length: Int)] {
    var open: [(indent: Int, start: Int)] = []
    var found: [(start: Int, length: Int)] = []
    for (index, line) in file.code.enumerated() {
      let indent = line.prefix { $0 == " " }.count
      let text = line.dropFirst(indent)
      if Self.keywords.contains(where: { text.contains($0) }),
        text.contains(#/^(?:[\w@()]+ )*(?:func |init[?(<]|deinit\b|subscript\()/#)
      {
        // A requirement of a protocol, or a body on one line, never opens one.
        open.removeAll { $0.indent >= indent }
        open.append((indent, index + 1))
        if text.hasSuffix("}") { open.removeLast() }
      } else if text.hasPrefix("}"), let last = open.last, last.indent == indent {
        found.append((last.start, index + 2 - last.start))
        open.removeLast()
      } else if let last = open.last, !text.isEmpty, indent < last.indent {
        open.removeLast()
      }
    }
    return found
  }

  /// Promises that the compiler takes on trust, without their argument.
  static func safety(_ file: SourceFile) -> [Finding] {
    guard !file.lines.contains(where: { $0.contains("SAFETY:") }) else { return [] }
    let risky = #/@unchecked Sendable|nonisolated\(unsafe\)|@safe\b|\bunsafe\b|\bassumeIsolated\b/#
    guard let line = file.code.firstIndex(where: { $0.contains(risky) }) else { return [] }
    return [
      Finding(
        path: file.path, line: line + 1,
        advice: "takes safety into its own hands: say why it holds in a // SAFETY: comment")
    ]
  }
}
