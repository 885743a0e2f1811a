import Foundation

/// The repository as the rules see it.
struct House {
  let root: URL
  /// All Swift files of `Sources`, `bench` and `Tests`.
  let files: [SourceFile]

  /// The folder that holds Package.swift, found upwards from this file.
  static let root: URL = {
    var folder = URL(filePath: #filePath).deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path()),
      folder.path() != "/"
    { folder.deleteLastPathComponent() }
    return folder
  }()

  static let here = Result { try House(root: root) }

  init(root: URL) throws {
    self.root = root
    files = try ["Sources", "bench", "Tests"].flatMap { top in
      try Self.paths(under: root.appending(path: top), ending: "swift").map { path in
        SourceFile(
          path: "\(top)/\(path)",
          text: try String(contentsOf: root.appending(path: "\(top)/\(path)"), encoding: .utf8))
      }
    }
  }

  func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// Paths of all files that belong to the house: those that git tracks. In a copy without git all
  /// that are not hidden, but for the data of a gateway.
  func belongings() throws -> [String] {
    let tracked = Self.tracked(in: root)
    guard tracked.isEmpty else { return tracked }
    return try Self.paths(under: root).filter { $0 != "data" && !$0.hasPrefix("data/") }
  }

  /// Nothing where there is no git, or no clone.
  private static func tracked(in root: URL) -> [String] {
    let git = Process()
    git.executableURL = URL(filePath: "/usr/bin/env")
    git.arguments = ["git", "ls-files", "-z"]
    git.currentDirectoryURL = root
    git.standardError = FileHandle.nullDevice
    let output = Pipe()
    git.standardOutput = output
    do { try git.run() } catch { return [] }
    let list = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    guard git.terminationStatus == 0 else { return [] }
    return list.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Paths of the files below a folder, sorted, hidden ones and `.build` left out.
  ///
  /// - Parameter ending: nil: whatever they end in.
  static func paths(under folder: URL, ending: String? = nil) throws -> [String] {
    let base = folder.resolvingSymlinksInPath()
    guard
      let walk = FileManager.default.enumerator(
        at: base, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
    else { return [] }
    let prefix = base.path().hasSuffix("/") ? base.path() : base.path() + "/"
    return walk.compactMap { $0 as? URL }
      .filter { ending == nil ? !$0.hasDirectoryPath : $0.pathExtension == ending }
      .map { String($0.path().dropFirst(prefix.count)) }.sorted()
  }
}

/// The import table of docs/architecture.md: what each room may import.
struct ImportTable {
  let rooms: [String: Set<String>]

  /// Reads, in the section "The rooms", rows such as ``| `Events` | the envelope | Bytes, JSONText
  /// |``; `nothing` stands for none.
  init(page: String) {
    var rooms: [String: Set<String>] = [:]
    let section = page.split(separator: "\n## ").first { $0.hasPrefix("The rooms\n") }
    for line in (section ?? "").split(separator: "\n") {
      guard let row = line.wholeMatch(of: #/\| `([\w/-]+)` \|[^|]*\| ([^|]*) \|/#) else { continue }
      let names = row.2.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      rooms[String(row.1)] = Set(names.filter { $0 != "nothing" })
    }
    self.rooms = rooms
  }

  /// What Package.swift lets each room depend on, read from its text.
  static func ofManifest(_ manifest: String) -> [String: Set<String>] {
    var rooms: [String: Set<String>] = [:]
    for found in manifest.matches(of: #/\n    room\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?\s*\)/#) {
      rooms[String(found.1)] = Self.names(found.2 ?? "")
    }
    let executable = #/\.executableTarget\(\s*name: "([\w-]+)",\s*dependencies: \[([^\]]*)\]/#
    for found in manifest.matches(of: executable) {
      rooms[String(found.1)] = Self.names(found.2)
    }
    return rooms
  }

  private static func names(_ list: Substring) -> Set<String> {
    Set(list.matches(of: #/"([\w-]+)"/#).map { String($0.1) })
  }
}
