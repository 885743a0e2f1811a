import Foundation
import TestSupport

/// Where the programs under test are, and a directory of one's own to use them in.
enum Workplace {
  static let programs = BuiltPrograms.folder

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

  /// Runs a program to its end.
  static func run(
    _ program: URL, _ arguments: [String], environment: [String: String] = [:],
    at folder: URL? = nil
  ) async throws -> (code: Int32, output: String, errors: String) {
    try await ChildProgram.run(program.path(), arguments, environment: environment, at: folder)
  }
}
