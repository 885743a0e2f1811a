import Foundation

/// Where the programs under test are, and a directory of one's own to use them in.
enum Workplace {
  /// The folder of the built programs: that of the test bundle.
  static let programs: URL = {
    let named = ProcessInfo.processInfo.environment["JODRELL_PROGRAMS"]
    return named.map { URL(filePath: $0) }
      ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  }()

  static var jodrell: URL { programs.appending(path: "jodrell") }
  static var bench: URL { programs.appending(path: "jodrell-bench") }

  /// The repository.
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A fresh directory below the system's temporary one; the caller removes it.
  static func directory(_ name: String) throws -> URL {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-\(name)-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }

  /// Runs a program to its end, its output in files so that no pipe can fill.
  static func run(
    _ program: URL, _ arguments: [String], environment: [String: String] = [:],
    at folder: URL? = nil
  ) async throws -> (code: Int32, output: String, errors: String) {
    let place = try directory("run")
    defer { try? FileManager.default.removeItem(at: place) }
    let output = place.appending(path: "out")
    let errors = place.appending(path: "err")
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle(output)
    process.standardError = try handle(errors)
    try process.run()
    while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    return (
      process.terminationStatus, try String(contentsOf: output, encoding: .utf8),
      try String(contentsOf: errors, encoding: .utf8)
    )
  }

  /// A file to write into, made anew.
  static func handle(_ file: URL) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: file.path(), contents: nil) else {
      throw CocoaError(.fileWriteUnknown)
    }
    return try FileHandle(forWritingTo: file)
  }
}
