import Foundation
import TestSupport

/// The program itself, for what only a process shows: what it prints and how it ends.
enum Program {
  static let jodrell = BuiltPrograms.folder.appending(path: "jodrell").path()

  /// Runs it to its end.
  static func run(
    _ words: [String]
  ) async throws -> (code: Int32, output: String, errors: String) {
    try await ChildProgram.run(jodrell, words)
  }
}
