import Foundation
import TestSupport

/// The program itself, for what only a process shows: what it prints and how it ends.
enum Program {
  /// In the folder of the built programs, which is that of the test bundle.
  static let jodrell: String = {
    let named = ProcessInfo.processInfo.environment["JODRELL_PROGRAMS"]
    let folder =
      named.map { URL(filePath: $0) }
      ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    return folder.appending(path: "jodrell").path()
  }()

  /// Runs it to its end.
  static func run(
    _ words: [String]
  ) async throws -> (code: Int32, output: String, errors: String) {
    try await ChildProgram.run(jodrell, words)
  }
}
